import { Counter, Gauge, Registry, collectDefaultMetrics, type Metric } from 'prom-client';
import { metricNames, namedByPeople, type MetricName } from './names.ts';

/** Different label sets a metric may have, and a counter has as many again for `other` names by what else they differ in. */
const MOST_LABEL_SETS = 500;

/** A number on the hot path: add to `value`. */
export interface Cell {
  value: number;
}

type Key = keyof typeof metricNames;
type KeyOf<Type extends MetricName['type']> = { [K in Key]: (typeof metricNames)[K]['type'] extends Type ? K : never }[Key];
export type CounterKey = KeyOf<'counter'>;
export type GaugeKey = KeyOf<'gauge'>;
export type HistogramKey = KeyOf<'histogram'>;

/** What is reported of a gauge when it is scraped. */
export interface Reading {
  readonly labels: readonly string[];
  readonly value: number;
}

/** A histogram as it stands: counts at or under each bound in seconds, bounds rising. */
export interface Distribution {
  readonly labels: readonly string[];
  readonly buckets: readonly (readonly [bound: number, cumulative: number])[];
  readonly count: number;
  readonly sum: number;
}

interface Family {
  readonly name: MetricName;
  readonly cells: Map<string, { readonly labels: readonly string[]; readonly cell: Cell }>;
}

/** Numbers of the process. Counting is adding to a cell; names, labels and text exist only when somebody scrapes. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #families = new Map<Key, Family>();
  readonly #readers = new Map<GaugeKey, () => Iterable<Reading>>();
  readonly #distributions = new Map<HistogramKey, () => Iterable<Distribution>>();
  readonly #beforeScrape: (() => void)[] = [];
  readonly #mostLabelSets: number;

  constructor(options: { readonly process?: boolean; readonly mostLabelSets?: number } = {}) {
    this.#registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    this.#mostLabelSets = options.mostLabelSets ?? MOST_LABEL_SETS;
    if (options.process === true) collectDefaultMetrics({ register: this.#registry });
    for (const key of Object.keys(metricNames) as Key[]) this.#register(key, metricNames[key]);
  }

  /** The cell of a counter for these label values, in the order of `metricNames`; the same object for the same values. */
  counter(key: CounterKey, ...labels: string[]): Cell {
    const family = this.#families.get(key) as Family;
    const id = labels.join('\n');
    const known = family.cells.get(id);
    if (known !== undefined) return known.cell;
    if (family.cells.size < this.#mostLabelSets) return this.#add(family, labels);
    if (key !== 'labelOverflow') this.counter('labelOverflow', family.name.name).value += 1;
    return this.#together(family, labels);
  }

  /** Where a gauge's values come from, asked at each scrape. */
  gauge(key: GaugeKey, read: () => Iterable<Reading>): void {
    this.#readers.set(key, read);
  }

  /** Where a histogram is kept, asked at each scrape. */
  histogram(key: HistogramKey, read: () => Iterable<Distribution>): void {
    this.#distributions.set(key, read);
  }

  /** Called at each scrape before anything is read. */
  beforeScrape(work: () => void): void {
    this.#beforeScrape.push(work);
  }

  /** All metrics as OpenMetrics text. */
  async scrape(): Promise<{ readonly contentType: string; readonly body: string }> {
    for (const work of this.#beforeScrape) work();
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  /** The cell of all that found no room of their own; what alerts tell apart stays apart, such as results. */
  #together(family: Family, labels: readonly string[]): Cell {
    const { labels: names } = family.name;
    const nameless = labels.map((value, index) => (namedByPeople.has(names[index] ?? '') ? 'other' : value));
    const known = family.cells.get(nameless.join('\n'));
    if (known !== undefined) return known.cell;
    const hasRoom = family.cells.size < 2 * this.#mostLabelSets;
    return this.#add(family, hasRoom ? nameless : labels.map(() => 'other'));
  }

  #add(family: Family, labels: readonly string[]): Cell {
    const id = labels.join('\n');
    const known = family.cells.get(id);
    if (known !== undefined) return known.cell;
    const cell = { value: 0 };
    family.cells.set(id, { labels, cell });
    return cell;
  }

  #register(key: Key, metric: MetricName): void {
    const options = { name: metric.name, help: metric.help, labelNames: [...metric.labels], registers: [this.#registry] };
    if (metric.type === 'counter') this.#registerCounter(key, metric, options);
    else if (metric.type === 'gauge') this.#registerGauge(key as GaugeKey, metric, options);
    else this.#registerHistogram(key as HistogramKey, metric);
  }

  #registerCounter(
    key: Key,
    metric: MetricName,
    options: { name: string; help: string; labelNames: string[]; registers: Registry[] },
  ): void {
    const family: Family = { name: metric, cells: new Map() };
    this.#families.set(key, family);
    new Counter({
      ...options,
      collect() {
        this.reset();
        for (const { labels, cell } of family.cells.values()) this.inc(named(metric, labels), cell.value);
      },
    });
  }

  #registerHistogram(key: HistogramKey, metric: MetricName): void {
    const { name, help } = metric;
    const get = (): Promise<unknown> => {
      const values = distributionValues(metric, first(this.#distributions.get(key)?.() ?? [], this.#mostLabelSets));
      return Promise.resolve({ name, help, type: 'histogram', values, aggregator: 'sum' });
    };
    this.#registry.registerMetric({ name, help, get, reset: () => undefined } as unknown as Metric);
  }

  #registerGauge(
    key: GaugeKey,
    metric: MetricName,
    options: { name: string; help: string; labelNames: string[]; registers: Registry[] },
  ): void {
    const readings = (): Iterable<Reading> => this.#readers.get(key)?.() ?? [];
    const most = this.#mostLabelSets;
    new Gauge({
      ...options,
      collect() {
        this.reset();
        for (const { labels, value } of first(readings(), most)) this.set(named(metric, labels), value);
      },
    });
  }
}

function* first<T>(items: Iterable<T>, most: number): Iterable<T> {
  let left = most;
  for (const item of items) {
    if (left === 0) return;
    left -= 1;
    yield item;
  }
}

function distributionValues(
  metric: MetricName,
  distributions: Iterable<Distribution>,
): { metricName: string; labels: Record<string, string>; value: number }[] {
  const values: { metricName: string; labels: Record<string, string>; value: number }[] = [];
  for (const { labels, buckets, count, sum } of distributions) {
    const own = named(metric, labels);
    for (const [bound, value] of buckets)
      values.push({ metricName: `${metric.name}_bucket`, labels: { ...own, le: String(bound) }, value });
    values.push({ metricName: `${metric.name}_bucket`, labels: { ...own, le: '+Inf' }, value: count });
    values.push({ metricName: `${metric.name}_sum`, labels: own, value: sum });
    values.push({ metricName: `${metric.name}_count`, labels: own, value: count });
  }
  return values;
}

function named(metric: MetricName, labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(metric.labels.map((label, index) => [label, labels[index] ?? '']));
}

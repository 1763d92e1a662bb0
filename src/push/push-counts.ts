import type { Cell, Distribution, Metrics } from '../observe/metrics.ts';
import type { Resource, ResourceStore } from '../store/resources.ts';
import type { Decision } from './attempt-outcome.ts';
import type { AttemptRecord } from './attempt-record.ts';

/** Different APIs and protocols counted apart; those that come later are counted together. */
const mostApart = 200;
/** Upper bounds in seconds, in which receivers answer. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What deliveries are counted under: everything that is delivered for one API by one protocol. */
export class PushCounts {
  readonly #metrics: Metrics;
  readonly #apart = new Map<string, AttemptCounts>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    metrics.histogram('pushAttemptDuration', () => [...this.#apart.values()].map((counts) => counts.durations()));
  }

  /** The same object for the same names, to be asked for once and kept. */
  of(api: string, protocol: string): AttemptCounts {
    const key = `${api} ${protocol}`;
    const known = this.#apart.get(key);
    if (known !== undefined) return known;
    if (this.#apart.size >= mostApart && api !== 'other') return this.of('other', protocol);
    const counts = new AttemptCounts(this.#metrics, api, protocol);
    this.#apart.set(key, counts);
    return counts;
  }
}

/** Counts attempts and what becomes of events: for each it adds to cells it has at hand. */
export class AttemptCounts {
  readonly #metrics: Metrics;
  readonly #labels: readonly [api: string, protocol: string];
  readonly #outcomes: Record<string, Cell> = Object.create(null) as Record<string, Cell>;
  readonly #ended: Readonly<Record<'delivered' | 'dead', Record<AttemptRecord['lane'], Cell>>>;
  readonly #dropped: Cell;
  /** One more than there are bounds: the last is for what took longer. */
  readonly #byBound = new Float64Array(bounds.length + 1);
  #seconds = 0;

  constructor(metrics: Metrics, api: string, protocol: string) {
    this.#metrics = metrics;
    this.#labels = [api, protocol];
    const cell = (result: string, lane: string): Cell => metrics.counter('pushEnded', api, protocol, lane, result);
    const cells = (result: string): Record<AttemptRecord['lane'], Cell> => ({
      first: cell(result, 'first'),
      retry: cell(result, 'retry'),
      replay: cell(result, 'replay'),
    });
    // At 0 from the beginning, so that the first one is seen as an increase.
    this.#ended = { delivered: cells('delivered'), dead: cells('dead') };
    this.#dropped = metrics.counter('pushDropped', api, protocol);
    for (const outcome of ['delivered', 'server-error', 'timeout', 'connect']) this.#cellOf(outcome);
  }

  /** One was made; what is called off by ourselves is none. */
  attempted({ outcome, lane, duration, eventIds }: AttemptRecord, decision: Decision): void {
    this.#cellOf(outcomeOf(decision)).value += 1;
    if (outcome === 'delivered' || outcome === 'dead') this.#ended[outcome][lane].value += eventIds?.length ?? 1;
    const seconds = duration / 1000;
    let index = 0;
    while (index < bounds.length && seconds > (bounds[index] as number)) index += 1;
    this.#byBound[index] = (this.#byBound[index] as number) + 1;
    this.#seconds += seconds;
  }

  /** So many dead letters were kept long enough. */
  dropped(letters: number): void {
    this.#dropped.value += letters;
  }

  /** How long attempts took since the start of the process. */
  durations(): Distribution {
    let count = 0;
    const buckets = bounds.map((bound, index) => [bound, (count += this.#byBound[index] as number)] as const);
    count += this.#byBound[bounds.length] as number;
    return { labels: this.#labels, buckets, count, sum: this.#seconds };
  }

  #cellOf(outcome: string): Cell {
    return (this.#outcomes[outcome] ??= this.#metrics.counter('pushAttempts', ...this.#labels, outcome));
  }
}

/** API and protocol of an endpoint, as metrics name them. */
export function countedUnder({ spec }: Resource<'endpoint'>, store: Pick<ResourceStore, 'byId'>): readonly [api: string, protocol: string] {
  const api = store.byId('subscription', spec.subscription)?.spec.api ?? '';
  return [api, spec.websub === undefined ? 'webhook' : 'websub'];
}

/** In the words the receiver is told with the next attempt. */
function outcomeOf(decision: Decision): string {
  if ('reason' in decision) return decision.reason;
  return decision.kind === 'abandon-message' ? 'abandoned' : decision.kind;
}

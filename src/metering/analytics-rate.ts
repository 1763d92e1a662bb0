import type { Database, SqlValue } from '../store/database.ts';
import type { AnalyticsQuery } from './insights.ts';
import { addSparse, bucketCount, percentileBucket, rateOf, type SparseHistogram } from './log-histogram.ts';
import { ringSeconds, type SecondRing } from './second-ring.ts';
import type { SeriesBoard } from './series-board.ts';

/** Subjects in one answer: each has hundreds of points. */
const MOST_SUBJECTS = 50;

const spans = {
  '1s': { step: 1, length: ringSeconds },
  '1m': { step: 60, length: 24 * 3600 },
  '1h': { step: 3600, length: 90 * 24 * 3600 },
} as const;
type Resolution = keyof typeof spans;

/** Rates of one direction in events per second, over the seconds of the span; a point that is missing was silent. */
interface Rate {
  readonly average: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly p95: number;
  readonly events: number;
  readonly points: readonly Readonly<Record<string, number | null>>[];
}

/** How rates went: by the second from memory, by minute and hour from the roll-ups. */
export async function rate(
  database: Database,
  board: SeriesBoard,
  tenant: string,
  query: AnalyticsQuery,
  now: number,
): Promise<Record<string, unknown>> {
  const resolution = query.resolution ?? resolutionFor(query, now);
  const { step, length } = spans[resolution];
  const align = (at: number): number => Math.floor(at / 1000 / step) * step;
  const to = align(query.to ?? now);
  const from = Math.max(align(query.from ?? now - length * 1000), to - length);
  const find =
    resolution === '1s'
      ? () => fromRings(board, { tenant, query, from, to })
      : () => fromSeries(database, { tenant, query, from, to, step });
  const found = await find();
  const items = [...found.entries()].map(([id, directions]) => ({
    id,
    delivered: directions.get('delivered') ?? null,
    published: directions.get('published') ?? null,
  }));
  items.sort((a, b) => total(b) - total(a));
  return { resolution, from: from * 1000, to: to * 1000, items: items.slice(0, MOST_SUBJECTS), subjects: items.length };
}

type Found = Map<string, Map<string, Rate>>;

function resolutionFor(query: AnalyticsQuery, now: number): Resolution {
  const span = query.from === undefined ? 0 : ((query.to ?? now) - query.from) / 1000;
  if (span <= spans['1s'].length) return '1s';
  return span <= spans['1m'].length ? '1m' : '1h';
}

function total(item: { readonly delivered: Rate | null; readonly published: Rate | null }): number {
  return (item.delivered?.events ?? 0) + (item.published?.events ?? 0);
}

interface Span {
  readonly tenant: string;
  readonly query: AnalyticsQuery;
  /** Seconds since 1970, inclusive and exclusive. */
  readonly from: number;
  readonly to: number;
}

function fromRings(board: SeriesBoard, { tenant, query, from, to }: Span): Promise<Found> {
  const found: Found = new Map();
  for (const ring of board.rings()) {
    if (ring.tenant !== tenant || ring.subject !== query.by || (query.id !== undefined && ring.id !== query.id)) continue;
    const direction = ringRate(ring, from, to);
    if (direction !== undefined) directionsOf(found, ring.id).set(ring.measure, direction);
  }
  return Promise.resolve(found);
}

function ringRate(ring: SecondRing, from: number, to: number): Rate | undefined {
  const points: { at: number; events: number }[] = [];
  const rates: number[] = [];
  let events = 0;
  for (let second = from; second < to; second += 1) {
    const n = ring.at(second);
    rates.push(n);
    events += n;
    if (n > 0) points.push({ at: second * 1000, events: n });
  }
  if (events === 0) return undefined;
  rates.sort((a, b) => a - b);
  const p95 = rates[Math.ceil(rates.length * 0.95) - 1] as number;
  return { average: events / rates.length, minimum: rates[0] as number, maximum: rates.at(-1) as number, p95, events, points };
}

async function fromSeries(database: Database, { tenant, query, from, to, step }: Span & { readonly step: number }): Promise<Found> {
  const parameters: SqlValue[] = [tenant, step, query.by, from, to];
  if (query.id !== undefined) parameters.push(query.id);
  const rows = await database.query(
    `SELECT measure, id, at, n, low, high, p95, histogram FROM series WHERE tenant = ? AND step = ? AND measure IN ('delivered', 'published')
       AND subject = ? AND at >= ? AND at < ? ${query.id === undefined ? '' : 'AND id = ?'} ORDER BY at LIMIT 200000`,
    parameters,
  );
  const groups = new Map<string, { id: string; measure: string; rows: Record<string, SqlValue>[] }>();
  for (const row of rows) {
    const id = String(row['id']);
    const measure = String(row['measure']);
    const key = `${measure}\n${id}`;
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = { id, measure, rows: [] }));
    group.rows.push(row);
  }
  const found: Found = new Map();
  for (const { id, measure, rows: own } of groups.values()) directionsOf(found, id).set(measure, seriesRate(own, (to - from) / step, step));
  return found;
}

function seriesRate(rows: readonly Record<string, SqlValue>[], steps: number, step: number): Rate {
  const histogram = new Float64Array(bucketCount);
  let events = 0;
  let maximum = 0;
  let minimum = rows.length < steps ? 0 : Number.POSITIVE_INFINITY;
  let seconds = 0;
  const points = rows.map((row) => {
    const n = Number(row['n']);
    events += n;
    maximum = Math.max(maximum, row['high'] === null ? n / step : Number(row['high']));
    minimum = Math.min(minimum, Number(row['low'] ?? 0));
    if (row['histogram'] !== null) {
      addSparse(histogram, JSON.parse(String(row['histogram'])) as SparseHistogram);
      seconds += step;
    }
    return {
      at: Number(row['at']) * 1000,
      events: n,
      average: n / step,
      minimum: numberOrNull(row['low']),
      maximum: numberOrNull(row['high']),
      p95: numberOrNull(row['p95']),
    };
  });
  const silent = Math.max(0, (steps - rows.length) * step);
  if (seconds > 0) histogram[0] = (histogram[0] as number) + silent;
  return {
    average: events / Math.max(1, steps * step),
    minimum,
    maximum,
    p95: rateOf(percentileBucket(histogram, 0.95) ?? 0),
    events,
    points,
  };
}

function directionsOf(found: Found, id: string): Map<string, Rate> {
  let directions = found.get(id);
  if (directions === undefined) found.set(id, (directions = new Map()));
  return directions;
}

function numberOrNull(value: SqlValue | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}

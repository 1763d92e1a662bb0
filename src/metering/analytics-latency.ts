import type { Database } from '../store/database.ts';
import type { AnalyticsQuery } from './insights.ts';
import type { LatencyBoard } from './latency-board.ts';
import { addSparse, bucketCount, latencyOf, percentileBucket, toSparse, type SparseHistogram } from './log-histogram.ts';

const DAY = 24 * 3600;

/** Percentiles in milliseconds from offering to durable (`publish`) and from acceptance to the reader (`deliver`). */
export async function latency(
  database: Database,
  board: LatencyBoard,
  tenant: string,
  query: AnalyticsQuery,
  now: number,
): Promise<Record<string, unknown>> {
  const to = Math.ceil((query.to ?? now + 60_000) / 1000);
  const from = Math.floor((query.from ?? now - DAY * 1000) / 1000);
  const step = to - from <= DAY + 120 ? 60 : 3600;
  const owner = query.by === 'application' ? await applications(database, tenant) : undefined;
  const idOf = (subscription: string): string | undefined => (owner === undefined ? subscription : owner.get(subscription));
  const found = new Map<string, { publish: Float64Array; deliver: Float64Array }>();
  const add = (id: string | undefined, measure: 'publish' | 'deliver', counts: SparseHistogram): void => {
    if (id === undefined || (query.id !== undefined && query.id !== id)) return;
    let entry = found.get(id);
    if (entry === undefined) found.set(id, (entry = { publish: new Float64Array(bucketCount), deliver: new Float64Array(bucketCount) }));
    addSparse(entry[measure], counts);
  };
  // An application's latencies are those of its subscriptions.
  const subject = query.by === 'application' ? 'subscription' : query.by;
  const rows = await database.query(
    `SELECT measure, id, histogram FROM series WHERE tenant = ? AND step = ? AND measure IN ('latency-published', 'latency-delivered')
       AND subject = ? AND at >= ? AND at < ? AND histogram IS NOT NULL`,
    [tenant, step, subject, from, to],
  );
  for (const row of rows) {
    const id = idOf(String(row['id']));
    add(id, row['measure'] === 'latency-published' ? 'publish' : 'deliver', JSON.parse(String(row['histogram'])) as SparseHistogram);
  }
  if (to * 1000 > now) {
    for (const { id, published, delivered } of unwritten(board, tenant, subject)) {
      add(idOf(id), 'publish', toSparse(published));
      add(idOf(id), 'deliver', toSparse(delivered));
    }
  }
  const items = [...found].map(([id, { publish, deliver }]) => ({ id, publish: percentiles(publish), deliver: percentiles(deliver) }));
  const overflow = subject === 'reader' ? board.readers.overflow : subject === 'channel' ? board.channels.overflow : 0;
  return { from: from * 1000, to: to * 1000, overflow, items: items.filter((item) => item.publish !== null || item.deliver !== null) };
}

type Unwritten = Readonly<Record<'published' | 'delivered', Float64Array>> & { readonly id: string };

/** What was counted since the last roll-up. */
function* unwritten(board: LatencyBoard, tenant: string, subject: 'reader' | 'channel' | 'subscription' | 'api'): Iterable<Unwritten> {
  if (subject === 'reader' || subject === 'channel') {
    const { readers, channels } = board;
    for (const latency of (subject === 'reader' ? readers : channels).values()) if (latency.tenant === tenant) yield latency;
    return;
  }
  for (const latencies of board.values()) if (latencies.tenant === tenant) yield { ...latencies, id: latencies[subject] };
}

async function applications(database: Database, tenant: string): Promise<ReadonlyMap<string, string>> {
  const rows = await database.query(
    `SELECT DISTINCT subscription, application FROM reader WHERE tenant = ?
     UNION SELECT DISTINCT subscription, application FROM publish_usage WHERE tenant = ?`,
    [tenant, tenant],
  );
  return new Map(rows.map((row) => [String(row['subscription']), String(row['application'])]));
}

function percentiles(histogram: Float64Array): { count: number; p50: number; p95: number; p99: number } | null {
  const count = histogram.reduce((sum, n) => sum + n, 0);
  if (count === 0) return null;
  const at = (share: number): number => Number(latencyOf(percentileBucket(histogram, share) as number).toPrecision(3));
  return { count, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

import type { Database } from '../store/database.ts';
import type { AnalyticsQuery } from './insights.ts';
import type { LatencyBoard } from './latency-board.ts';
import { addSparse, bucketCount, latencyOf, percentileBucket, toSparse, type SparseHistogram } from './log-histogram.ts';

const DAY = 24 * 3600;

/** Latencies are kept for these subjects; an application's are those of its subscriptions. */
const kept: ReadonlySet<string> = new Set(['subscription', 'application', 'api']);

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
  if (!kept.has(query.by))
    return { from: from * 1000, to: to * 1000, items: [], sentence: 'Latencies are kept by subscription, application and API.' };
  const owner = query.by === 'application' ? await applications(database, tenant) : undefined;
  const idOf = (subscription: string): string | undefined => (owner === undefined ? subscription : owner.get(subscription));
  const found = new Map<string, { publish: Float64Array; deliver: Float64Array }>();
  const add = (id: string | undefined, measure: 'publish' | 'deliver', counts: SparseHistogram): void => {
    if (id === undefined || (query.id !== undefined && query.id !== id)) return;
    let entry = found.get(id);
    if (entry === undefined) found.set(id, (entry = { publish: new Float64Array(bucketCount), deliver: new Float64Array(bucketCount) }));
    addSparse(entry[measure], counts);
  };
  const subject = query.by === 'api' ? 'api' : 'subscription';
  const rows = await database.query(
    `SELECT measure, id, histogram FROM series WHERE tenant = ? AND step = ? AND measure IN ('latency-published', 'latency-delivered')
       AND subject = ? AND at >= ? AND at < ? AND histogram IS NOT NULL`,
    [tenant, step, subject, from, to],
  );
  for (const row of rows) {
    const id = subject === 'api' ? String(row['id']) : idOf(String(row['id']));
    add(id, row['measure'] === 'latency-published' ? 'publish' : 'deliver', JSON.parse(String(row['histogram'])) as SparseHistogram);
  }
  if (to * 1000 > now) {
    for (const latencies of board.values()) {
      if (latencies.tenant !== tenant) continue;
      const id = subject === 'api' ? latencies.api : idOf(latencies.subscription);
      add(id, 'publish', toSparse(latencies.published));
      add(id, 'deliver', toSparse(latencies.delivered));
    }
  }
  const items = [...found].map(([id, { publish, deliver }]) => ({ id, publish: percentiles(publish), deliver: percentiles(deliver) }));
  return { from: from * 1000, to: to * 1000, items: items.filter((item) => item.publish !== null || item.deliver !== null) };
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

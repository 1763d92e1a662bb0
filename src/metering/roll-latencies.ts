import type { Database } from '../store/database.ts';
import { bulk } from './bulk.ts';
import type { Latencies, LatencyBoard, LatencyMeasure } from './latency-board.ts';
import { addSparse, bucketCount, toSparse, type SparseHistogram } from './log-histogram.ts';

/** Writes the latencies counted since the last time as those of `minute`, by subscription and by API. */
export async function rollLatencies(database: Database, board: LatencyBoard, minute: number): Promise<void> {
  const rows: (string | number)[][] = [];
  const taken: { readonly from: Latencies; readonly measure: LatencyMeasure; readonly counts: SparseHistogram }[] = [];
  const apis = new Map<
    string,
    { readonly tenant: string; readonly api: string; readonly measure: string; readonly histogram: Float64Array }
  >();
  for (const from of board.values()) {
    const { tenant, api, subscription } = from;
    for (const measure of ['published', 'delivered'] as const) {
      const counts = toSparse(from[measure]);
      if (counts.length === 0) continue;
      taken.push({ from, measure, counts });
      rows.push(row(tenant, `latency-${measure}`, 'subscription', subscription, minute, counts));
      const key = `${tenant}\n${api}\n${measure}`;
      let sum = apis.get(key);
      if (sum === undefined)
        apis.set(key, (sum = { tenant, api, measure: `latency-${measure}`, histogram: new Float64Array(bucketCount) }));
      addSparse(sum.histogram, counts);
    }
  }
  for (const { tenant, api, measure, histogram } of apis.values()) rows.push(row(tenant, measure, 'api', api, minute, toSparse(histogram)));
  if (rows.length === 0) return;
  await database.transact(bulk('INSERT OR REPLACE INTO series (tenant, step, measure, subject, id, at, n, bytes, histogram)', '', 9, rows));
  for (const { from, measure, counts } of taken) board.rolledUp(from, measure, counts);
}

function row(tenant: string, measure: string, subject: string, id: string, minute: number, counts: SparseHistogram): (string | number)[] {
  const n = counts.reduce((sum, [, count]) => sum + count, 0);
  return [tenant, 60, measure, subject, id, minute * 60, n, 0, JSON.stringify(counts)];
}

import type { Database } from '../store/database.ts';
import { bulk } from './bulk.ts';
import type { Latencies, LatencyBoard, LatencyMeasure } from './latency-board.ts';
import { addSparse, bucketCount, countIn, toSparse, type SparseHistogram } from './log-histogram.ts';

/** Writes the latencies counted since the last time as those of `minute`, by subscription, API, channel and reader. */
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
  const subjects = takeSubjects(board, minute, rows);
  if (rows.length > 0) await writeRows(database, rows);
  for (const { from, measure, counts } of taken) board.rolledUp(from, measure, counts);
  for (const { histogram, counts } of subjects) for (const [bucket, count] of counts) countIn(histogram, bucket, -count);
  board.renew();
}

/** Adds the rows of readers and channels; returns what is to be taken off once they are on disk. */
function takeSubjects(
  board: LatencyBoard,
  minute: number,
  rows: (string | number)[][],
): readonly { readonly histogram: Float64Array; readonly counts: SparseHistogram }[] {
  const taken: { readonly histogram: Float64Array; readonly counts: SparseHistogram }[] = [];
  for (const from of [...board.readers.values(), ...board.channels.values()]) {
    for (const measure of ['published', 'delivered'] as const) {
      const counts = toSparse(from[measure]);
      if (counts.length === 0) continue;
      taken.push({ histogram: from[measure], counts });
      rows.push(row(from.tenant, `latency-${measure}`, from.subject, from.id, minute, counts));
    }
  }
  return taken;
}

async function writeRows(database: Database, rows: readonly (readonly (string | number)[])[]): Promise<void> {
  await database.transact(bulk('INSERT OR REPLACE INTO series (tenant, step, measure, subject, id, at, n, bytes, histogram)', '', 9, rows));
}

function row(tenant: string, measure: string, subject: string, id: string, minute: number, counts: SparseHistogram): (string | number)[] {
  const n = counts.reduce((sum, [, count]) => sum + count, 0);
  return [tenant, 60, measure, subject, id, minute * 60, n, 0, JSON.stringify(counts)];
}

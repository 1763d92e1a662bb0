import type { Database } from '../store/database.ts';
import { bulk } from './bulk.ts';
import { addSparse, bucketCount, percentileBucket, rateOf, toSparse, type SparseHistogram } from './log-histogram.ts';

/** Makes the hour (hours since 1970) out of its minutes. */
export async function rollHour(database: Database, hour: number): Promise<void> {
  const from = hour * 3600;
  await database.transact([
    {
      // An hour with fewer minutes than 60 had silent ones, and so seconds without an event.
      sql: `INSERT INTO series (tenant, step, measure, subject, id, at, n, bytes, low, high)
        SELECT tenant, 3600, measure, subject, id, ?, sum(n), sum(bytes), CASE WHEN count(low) < 60 THEN 0 ELSE min(low) END, max(high)
        FROM series WHERE step = 60 AND at >= ? AND at < ? GROUP BY tenant, measure, subject, id
        ON CONFLICT (tenant, step, measure, subject, id, at) DO UPDATE SET n = excluded.n, bytes = excluded.bytes,
          low = excluded.low, high = excluded.high`,
      parameters: [from, from, from + 3600],
    },
  ]);
  await mergeHistograms(database, from);
}

async function mergeHistograms(database: Database, from: number): Promise<void> {
  const rows = await database.query(
    `SELECT tenant, measure, subject, id, histogram FROM series WHERE step = 60 AND at >= ? AND at < ? AND histogram IS NOT NULL`,
    [from, from + 3600],
  );
  const merged = new Map<string, { readonly key: readonly string[]; readonly histogram: Float64Array }>();
  for (const row of rows) {
    const key = [String(row['tenant']), String(row['measure']), String(row['subject']), String(row['id'])];
    const name = key.join('\n');
    let entry = merged.get(name);
    if (entry === undefined) merged.set(name, (entry = { key, histogram: new Float64Array(bucketCount) }));
    addSparse(entry.histogram, JSON.parse(String(row['histogram'])) as SparseHistogram);
  }
  const updates = [...merged.values()].map(({ key, histogram }) => {
    if (!String(key[1]).startsWith('latency')) fillSilence(histogram);
    return [...key, from, rateOf(percentileBucket(histogram, 0.95) ?? 0), JSON.stringify(toSparse(histogram))];
  });
  await database.transact(
    bulk(
      'UPDATE series SET p95 = s.column6, histogram = s.column7 FROM (',
      `) AS s WHERE series.tenant = s.column1 AND series.step = 3600 AND series.measure = s.column2 AND series.subject = s.column3
         AND series.id = s.column4 AND series.at = s.column5`,
      7,
      updates,
    ),
  );
}

/** Seconds of the hour that no minute speaks for had no events. */
function fillSilence(histogram: Float64Array): void {
  let seconds = 0;
  for (const count of histogram) seconds += count;
  histogram[0] = (histogram[0] as number) + Math.max(0, 3600 - seconds);
}

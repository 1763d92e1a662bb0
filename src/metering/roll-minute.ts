import type { Statement } from '../store/database.ts';
import { bulk } from './bulk.ts';
import { bucketCount, rateBucket, toSparse } from './log-histogram.ts';
import type { SecondRing } from './second-ring.ts';
import type { SeriesBoard } from './series-board.ts';

/** SQL of the subject's id, for each kind of subject that all usage is rolled up by. */
const groupings = {
  subscription: 'w.subscription',
  application: 'w.application',
  api: 'w.api',
  channel: "w.api || '/' || w.address",
} as const;

const insert = 'INSERT INTO series (tenant, step, measure, subject, id, at, n, bytes)';
const replace = 'ON CONFLICT (tenant, step, measure, subject, id, at) DO UPDATE SET n = excluded.n, bytes = excluded.bytes';

/** Sums the ranges of one minute by each kind of subject; by reader for those in `readers`. */
export function deliveredStatements(minute: number, readers: readonly string[]): readonly Statement[] {
  const at = minute * 60;
  const sums = `sum(u.n_billable), sum(u.bytes) FROM usage_range u JOIN reader w ON w.id = u.reader WHERE u.minute = ?`;
  const statements: Statement[] = Object.entries(groupings).map(([subject, id]) => ({
    sql: `${insert} SELECT w.tenant, 60, 'delivered', '${subject}', ${id}, ?, ${sums} GROUP BY w.tenant, ${id} ${replace}`,
    parameters: [at, minute],
  }));
  statements.push({
    sql: `${insert} SELECT w.tenant, 60, 'delivered', 'reader', w.id, ?, ${sums}
      AND u.reader IN (SELECT value FROM json_each(?)) GROUP BY w.tenant, w.id ${replace}`,
    parameters: [at, minute, JSON.stringify(readers)],
  });
  return statements;
}

/** Sums what was accepted in one minute. */
export function publishedStatements(minute: number): readonly Statement[] {
  return Object.entries(groupings).map(([subject, id]) => ({
    sql: `${insert} SELECT w.tenant, 60, 'published', '${subject}', ${id}, ?, sum(w.events), sum(w.bytes)
      FROM publish_usage w WHERE w.minute = ? GROUP BY w.tenant, ${id} ${replace}`,
    parameters: [minute * 60, minute],
  }));
}

/** Lowest, highest and 95th percentile of the rates of each second, for subjects that are counted by the second. */
export function spreadStatements(board: SeriesBoard, minute: number): readonly Statement[] {
  const rows: (string | number)[][] = [];
  for (const ring of board.rings()) {
    const spread = spreadOf(ring, minute * 60);
    if (spread === undefined) continue;
    rows.push([ring.tenant, ring.measure, ring.subject, ring.id, minute * 60, spread.low, spread.high, spread.p95, spread.histogram]);
  }
  return bulk(
    'UPDATE series SET low = s.column6, high = s.column7, p95 = s.column8, histogram = s.column9 FROM (',
    `) AS s WHERE series.tenant = s.column1 AND series.step = 60 AND series.measure = s.column2 AND series.subject = s.column3
       AND series.id = s.column4 AND series.at = s.column5`,
    9,
    rows,
  );
}

/** Readers that are counted by the second: the rest has its history in the ranges alone. */
export function trackedReaders(board: SeriesBoard): readonly string[] {
  const readers: string[] = [];
  for (const ring of board.rings()) if (ring.subject === 'reader') readers.push(ring.id);
  return readers;
}

function spreadOf(ring: SecondRing, from: number): { low: number; high: number; p95: number; histogram: string } | undefined {
  if (ring.newest < from || ring.oldest >= from + 60) return undefined;
  const rates: number[] = [];
  for (let second = from; second < from + 60; second += 1) rates.push(ring.at(second));
  rates.sort((a, b) => a - b);
  const high = rates[59] as number;
  if (high === 0) return undefined;
  const histogram = new Float64Array(bucketCount);
  for (const rate of rates) histogram[rateBucket(rate)] = (histogram[rateBucket(rate)] as number) + 1;
  return { low: rates[0] as number, high, p95: rates[56] as number, histogram: JSON.stringify(toSparse(histogram)) };
}

import type { Database, SqlValue } from '../store/database.ts';
import { bulk } from './bulk.ts';
import { addSparse, bucketCount, percentileBucket, rateOf, toSparse, type SparseHistogram } from './log-histogram.ts';

/** Tenant, measure, subject and its id. */
type Series = readonly [string, string, string, string];
type Row = Readonly<Record<string, SqlValue>>;

/** Series whose minutes are summed up together, some 500 rows. */
const readAtOnce = 8;
/** Hours written in one transaction. */
const writtenAtOnce = 64;
/** Seconds whose series are looked for with one read of the store. */
const soughtAtOnce = 600;

const minutesOf = `SELECT wanted.key AS nth, sum(n) AS n, sum(bytes) AS bytes, count(low) AS lows, min(low) AS low, max(high) AS high,
    '[' || group_concat(histogram) || ']' AS histograms FROM json_each(?) AS wanted
  CROSS JOIN series ON series.tenant = wanted.value ->> 0 AND series.step = 60 AND series.measure = wanted.value ->> 1
    AND series.subject = wanted.value ->> 2 AND series.id = wanted.value ->> 3 AND series.at >= ? AND series.at < ?
  GROUP BY nth`;

/**
 * Makes the hour (hours since 1970) out of its minutes. Thousands of readers have a hundred thousand of them: they are read and written a
 * few at a time, so that nobody waits for the whole and it is never in memory.
 */
export async function rollHour(database: Database, hour: number): Promise<void> {
  const from = hour * 3600;
  const series = await seriesOf(database, from);
  let hours: (readonly SqlValue[])[] = [];
  for (let next = 0; next < series.length; next += readAtOnce) {
    hours.push(...(await hoursOf(database, from, series.slice(next, next + readAtOnce))));
    if (hours.length < writtenAtOnce && next + readAtOnce < series.length) continue;
    await database.transact(
      bulk(
        'INSERT INTO series (tenant, step, measure, subject, id, at, n, bytes, low, high, p95, histogram)',
        `ON CONFLICT (tenant, step, measure, subject, id, at) DO UPDATE SET n = excluded.n, bytes = excluded.bytes, low = excluded.low,
          high = excluded.high, p95 = coalesce(excluded.p95, p95), histogram = coalesce(excluded.histogram, histogram)`,
        12,
        hours,
      ),
    );
    hours = [];
  }
}

/** Those with a minute in the hour. */
async function seriesOf(database: Database, from: number): Promise<readonly Series[]> {
  const found = new Map<string, Series>();
  for (let at = from; at < from + 3600; at += soughtAtOnce) {
    const rows = await database.query(
      'SELECT DISTINCT tenant, measure, subject, id FROM series INDEXED BY series_by_age WHERE step = 60 AND at >= ? AND at < ?',
      [at, at + soughtAtOnce],
    );
    for (const { tenant, measure, subject, id } of rows) {
      const one: Series = [String(tenant), String(measure), String(subject), String(id)];
      found.set(one.join('\n'), one);
    }
  }
  return [...found.values()];
}

async function hoursOf(database: Database, from: number, series: readonly Series[]): Promise<readonly (readonly SqlValue[])[]> {
  const rows = await database.query(minutesOf, [JSON.stringify(series), from, from + 3600]);
  return rows.map((minutes) => {
    const [tenant, measure, subject, id] = series[Number(minutes['nth'])] as Series;
    return [tenant, 3600, measure, subject, id, from, ...sumUp(minutes, measure)];
  });
}

/** Events, bytes, lowest, highest, 95th percentile and histogram. */
function sumUp({ n, bytes, lows, low, high, histograms }: Row, measure: string): readonly SqlValue[] {
  // An hour with fewer minutes than 60 had silent ones, and so seconds without an event.
  const lowest = Number(lows) < 60 ? 0 : (low as number);
  const sums = [n, bytes, lowest, high] as readonly SqlValue[];
  if (typeof histograms !== 'string') return [...sums, null, null];
  const histogram = new Float64Array(bucketCount);
  for (const minute of JSON.parse(histograms) as readonly SparseHistogram[]) addSparse(histogram, minute);
  if (!measure.startsWith('latency')) fillSilence(histogram);
  return [...sums, rateOf(percentileBucket(histogram, 0.95) ?? 0), JSON.stringify(toSparse(histogram))];
}

/** Seconds of the hour that no minute speaks for had no events. */
function fillSilence(histogram: Float64Array): void {
  let seconds = 0;
  for (const count of histogram) seconds += count;
  histogram[0] = (histogram[0] as number) + Math.max(0, 3600 - seconds);
}

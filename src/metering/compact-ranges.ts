import type { Database, SqlValue, Statement } from '../store/database.ts';

/** Readers whose ranges are merged in one transaction: some milliseconds, so that nobody who publishes waits for it. */
const READERS_AT_ONCE = 50;

/** Ranges of one reader that follow one another, by serial. */
type Run = readonly [reader: string, first: number, last: number];

const runs = `(SELECT value ->> 0 AS reader, value ->> 1 AS first, value ->> 2 AS last FROM json_each(?)) g`;

/**
 * Makes one range of each reader's ranges of an hour (hours since 1970). Sums, types and tiling stay as they were; what is lost is
 * which minute of the hour it was. Leaves alone what was charged at `before` (wall time in milliseconds) or later. Returns how
 * many ranges are fewer.
 */
export async function compactHour(database: Database, hour: number, before: number): Promise<number> {
  const rows = await database.query(
    `SELECT reader, min(serial) AS first, max(serial) AS last FROM usage_range WHERE minute >= ? AND minute < ?
     GROUP BY reader HAVING count(*) > 1 AND max(serial) - min(serial) + 1 = count(*) AND max(t_last) < ?`,
    [hour * 60, hour * 60 + 60, before],
  );
  const found = rows.map((row): Run => [String(row['reader']), Number(row['first']), Number(row['last'])]);
  let fewer = 0;
  for (let next = 0; next < found.length; next += READERS_AT_ONCE) {
    const results = await database.transact(mergeStatements(found.slice(next, next + READERS_AT_ONCE)));
    fewer += results[1]?.changes ?? 0;
  }
  return fewer;
}

function mergeStatements(some: readonly Run[]): readonly Statement[] {
  const parameters: readonly SqlValue[] = [JSON.stringify(some)];
  return [
    {
      sql: `UPDATE usage_range SET hi = m.hi, n_billable = m.billable, n_redelivered = m.redelivered, n_filtered = m.filtered,
          n_dropped = m.dropped, n_conflated = m.conflated, n_deferred = m.deferred, n_late = m.late, skips = m.skips, bytes = m.bytes, by_type = m.by_type, t_last = m.t_last
        FROM (
          SELECT g.reader, g.first, sum(u.n_billable) AS billable, sum(u.n_redelivered) AS redelivered, sum(u.n_filtered) AS filtered,
            sum(u.n_dropped) AS dropped, sum(u.n_conflated) AS conflated, sum(u.n_deferred) AS deferred, sum(u.n_late) AS late,
            sum(u.skips) + CASE WHEN count(u.skips) < count(*) THEN NULL ELSE 0 END AS skips, sum(u.bytes) AS bytes, max(u.t_last) AS t_last,
            (SELECT hi FROM usage_range e WHERE e.reader = g.reader AND e.serial = g.last) AS hi,
            (SELECT json_group_object(type, json_array(n, size)) FROM (
               SELECT t.key AS type, sum(t.value ->> 0) AS n, sum(t.value ->> 1) AS size FROM usage_range v, json_each(v.by_type) t
               WHERE v.reader = g.reader AND v.serial BETWEEN g.first AND g.last GROUP BY t.key)) AS by_type
          FROM ${runs} JOIN usage_range u ON u.reader = g.reader AND u.serial BETWEEN g.first AND g.last GROUP BY g.reader, g.first
        ) m WHERE usage_range.reader = m.reader AND usage_range.serial = m.first`,
      parameters,
    },
    {
      sql: `DELETE FROM usage_range WHERE (reader, serial) IN (
          SELECT u.reader, u.serial FROM ${runs} JOIN usage_range u ON u.reader = g.reader AND u.serial > g.first AND u.serial <= g.last)`,
      parameters,
    },
  ];
}

import type { Position } from '../core/position.ts';
import type { Database } from '../store/database.ts';
import type { ComparePositions } from './lineage.ts';

/** Faults named in one answer. */
const MOST_FAULTS = 1000;

/** Two places that ought to be the same: where one range ends and where the next begins. */
interface Fault {
  readonly reader: string;
  /** Serial of the range that begins at the wrong place; null when it is the reader's own account that differs from its last range. */
  readonly range: number | null;
  readonly expected: string;
  readonly found: string;
}

/**
 * Checks that the ranges of every reader tile: the first begins where the reader did, each of the others where the one before
 * ended, and the last ends where the reader was charged up to. A gap is loss, an overlap is double billing.
 */
export async function verifyRanges(database: Database, compare: ComparePositions, tenant: string): Promise<Record<string, unknown>> {
  const [counts] = await database.query(
    `SELECT (SELECT count(*) FROM reader WHERE tenant = ?) AS readers, (SELECT count(*) FROM usage_range WHERE tenant = ?) AS ranges`,
    [tenant, tenant],
  );
  const rows = await database.query(
    `SELECT u.reader, u.serial, w.log, coalesce(u.before, w.start, '') AS expected, u.lo AS found
     FROM (SELECT reader, serial, lo, lag(hi) OVER (PARTITION BY reader ORDER BY serial) AS before FROM usage_range WHERE tenant = ?) u
     LEFT JOIN reader w ON w.id = u.reader WHERE u.lo <> coalesce(u.before, w.start, '')
     UNION ALL
     SELECT w.id, NULL, w.log, coalesce(u.hi, w.start), w.charged FROM reader w
     LEFT JOIN usage_range u ON u.reader = w.id AND u.serial = (SELECT max(serial) FROM usage_range WHERE reader = w.id)
     WHERE w.tenant = ? AND w.charged <> coalesce(u.hi, w.start)
     LIMIT ${MOST_FAULTS}`,
    [tenant, tenant],
  );
  const gaps: Fault[] = [];
  const overlaps: Fault[] = [];
  for (const row of rows) {
    const fault = {
      reader: String(row['reader']),
      range: row['serial'] === null ? null : Number(row['serial']),
      expected: String(row['expected']),
      found: String(row['found']),
    };
    (isOverlap(compare, String(row['log']), fault) ? overlaps : gaps).push(fault);
  }
  return { ok: rows.length === 0, readers: Number(counts?.['readers'] ?? 0), ranges: Number(counts?.['ranges'] ?? 0), gaps, overlaps };
}

function isOverlap(compare: ComparePositions, log: string, fault: Fault): boolean {
  try {
    return compare(log, fault.found as Position, fault.expected as Position) < 0;
  } catch {
    return false;
  }
}

import type { Position } from '../core/position.ts';
import type { Database, SqlValue } from '../store/database.ts';
import type { CountOf } from './log-count.ts';

/** Ranges compared with the log by one question, newest first, and the milliseconds it may take. */
const MOST_RANGES = 10_000;
const LONGEST = 5000;
/** Questions asked of the log at once. */
const AT_ONCE = 8;
/** Faults named in one answer. */
const MOST_FAULTS = 1000;

/** A range whose counts do not fit the log. */
interface Misfit {
  readonly reader: string;
  readonly range: number;
  readonly after: string;
  readonly upTo: string;
  /** Events the log has there. */
  readonly inLog: number;
  /** Events the ledger accounts for: billed alone where too many were, else all it knows of. */
  readonly found: number;
}

/** What the log says to the newest ranges. */
export interface CountVerdict {
  /** Ranges that could be compared. */
  readonly compared: number;
  /** Fewer events accounted for than there were. */
  readonly losses: readonly Misfit[];
  /** More events billed than there were. */
  readonly overcharges: readonly Misfit[];
}

/**
 * Compares ranges with the log. Every event of a range is billed, dropped or conflated, deferred, or the filter took it out; none is billed
 * that was not there, but those of earlier ranges that were delivered late. What was redelivered was billed before and comes on top; so may what is given up or filtered while it is
 * redelivered, which can only add. Where a filter is, only the bill is compared: what a filter takes out of a batch that a limit or
 * a full socket cuts in two is counted late or not at all. Ranges over which a durable reader skipped events are left out.
 */
export async function verifyCounts(database: Database, countOf: CountOf, tenant: string): Promise<CountVerdict> {
  const rows = await database.query(
    `SELECT u.reader, u.serial, w.log, w.address, w.filter, u.lo, u.hi, u.n_billable - u.n_late AS billed,
       u.n_billable - u.n_late + u.n_filtered + u.n_dropped + u.n_conflated + u.n_deferred AS accounted
     FROM usage_range u JOIN reader w ON w.id = u.reader WHERE u.tenant = ? AND u.skips = 0 ORDER BY u.minute DESC LIMIT ${MOST_RANGES}`,
    [tenant],
  );
  const counts = shared(countOf);
  const losses: Misfit[] = [];
  const overcharges: Misfit[] = [];
  let compared = 0;
  const left = rows.values();
  const end = performance.now() + LONGEST;
  const worker = async (): Promise<void> => {
    for (const row of left) {
      const inLog = await counts(row);
      if (performance.now() > end) return;
      if (inLog === null) continue;
      compared += 1;
      const billed = Number(row['billed']);
      const accounted = Number(row['accounted']);
      if (billed > inLog) add(overcharges, row, inLog, billed);
      else if (row['filter'] === null && accounted < inLog) add(losses, row, inLog, accounted);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { compared, losses, overcharges };
}

type Row = Readonly<Record<string, SqlValue>>;

/** Readers that are delivered to together have the same ranges: the log is asked once for each. */
function shared(countOf: CountOf): (row: Row) => Promise<number | null> {
  const known = new Map<string, Promise<number | null>>();
  return (row) => {
    const [log, address, lo, hi] = [row['log'], row['address'], row['lo'], row['hi']].map(String) as [string, string, string, string];
    const key = [log, address, lo, hi].join('\n');
    let count = known.get(key);
    if (count === undefined) known.set(key, (count = countOf(log, address, lo as Position, hi as Position)));
    return count;
  };
}

function add(misfits: Misfit[], row: Row, inLog: number, found: number): void {
  if (misfits.length >= MOST_FAULTS) return;
  misfits.push({
    reader: String(row['reader']),
    range: Number(row['serial']),
    after: String(row['lo']),
    upTo: String(row['hi']),
    inLog,
    found,
  });
}

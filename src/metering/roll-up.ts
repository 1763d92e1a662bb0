import type { Clock } from '../core/clock.ts';
import type { Database } from '../store/database.ts';
import { minuteOf } from './calendar.ts';
import { compactHour } from './compact-ranges.ts';
import type { LatencyBoard } from './latency-board.ts';
import { rollHour } from './roll-hour.ts';
import { rollLatencies } from './roll-latencies.ts';
import { deliveredStatements, publishedStatements, spreadStatements, trackedReaders } from './roll-minute.ts';
import type { SeriesBoard } from './series-board.ts';

/** Milliseconds after a minute's end until it is rolled up: what it holds is on disk by then. */
const SETTLE = 5000;
/** Minutes rolled up once more with each run, for ranges that a refusing store has held back. */
const AGAIN = 2;
const KEEP_MINUTES = 25 * 60;
const KEEP_HOURS = 90 * 24;
/** Hours looked at after a start for ranges that were not merged. */
const COMPACT_AFTER_START = 72;

export interface RollUpParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly board: SeriesBoard;
  readonly latencies: LatencyBoard;
  /** Writes the books, so that the ranges of minutes that are over grow no more. */
  readonly flush: () => Promise<void>;
}

/** Makes minutes out of ranges, and hours out of minutes. The same ranges give the same rows, so it may be done again. */
export class RollUp {
  readonly #parts: RollUpParts;
  /** First minute that is not rolled up. */
  #next: number | undefined;
  #running: Promise<void> | undefined;
  #retryAt = 0;
  /** Last hour whose ranges were merged. */
  #compacted: number | undefined;
  #isClosed = false;

  constructor(parts: RollUpParts) {
    this.#parts = parts;
  }

  /** Called once a second. A failure is left to a later run. */
  tick(): void {
    const now = this.#parts.clock.now();
    if (this.#isClosed || this.#running !== undefined || now < this.#retryAt) return;
    if (this.#next !== undefined && minuteOf(now - SETTLE) <= this.#next - 1) return;
    this.#retryAt = now + 10_000;
    this.run().catch(() => undefined);
  }

  /** Rolls up every minute that is over at the call. */
  async run(): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => undefined);
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running?.catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { database, clock, board, latencies, flush } = this.#parts;
    const current = minuteOf(clock.now());
    const isFirst = this.#next === undefined;
    await flush();
    await rollLatencies(database, latencies, current - 1);
    const hours = new Set<number>();
    for (const minute of await this.#minutes(current)) {
      if (this.#isClosed) return;
      await database.transact([
        ...deliveredStatements(minute, trackedReaders(board)),
        ...publishedStatements(minute),
        ...spreadStatements(board, minute),
      ]);
      hours.add(Math.floor(minute / 60));
    }
    if (current % 60 <= AGAIN) hours.add(Math.floor(current / 60) - 1);
    for (const hour of hours) if ((hour + 1) * 60 <= current) await rollHour(database, hour);
    this.#next = current;
    board.renew(current * 60);
    await this.#purge(current);
    // Not right after a start, when thousands of readers are read from the same store: every hour's ranges are looked at.
    if (!isFirst) await this.#compact(current);
  }

  /** Minutes with usage since the last run; after a start, since the last run of the process before. */
  async #minutes(current: number): Promise<readonly number[]> {
    const { database } = this.#parts;
    const [last] = await database.query(`SELECT max(at) AS at FROM series WHERE step = 60 AND measure IN ('delivered', 'published')`);
    const known = last?.['at'] === null || last === undefined ? 0 : Number(last['at']) / 60;
    const from = Math.max((this.#next ?? known) - AGAIN, current - KEEP_MINUTES);
    const rows = await database.query(
      `SELECT DISTINCT minute FROM usage_range WHERE minute >= ? AND minute < ?
       UNION SELECT DISTINCT minute FROM publish_usage WHERE minute >= ? AND minute < ? ORDER BY minute`,
      [from, current, from, current],
    );
    return rows.map((row) => Number(row['minute']));
  }

  /** Merges the ranges of hours that no roll-up needs by the minute any more. */
  async #compact(minute: number): Promise<void> {
    const end = Math.floor((minute - KEEP_MINUTES) / 60) - 1;
    for (let hour = this.#compacted ?? end - COMPACT_AFTER_START; hour < end; hour += 1) {
      if (this.#isClosed) return;
      await compactHour(this.#parts.database, hour, (minute - KEEP_MINUTES) * 60_000);
      this.#compacted = hour + 1;
    }
  }

  async #purge(minute: number): Promise<void> {
    await this.#parts.database.transact([
      { sql: 'DELETE FROM series WHERE step = 60 AND at < ?', parameters: [(minute - KEEP_MINUTES) * 60] },
      { sql: 'DELETE FROM series WHERE step = 3600 AND at < ?', parameters: [(minute - KEEP_HOURS * 60) * 60] },
      { sql: 'DELETE FROM refusal_count WHERE minute < ?', parameters: [minute - KEEP_HOURS * 60] },
      { sql: 'DELETE FROM refusal WHERE at < ?', parameters: [(minute - KEEP_HOURS * 60) * 60_000] },
    ]);
  }
}

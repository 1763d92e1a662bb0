import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import type { Database } from '../../store/database.ts';
import type { Deletion } from './deletions.ts';
import type { Log } from './log.ts';

/** Rows deleted by one transaction: publishing waits for one of them at most. */
const ROWS_AT_ONCE = 200;

const recordDeletions = `INSERT INTO event_deletion (log, address, last)
  SELECT log, address, max(last) FROM event_batch WHERE log = ? AND last <= ? GROUP BY address
  ON CONFLICT (log, address) DO UPDATE SET last = excluded.last`;
const forgetDeletions = 'DELETE FROM event_deletion WHERE log = ? AND last <= ?';
const deleteRows = 'DELETE FROM event_batch WHERE log = ? AND last <= ?';
const moveOldest = 'UPDATE event_log SET oldest = ?, bytes = bytes - ?, deletion_floor = ? WHERE id = ?';

interface RetentionParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly logs: () => Iterable<Log>;
  /** Milliseconds between looks at the age of the oldest events. */
  readonly interval: number;
  /** Told when something could not be deleted; it is tried again at the next look. */
  readonly onFailure: (error: unknown) => void;
}

/** Deletes what a log's policy no longer keeps, a few rows at a time. */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #timer: NodeJS.Timeout;
  readonly #busy = new Map<Log, Promise<void>>();
  #closed = false;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => {
      for (const log of parts.logs()) void this.sweep(log);
    }, parts.interval);
  }

  /** Resolves when nothing more is to be deleted now. */
  sweep(log: Log): Promise<void> {
    let sweeping = this.#busy.get(log);
    if (sweeping === undefined) {
      sweeping = this.#sweep(log)
        .catch((error: unknown) => this.#parts.onFailure(error))
        .finally(() => this.#busy.delete(log));
      this.#busy.set(log, sweeping);
    }
    return sweeping;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await Promise.all(this.#busy.values());
  }

  async #sweep(log: Log): Promise<void> {
    while (!this.#closed && this.#isDue(log) && (await this.#deleteSome(log))) await nextTurn();
  }

  #isDue({ policy, bytes, oldest, head }: Log): boolean {
    // Bytes without events: a deletion failed, and the rows may still be there.
    return (oldest <= head || bytes > 0) && (policy.retainAge !== undefined || bytes > (policy.retainBytes ?? Infinity));
  }

  /** Whether there may be more to delete. */
  async #deleteSome(log: Log): Promise<boolean> {
    const rows = await this.#parts.database.query(
      'SELECT last, accepted_at, bytes, address FROM event_batch WHERE log = ? ORDER BY last LIMIT ?',
      [log.id, ROWS_AT_ONCE],
    );
    const before = this.#parts.clock.now() - (log.policy.retainAge ?? Infinity);
    const limit = Math.min(log.releasable, log.head);
    let excess = log.bytes - (log.policy.retainBytes ?? Infinity);
    const deletions: Deletion[] = [];
    let bytes = 0;
    for (const row of rows) {
      const last = Number(row['last']);
      if (last > limit || (excess <= 0 && Number(row['accepted_at']) > before)) break;
      deletions.push({ address: String(row['address']), last });
      bytes += Number(row['bytes']);
      excess -= Number(row['bytes']);
    }
    if (deletions.length === 0) return false;
    await this.#delete(log, deletions, bytes);
    return deletions.length === ROWS_AT_ONCE;
  }

  async #delete(log: Log, deletions: readonly Deletion[], bytes: number): Promise<void> {
    const upTo = deletions.at(-1)!.last;
    // Before the rows go, and not taken back when they may not have gone: a read must never take the gap for silence.
    for (const { address, last } of deletions) log.deletions.record(address, last);
    log.oldest = Math.max(log.oldest, upTo + 1);
    const { floor } = log.deletions;
    await this.#parts.database.transact([
      { sql: recordDeletions, parameters: [log.id, upTo] },
      { sql: forgetDeletions, parameters: [log.id, floor] },
      { sql: deleteRows, parameters: [log.id, upTo] },
      { sql: moveOldest, parameters: [upTo + 1, bytes, floor, log.id] },
    ]);
    log.bytes -= bytes;
  }
}

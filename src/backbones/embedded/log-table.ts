import type { LogPolicy } from '../../core/backbone.ts';
import type { Clock } from '../../core/clock.ts';
import type { Database, SqlValue } from '../../store/database.ts';
import { DedupWindow } from './dedup-window.ts';
import { Deletions } from './deletions.ts';
import { Log } from './log.ts';
import type { LogReader } from './log-reader.ts';
import { newEpoch } from './position-text.ts';

/** Rows whose keys are read at once when a window is filled. */
const ROWS_AT_ONCE = 2048;

const selectLog = `SELECT id, epoch, head, oldest, bytes, deletion_floor,
  coalesce((SELECT accepted_at FROM event_batch WHERE log = event_log.id ORDER BY last DESC LIMIT 1), 0) AS last_at
  FROM event_log WHERE tenant = ? AND name = ?`;
const insertLog = `INSERT INTO event_log (tenant, name, epoch, head, oldest, bytes, created_at) VALUES (?, ?, ?, 0, 1, 0, ?)
  ON CONFLICT (tenant, name) DO NOTHING`;
const selectDeletions = 'SELECT address, last FROM event_deletion WHERE log = ? ORDER BY last';

interface LogTableParts {
  readonly database: Database;
  readonly reader: LogReader;
  readonly clock: Clock;
  readonly random: () => number;
  /** Events told apart per log at most, within the window. */
  readonly maxDedupEntries: number;
}

/** The logs this process knows, loaded from disk on first use and compared with it when a commit's outcome is unknown. */
export class LogTable {
  readonly #parts: LogTableParts;
  readonly #logs = new Map<string, Log>();
  readonly #loading = new Map<string, Promise<Log>>();

  constructor(parts: LogTableParts) {
    this.#parts = parts;
  }

  get(name: string): Log | undefined {
    return this.#logs.get(name);
  }

  all(): Iterable<Log> {
    return this.#logs.values();
  }

  /** Makes the log where there is none. Calls for the same log apply one after the other. */
  prepare(name: string, policy: LogPolicy): Promise<Log> {
    const before = this.#loading.get(name) ?? Promise.resolve();
    const loading = before.then(
      () => this.#prepare(name, policy),
      () => this.#prepare(name, policy),
    );
    this.#loading.set(name, loading);
    return loading;
  }

  /** Takes over what the disk says; live consumers read on from there. */
  async resync(log: Log): Promise<void> {
    const row = (await this.#parts.database.query('SELECT head, oldest, bytes FROM event_log WHERE id = ?', [log.id]))[0];
    if (row === undefined) return;
    const known = log.head;
    // Never back: retention moves it before the disk does.
    log.oldest = Math.max(log.oldest, Number(row['oldest']));
    log.bytes = Number(row['bytes']);
    if (Number(row['head']) === known) return;
    await this.#readKeys(log, log.dedup, known);
    log.head = Number(row['head']);
    for (const consumer of log.consumers()) consumer.recheck();
  }

  async #prepare(name: string, policy: LogPolicy): Promise<Log> {
    const log = this.#logs.get(name) ?? (await this.#load(name));
    if (policy.dedupWindow > (log.dedup?.window ?? 0)) await this.#openWindow(log, policy.dedupWindow);
    else if (policy.dedupWindow === 0) log.dedup = undefined;
    log.policy = policy;
    this.#logs.set(name, log);
    return log;
  }

  async #load(name: string): Promise<Log> {
    const { database, clock, random } = this.#parts;
    const slash = name.indexOf('/');
    const key = slash < 0 ? ['default', name] : [name.slice(0, slash), name.slice(slash + 1)];
    let row = (await database.query(selectLog, key))[0];
    if (row === undefined) {
      const insert = { sql: insertLog, parameters: [...key, newEpoch(random), clock.now()] };
      row = (await database.transact([insert, { sql: selectLog, parameters: key }]))[1]!.rows[0]!;
    }
    const deletions = await database.query(selectDeletions, [Number(row['id'])]);
    return toLog(name, row, deletions);
  }

  async #openWindow(log: Log, window: number): Promise<void> {
    const dedup = new DedupWindow({ window, maxEntries: this.#parts.maxDedupEntries });
    const start = await this.#parts.reader.before(log, this.#parts.clock.now() - window);
    const reached = await this.#readKeys(log, dedup, start);
    // What was published meanwhile is short: read until level, and change over in the same turn.
    let level = reached;
    while (level < log.head) level = await this.#readKeys(log, dedup, level);
    log.dedup = dedup;
  }

  /** Returns the last sequence number read, at least the head when it began. */
  async #readKeys(log: Log, dedup: DedupWindow | undefined, after: number): Promise<number> {
    const target = log.head;
    let reached = after;
    for (;;) {
      const rows = await this.#parts.database.query(
        'SELECT first, last, accepted_at, keys FROM event_batch WHERE log = ? AND last > ? ORDER BY last LIMIT ?',
        [log.id, reached, ROWS_AT_ONCE],
      );
      for (const row of rows) addKeys(dedup, row, reached);
      if (rows.length > 0) {
        reached = Number(rows.at(-1)!['last']);
        log.lastAt = Math.max(log.lastAt, Number(rows.at(-1)!['accepted_at']));
      }
      if (rows.length < ROWS_AT_ONCE) return Math.max(reached, target);
    }
  }
}

function addKeys(dedup: DedupWindow | undefined, row: Record<string, SqlValue>, after: number): void {
  const bytes = row['keys'] as Uint8Array;
  const keys = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = Number(row['first']);
  for (let index = 0; 8 * index < bytes.byteLength; index++) {
    if (first + index <= after) continue;
    dedup?.add(
      { low: keys.getUint32(8 * index, true), high: keys.getUint32(8 * index + 4, true) },
      first + index,
      Number(row['accepted_at']),
    );
  }
}

function toLog(name: string, row: Record<string, SqlValue>, deletions: readonly Record<string, SqlValue>[]): Log {
  const known = deletions.map((deletion) => ({ address: String(deletion['address']), last: Number(deletion['last']) }));
  return new Log({
    id: Number(row['id']),
    name,
    epoch: String(row['epoch']),
    head: Number(row['head']),
    oldest: Number(row['oldest']),
    bytes: Number(row['bytes']),
    lastAt: Number(row['last_at']),
    deletions: new Deletions(Number(row['deletion_floor']), known),
  });
}

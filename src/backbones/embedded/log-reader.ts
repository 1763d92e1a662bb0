import { isPattern, matchesAddress } from '../../core/address.ts';
import type { Lag, ReadResult } from '../../core/backbone.ts';
import type { Event } from '../../core/event.ts';
import type { Database, SqlValue } from '../../store/database.ts';
import { addressHash } from './address-hash.ts';
import { decodeBatch } from './batch-decoder.ts';
import type { StoredBatch } from './batch-decoder.ts';
import { MAX_ROW_EVENTS } from './commit.ts';
import { eventKey } from './event-key.ts';
import type { Log } from './log.ts';

/** Rows looked at by one query, so that it takes a millisecond or so and other reads get their turn. */
const ROWS_AT_ONCE = 512;
/** Bytes of rows fetched by one query. */
const BYTES_AT_ONCE = 4 * 1024 * 1024;
/** Rows counted for the lag of a pattern; past it the count is a lower bound. */
const MAX_LAG_ROWS = 65_536;

const rowsOfAddress = `SELECT id, first, last, bytes, address FROM event_batch INDEXED BY event_batch_by_channel
  WHERE log = ? AND channel = ? AND last > ? AND last < ? AND first <= ? AND address = ? ORDER BY last LIMIT ?`;
const rowsOfLog = `SELECT id, first, last, bytes, address FROM event_batch INDEXED BY event_batch_by_log
  WHERE log = ? AND last > ? AND last < ? AND first <= ? ORDER BY last LIMIT ?`;
const fetchRows = 'SELECT first, last, accepted_at, address, events FROM event_batch WHERE id IN (SELECT value FROM json_each(?))';
const firstAfter = `SELECT first, last, tally, accepted_at FROM event_batch INDEXED BY event_batch_by_channel
  WHERE log = ? AND channel = ? AND last > ? AND address = ? ORDER BY last LIMIT 1`;
const newest = `SELECT last, tally FROM event_batch INDEXED BY event_batch_by_channel
  WHERE log = ? AND channel = ? AND last <= ? AND address = ? ORDER BY last DESC LIMIT 1`;
const newestRows = 'SELECT last, address FROM event_batch WHERE log = ? AND last <= ? ORDER BY last DESC LIMIT ?';
const rowAt = 'SELECT first, last, accepted_at, address, events FROM event_batch WHERE log = ? AND last >= ? ORDER BY last LIMIT 1';
const timeAt = 'SELECT last, accepted_at FROM event_batch WHERE log = ? AND last >= ? ORDER BY last LIMIT 1';
const lagRows = 'SELECT first, last, accepted_at, address FROM event_batch WHERE log = ? AND last > ? AND last <= ? ORDER BY last LIMIT ?';

/** What to read; sequence numbers, `after` exclusive and `until` inclusive. */
export interface Range {
  readonly address: string;
  readonly after: number;
  readonly until: number;
  readonly limit: number;
  readonly maxBytes: number;
}

interface RowHead {
  readonly id: number;
  readonly last: number;
  readonly bytes: number;
}

/** Reads events back from the rows of a log; knows nothing of what is live. */
export class LogReader {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async read(log: Log, range: Range): Promise<ReadResult> {
    const events: Event[] = [];
    let bytes = 0;
    let after = range.after;
    while (after < range.until && events.length < range.limit && (events.length === 0 || bytes < range.maxBytes)) {
      const wanted = { limit: range.limit - events.length, maxBytes: Math.min(BYTES_AT_ONCE, Math.max(1, range.maxBytes - bytes)) };
      const { rows, reached } = await this.#pick(log, { ...range, after, ...wanted });
      const batches = rows.length === 0 ? [] : await this.#fetch(rows);
      for (const batch of batches) {
        for (const event of decodeBatch(batch, log.epoch, { after, until: range.until })) {
          if (events.length >= range.limit || (events.length > 0 && bytes >= range.maxBytes))
            return { events, position: events.at(-1)!.position };
          events.push(event);
          bytes += event.bytes;
        }
      }
      after = reached;
    }
    return { events, position: log.position(Math.max(range.after, Math.min(after, range.until))) };
  }

  /** The key and acceptance time of one event, or undefined when it is not kept any more. */
  async eventAt(log: Log, seq: number): Promise<{ readonly key: string; readonly acceptedAt: number } | undefined> {
    const batch = toBatch((await this.#database.query(rowAt, [log.id, seq]))[0]);
    if (batch === undefined || batch.first > seq) return undefined;
    const event = decodeBatch(batch, log.epoch, { after: seq - 1, until: seq })[0];
    return event && { key: eventKey(batch.address, event), acceptedAt: event.acceptedAt };
  }

  /** The sequence number just before the first event accepted at `time` or later; the head when there is none. */
  async before(log: Log, time: number): Promise<number> {
    let low = log.oldest - 1;
    let high = log.head;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = (await this.#database.query(timeAt, [log.id, middle + 1]))[0];
      if (row === undefined || Number(row['accepted_at']) >= time) high = middle;
      else low = Math.min(Number(row['last']), high);
    }
    return low;
  }

  /** The sequence number just before the newest event of an address, or of one that a pattern matches; undefined when none is kept. */
  async beforeNewest(log: Log, address: string): Promise<number | undefined> {
    if (!isPattern(address)) {
      const row = (await this.#database.query(newest, [log.id, addressHash(address), log.head, address]))[0];
      return row === undefined ? undefined : Number(row['last']) - 1;
    }
    for (let until = log.head; until >= log.oldest;) {
      const rows = await this.#database.query(newestRows, [log.id, until, ROWS_AT_ONCE]);
      const found = rows.find((row) => matchesAddress(address, String(row['address'])));
      if (found !== undefined) return Number(found['last']) - 1;
      if (rows.length < ROWS_AT_ONCE) return undefined;
      until = Number(rows.at(-1)!['last']) - 1;
    }
    return undefined;
  }

  /** `counts`: of a pattern, only the addresses for which this is true. */
  async lag(log: Log, address: string, after: number, counts?: (address: string) => boolean): Promise<Lag> {
    // The disk may be a commit ahead of what anybody was told: two questions must not see different ends.
    const { head } = log;
    if (after >= head) return { events: 0, oldest: undefined };
    if (isPattern(address)) return this.#lagOfPattern(log, address, after, counts);
    const channel = addressHash(address);
    const first = (await this.#database.query(firstAfter, [log.id, channel, after, address]))[0];
    if (first === undefined || Number(first['last']) > head) return { events: 0, oldest: undefined };
    const last = (await this.#database.query(newest, [log.id, channel, head, address]))[0];
    const begun = Number(first['last']) - Math.max(after, Number(first['first']) - 1);
    return { events: Number(last?.['tally'] ?? first['tally']) - Number(first['tally']) + begun, oldest: Number(first['accepted_at']) };
  }

  async #lagOfPattern(log: Log, pattern: string, after: number, counts?: (address: string) => boolean): Promise<Lag> {
    let events = 0;
    let oldest: number | undefined;
    let reached = after;
    for (let counted = 0; counted < MAX_LAG_ROWS; counted += ROWS_AT_ONCE) {
      const rows = await this.#database.query(lagRows, [log.id, reached, log.head, ROWS_AT_ONCE]);
      for (const row of rows) {
        const address = String(row['address']);
        if (!matchesAddress(pattern, address) || counts?.(address) === false) continue;
        oldest ??= Number(row['accepted_at']);
        if (pattern === '*' && counts === undefined) return { events: log.head - after, oldest };
        events += Number(row['last']) - Math.max(after, Number(row['first']) - 1);
      }
      if (rows.length < ROWS_AT_ONCE) break;
      reached = Number(rows.at(-1)!['last']);
    }
    return { events, oldest };
  }

  /** Which rows hold the next events, without their payload and no more than are wanted, and how far that looked. */
  async #pick(
    log: Log,
    { address, after, until, limit, maxBytes }: Range,
  ): Promise<{ readonly rows: readonly RowHead[]; readonly reached: number }> {
    const pattern = isPattern(address);
    const rowLimit = pattern ? ROWS_AT_ONCE : Math.min(ROWS_AT_ONCE, limit);
    const bounds: SqlValue[] = [after, until + MAX_ROW_EVENTS, until];
    const found = pattern
      ? await this.#database.query(rowsOfLog, [log.id, ...bounds, rowLimit])
      : await this.#database.query(rowsOfAddress, [log.id, addressHash(address), ...bounds, address, rowLimit]);
    const rows: RowHead[] = [];
    let bytes = 0;
    let events = 0;
    for (const row of found) {
      if (pattern && !matchesAddress(address, String(row['address']))) continue;
      const head = { id: Number(row['id']), last: Number(row['last']), bytes: Number(row['bytes']) };
      if (rows.length > 0 && (bytes >= maxBytes || events >= limit)) return { rows, reached: rows.at(-1)!.last };
      rows.push(head);
      bytes += head.bytes;
      events += head.last - Math.max(after, Number(row['first']) - 1);
    }
    const reached = found.length < rowLimit ? until : Math.min(until, Number(found.at(-1)!['last']));
    return { rows, reached };
  }

  async #fetch(rows: readonly RowHead[]): Promise<readonly StoredBatch[]> {
    const found = await this.#database.query(fetchRows, [JSON.stringify(rows.map((row) => row.id))]);
    return found.map((row) => toBatch(row)!).sort((a, b) => a.first - b.first);
  }
}

function toBatch(row: Record<string, SqlValue> | undefined): StoredBatch | undefined {
  if (row === undefined) return undefined;
  return {
    first: Number(row['first']),
    last: Number(row['last']),
    acceptedAt: Number(row['accepted_at']),
    address: String(row['address']),
    events: row['events'] as Uint8Array,
  };
}

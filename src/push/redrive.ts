import type { Event } from '../core/event.ts';
import type { Database, SqlValue, Statement } from '../store/database.ts';
import type { Courier } from './courier.ts';
import { mostOwed } from './delivery-queue.ts';
import { keptEvent, owedFields, readOwed, type OwedDelivery } from './owed-delivery.ts';
import type { PushBook } from './push-book.ts';
import type { PushService } from './push-service.ts';

export interface RedriveParts {
  readonly service: Pick<PushService, 'courier' | 'whileSteady'>;
  readonly database: Database;
  readonly book: Pick<PushBook, 'isChanging'>;
  readonly now: () => number;
  /** Resolves when everything in the books is on disk. */
  readonly flush: () => Promise<void>;
  /** Whether an endpoint may read an address, be it not now. What is left out here is looked at again before it is sent. Default: it may read all. */
  readonly mayRead?: (endpoint: string, address: string) => boolean;
}

/**
 * `retried`: it is due. `busy`: it is under way, waits behind others of its key, or so much is owed that no dead one is taken. `absent`:
 * neither owed nor dead, or of a channel that may not be read. `unreadable`: the event kept for it is damaged, so that it can only be sent from the log.
 */
export type RetryAnswer = 'retried' | 'busy' | 'absent' | 'unreadable';

interface Sent {
  readonly retried: number;
  /** So much is owed that no dead one is taken. */
  readonly isFull: boolean;
  /** For each that cannot be read, and stays as it is, what is wrong. */
  readonly unreadable: readonly Error[];
  /** Row of the last one that was dealt with: where a further call may go on. */
  readonly last: number;
}

/** Which dead ones are meant. */
export interface DeadWish {
  /** Those that died before this wall time. */
  readonly before: number;
  readonly limit: number;
  /** `last` of the call before; 0, the default: from the first one on. */
  readonly after?: number;
}

/** How far one call of many came. */
export interface RedriveAnswer extends Sent {
  /** Dead ones behind `last` that a further call with the same `before` is for. */
  readonly left: number;
}

/** Rows read with their events at once. */
const rowsAtOnce = 16;
/** Most bytes of events that one call brings into memory. */
const mostBytes = 16 * 1024 * 1024;

const begunAnewColumns = `state = 'waiting', counted = 0, throttled = 0, format_refused = 0, batch = NULL, due_at = ?, changed_at = ?`;

/**
 * Sends again what is owed or dead because a person wants it: through the courier where one runs, so that memory and store stay the
 * same, else in the store, for the courier that will be. Rejects with StoreError.
 */
export class Redrive {
  readonly #parts: RedriveParts;

  constructor(parts: RedriveParts) {
    this.#parts = parts;
  }

  /** One delivery: a waiting one is due now, a dead one begins its schedule anew. */
  async one(endpoint: string, position: string): Promise<RetryAnswer> {
    const { service, database } = this.#parts;
    return await this.#steadily(async () => {
      const [row] = await database.query(
        `SELECT ${owedFields}, address, accepted_at, event FROM push_delivery WHERE endpoint = ? AND position = ?`,
        [endpoint, position],
      );
      if (row === undefined) return 'absent';
      const owed = readOwed(row);
      if (!this.#mayRead(endpoint, row)) return 'absent';
      const event = keptEvent(row);
      if (event instanceof Error) return 'unreadable';
      const courier = service.courier(endpoint);
      if (courier !== undefined) return this.#send(courier, owed, event) ? 'retried' : 'busy';
      const changed = await this.#mark('endpoint = ? AND position = ?', owed.state, [endpoint, position]);
      return changed > 0 ? 'retried' : 'busy';
    });
  }

  /** Dead ones, oldest first and at most `limit`; each call does a bounded part. */
  async dead(endpoint: string, wish: DeadWish): Promise<RedriveAnswer> {
    const sent = await this.#steadily(() => {
      const isRunning = this.#parts.service.courier(endpoint) !== undefined;
      return isRunning ? this.#sendDead(endpoint, wish) : this.#markDead(endpoint, wish);
    });
    return { ...sent, left: await this.countDead(endpoint, wish.before, sent.last) };
  }

  /** Dead ones that died before this wall time, of the rows behind `after`. */
  async countDead(endpoint: string, before: number, after = 0): Promise<number> {
    // The plus makes it count in the index of the dead, and not look at rows.
    const [row] = await this.#parts.database.query(
      `SELECT count(*) AS n FROM push_delivery WHERE endpoint = ? AND state = 'dead' AND changed_at < ? AND +rowid > ?`,
      [endpoint, before, after],
    );
    return Number(row?.['n']);
  }

  /** What is read was written by all that happened before; what is done is on disk when it resolves. */
  async #steadily<T>(work: () => Promise<T>): Promise<T> {
    const { service, flush } = this.#parts;
    return await service.whileSteady(async () => {
      await flush();
      const result = await work();
      await flush();
      return result;
    });
  }

  async #sendDead(endpoint: string, { before, limit, after = 0 }: DeadWish): Promise<Sent> {
    const { service, database } = this.#parts;
    const unreadable: Error[] = [];
    let [retried, bytes, last] = [0, 0, after];
    while (retried + unreadable.length < limit && bytes < mostBytes) {
      const rows = await database.query(
        `SELECT rowid AS row, ${owedFields}, address, accepted_at, event, length(event) AS bytes FROM push_delivery
         WHERE endpoint = ? AND state = 'dead' AND changed_at < ? AND rowid > ? ORDER BY rowid LIMIT ?`,
        [endpoint, before, last, Math.min(rowsAtOnce, limit - retried - unreadable.length)],
      );
      if (rows.length === 0) break;
      for (const row of rows) {
        // Asked each time: it may have ended while the store was read.
        const courier = service.courier(endpoint);
        const owed = readOwed(row);
        if (courier === undefined || this.#isChanging(owed)) return { retried, unreadable, last, isFull: false };
        const event = keptEvent(row);
        if (event instanceof Error) unreadable.push(event);
        // What may not be read stays as it is: it can be sent when it may be again.
        else if (this.#mayRead(endpoint, row)) {
          if (!courier.sendAgain(owed, event)) return { retried, unreadable, last, isFull: true };
          retried += 1;
        }
        bytes += Number(row['bytes']);
        last = Number(row['row']);
      }
    }
    return { retried, unreadable, last, isFull: false };
  }

  #send(courier: Courier, owed: OwedDelivery, event: Event): boolean {
    return !this.#isChanging(owed) && courier.sendAgain(owed, event);
  }

  /** A dead one whose row says what it was, not what it is. */
  #isChanging({ state, endpoint, position }: OwedDelivery): boolean {
    return state === 'dead' && this.#parts.book.isChanging(endpoint, position);
  }

  async #markDead(endpoint: string, { before, limit, after = 0 }: DeadWish): Promise<Sent> {
    const { database } = this.#parts;
    const [row] = await database.query(`SELECT count(*) AS n FROM push_delivery WHERE endpoint = ? AND state = 'waiting'`, [endpoint]);
    const room = Math.max(0, mostOwed - Number(row?.['n']));
    // The plus makes it read them in their order, and not sort all there are.
    const rows = await database.query(
      `SELECT rowid AS row, address FROM push_delivery WHERE endpoint = ? AND state = 'dead' AND +changed_at < ? AND rowid > ?
       ORDER BY rowid LIMIT ?`,
      [endpoint, before, after, Math.min(limit, room)],
    );
    const chosen = rows.filter((found) => this.#mayRead(endpoint, found)).map((found) => found['row']);
    const retried = await this.#mark('rowid IN (SELECT value FROM json_each(?))', 'dead', [JSON.stringify(chosen)]);
    return { retried, unreadable: [], last: Number(rows.at(-1)?.['row'] ?? after), isFull: room < limit && retried === room };
  }

  #mayRead(endpoint: string, { address }: Readonly<Record<string, SqlValue>>): boolean {
    const { mayRead = () => true } = this.#parts;
    return mayRead(endpoint, String(address));
  }

  /** How many rows changed. */
  async #mark(chosen: string, state: OwedDelivery['state'], values: readonly SqlValue[]): Promise<number> {
    const now = this.#parts.now();
    const change = state === 'dead' ? begunAnewColumns : 'due_at = ?, changed_at = ?';
    const statement: Statement = {
      sql: `UPDATE push_delivery SET ${change} WHERE ${chosen} AND state = ?`,
      parameters: [now, now, ...values, state],
    };
    const [result] = await this.#parts.database.transact([statement]);
    return result?.changes ?? 0;
  }
}

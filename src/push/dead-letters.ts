import type { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import type { Database, SqlValue } from '../store/database.ts';
import type { Resource } from '../store/resources.ts';
import { deliveryView } from './delivery-log.ts';
import { keptEvent } from './owed-delivery.ts';
import { firstBytes, passedLetters } from './passed-letters.ts';
import type { PushBook } from './push-book.ts';
import type { PushService } from './push-service.ts';

type Endpoint = Pick<Resource<'endpoint'>, 'id' | 'name' | 'spec'>;

export interface DeadLettersParts {
  readonly service: Pick<PushService, 'whileSteady'>;
  /** Has the tables of deliveries and those of the ledger. */
  readonly database: Database;
  readonly book: Pick<PushBook, 'isChanging'>;
  /** Orders positions of one log; throws BAD_REQUEST for those of two. */
  readonly compare: (a: Position, b: Position) => number;
  /** Resolves when everything in the books is on disk. */
  readonly flush: () => Promise<void>;
}

/** A delivery that is owed or dead. */
export interface KeptDelivery {
  /** As in a list of the `DeliveryLog`. */
  readonly view: Readonly<Record<string, unknown>>;
  /** What is kept of it to be sent, or what is wrong with that. */
  readonly event: Event | Error;
}

/** `discarded`: it is gone. `owed`: it is to be sent. `ahead`: the endpoint's reader is before it, and would send it again. `absent`: there is none. */
export type DiscardAnswer = 'discarded' | 'owed' | 'ahead' | 'absent';

/** Which dead ones are meant. */
export interface DiscardWish {
  /** Those that died before this wall time. */
  readonly before: number;
  readonly limit: number;
}

/** How far one call of many came. */
export interface ManyDiscarded {
  readonly discarded: number;
  /** Dead ones of the same wish that are there still: for a further call, or since the reader has not passed them. */
  readonly left: number;
}

/**
 * Looks at what is given up, and discards it because a person wants that: it is neither sent nor billed any more. Of a retry and this one
 * comes first, and the other finds that out. Rejects with StoreError.
 */
export class DeadLetters {
  readonly #parts: DeadLettersParts;

  constructor(parts: DeadLettersParts) {
    this.#parts = parts;
  }

  /** One that is owed or dead; undefined: there is none. */
  async find(endpoint: string, position: string): Promise<KeptDelivery | undefined> {
    const [row] = await this.#parts.database.query('SELECT * FROM push_delivery WHERE endpoint = ? AND position = ?', [endpoint, position]);
    return row && { view: deliveryView(row), event: keptEvent(row) };
  }

  async discard(endpoint: Endpoint, position: string): Promise<DiscardAnswer> {
    const { database } = this.#parts;
    return await this.#steadily(async () => {
      const [row] = await database.query('SELECT rowid AS row, state, position FROM push_delivery WHERE endpoint = ? AND position = ?', [
        endpoint.id,
        position,
      ]);
      if (row === undefined) return 'absent';
      if (row['state'] !== 'dead' || this.#isChanging(endpoint, row)) return 'owed';
      const passed = await passedLetters(this.#parts, endpoint, [row]);
      if (passed.length === 0) return 'ahead';
      return (await this.#delete(endpoint, passed)) > 0 ? 'discarded' : 'absent';
    });
  }

  /** Oldest first and at most `limit`; each call does a bounded part. */
  async discardMany(endpoint: Endpoint, { before, limit }: DiscardWish): Promise<ManyDiscarded> {
    const { database } = this.#parts;
    return await this.#steadily(async () => {
      // The plus makes it read them in their order, and not sort all there are.
      const rows = await database.query(
        `SELECT rowid AS row, position, length(event) AS bytes FROM push_delivery
         WHERE endpoint = ? AND state = 'dead' AND +changed_at < ? ORDER BY rowid LIMIT ?`,
        [endpoint.id, before, limit],
      );
      const settled = rows.filter((row) => !this.#isChanging(endpoint, row));
      const discarded = await this.#delete(endpoint, firstBytes(await passedLetters(this.#parts, endpoint, settled)));
      const [left] = await database.query(
        `SELECT count(*) AS n FROM push_delivery WHERE endpoint = ? AND state = 'dead' AND changed_at < ?`,
        [endpoint.id, before],
      );
      return { discarded, left: Number(left?.['n']) };
    });
  }

  /** Nobody sends any of them again meanwhile, and what is read was written by all that happened before. */
  async #steadily<T>(work: () => Promise<T>): Promise<T> {
    const { service, flush } = this.#parts;
    return await service.whileSteady(async () => {
      await flush();
      return await work();
    });
  }

  /** Its row says what it was, not what it is. */
  #isChanging({ id }: Endpoint, { position }: Row): boolean {
    return this.#parts.book.isChanging(id, String(position) as Position);
  }

  /** How many there were. */
  async #delete({ id }: Endpoint, rows: readonly Row[]): Promise<number> {
    if (rows.length === 0) return 0;
    const sql = `DELETE FROM push_delivery WHERE endpoint = ? AND state = 'dead' AND rowid IN (SELECT value FROM json_each(?))`;
    const [deleted] = await this.#parts.database.transact([{ sql, parameters: [id, JSON.stringify(rows.map(({ row }) => row))] }]);
    return deleted?.changes ?? 0;
  }
}

type Row = Readonly<Record<string, SqlValue>>;

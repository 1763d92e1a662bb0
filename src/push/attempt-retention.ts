import type { Database, SqlValue } from '../store/database.ts';
import { Rounds, type RoundsParts } from './rounds.ts';

export interface AttemptRetentionParts extends RoundsParts {
  readonly database: Database;
  /** Milliseconds for which an attempt is kept; default 30 days. */
  readonly keptFor?: number;
  /** Attempts kept of one endpoint; default 10,000. */
  readonly mostOfEndpoint?: number;
}

const day = 86_400_000;
/** Rows deleted in one statement. */
const rowsAtOnce = 1000;
/** Endpoints looked at in one round. */
const endpointsAtOnce = 100;

/** Deletes attempts that are old, or more than are kept of one endpoint, a bounded part in each round. */
export class AttemptRetention {
  readonly #parts: AttemptRetentionParts;
  /** The attempt behind which old ones are looked for: up to it all are of a time that has not come. */
  #behind = 0;
  /** The endpoint after which the next round begins. */
  #after = '';
  readonly #rounds: Rounds;

  constructor(parts: AttemptRetentionParts) {
    this.#parts = parts;
    this.#rounds = new Rounds(parts, () => this.round());
  }

  async close(): Promise<void> {
    await this.#rounds.close();
  }

  /** True when there is more to delete than one round may. */
  async round(): Promise<boolean> {
    const isMoreOld = await this.#deleteOld();
    const isMoreOfOne = await this.#deleteSurplus();
    return isMoreOld || isMoreOfOne;
  }

  /** Ids follow time closely enough that the oldest are found among the first, but for those made while the clock was ahead: they are older than what came after them. */
  async #deleteOld(): Promise<boolean> {
    const { database, clock, keptFor = 30 * day } = this.#parts;
    const now = clock.now();
    const [first] = await database.query(
      `SELECT max(id) AS last, count(*) FILTER (WHERE at > ?) AS future, max(id) FILTER (WHERE at < ?) AS old
       FROM (SELECT id, at FROM push_attempt WHERE id > ? ORDER BY id LIMIT ?)`,
      [now, now - keptFor, this.#behind, rowsAtOnce],
    );
    const { future = 0, last = 0, old = null } = first ?? {};
    if (old === null) {
      const isMore = future === rowsAtOnce;
      if (isMore) this.#behind = Number(last);
      return isMore;
    }
    const chosen = 'SELECT id FROM push_attempt WHERE id <= ? AND (at < ? OR at > ?) ORDER BY id LIMIT ?';
    const isMore = await this.#delete(chosen, [old, now - keptFor, now, rowsAtOnce]);
    if (!isMore) this.#behind = 0;
    return isMore;
  }

  async #deleteSurplus(): Promise<boolean> {
    const { database, mostOfEndpoint = 10_000 } = this.#parts;
    const rows = await database.query(
      `SELECT endpoint, (SELECT id FROM push_attempt AS one WHERE one.endpoint = of.endpoint ORDER BY id DESC LIMIT 1 OFFSET ?) AS surplus
       FROM push_endpoint AS of WHERE endpoint > ? ORDER BY endpoint LIMIT ?`,
      [mostOfEndpoint, this.#after, endpointsAtOnce],
    );
    let isMore = false;
    for (const { endpoint, surplus } of rows) {
      if (endpoint === undefined || typeof surplus !== 'number') continue;
      const chosen = 'SELECT id FROM push_attempt WHERE endpoint = ? AND id <= ? ORDER BY id LIMIT ?';
      if (await this.#delete(chosen, [endpoint, surplus, rowsAtOnce])) isMore = true;
    }
    // What is left of these comes first the next time.
    if (!isMore) this.#after = rows.length < endpointsAtOnce ? '' : String(rows.at(-1)?.['endpoint']);
    return isMore;
  }

  /** True when as many rows went as may at once. */
  async #delete(chosen: string, parameters: readonly SqlValue[]): Promise<boolean> {
    const [result] = await this.#parts.database.transact([{ sql: `DELETE FROM push_attempt WHERE id IN (${chosen})`, parameters }]);
    return (result?.changes ?? 0) >= rowsAtOnce;
  }
}

import type { Database } from '../store/database.ts';
import { Rounds, type RoundsParts } from './rounds.ts';

export interface DeadLetterCountParts extends RoundsParts {
  readonly database: Database;
  /** Ids of all there are. */
  readonly endpoints: () => readonly string[];
}

/** Endpoints counted in one round. */
const endpointsAtOnce = 500;

/** Knows how many dead letters endpoints have, as it was a minute ago at most: counting them is nothing for the moment somebody asks. */
export class DeadLetterCount {
  readonly #parts: DeadLetterCountParts;
  readonly #rounds: Rounds;
  /** Of those that have some. */
  #letters = new Map<string, number>();
  /** Of those that were looked at since all were looked at anew. */
  #next = new Map<string, number>();
  #waiting: readonly string[] = [];

  constructor(parts: DeadLetterCountParts) {
    this.#parts = parts;
    this.#rounds = new Rounds(parts, () => this.round());
  }

  of(endpoint: string): number {
    return this.#letters.get(endpoint) ?? 0;
  }

  async close(): Promise<void> {
    await this.#rounds.close();
  }

  /** True when there are endpoints that were not looked at. */
  async round(): Promise<boolean> {
    if (this.#waiting.length === 0) this.#waiting = this.#parts.endpoints();
    const rows = await this.#parts.database.query(
      `SELECT value AS endpoint, (SELECT count(*) FROM push_delivery WHERE endpoint = value AND state = 'dead') AS letters FROM json_each(?)`,
      [JSON.stringify(this.#waiting.slice(0, endpointsAtOnce))],
    );
    for (const { endpoint, letters } of rows) if (Number(letters) > 0) this.#next.set(String(endpoint), Number(letters));
    this.#waiting = this.#waiting.slice(endpointsAtOnce);
    if (this.#waiting.length > 0) return true;
    this.#letters = this.#next;
    this.#next = new Map();
    return false;
  }
}

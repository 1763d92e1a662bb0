import type { DurableName } from '../core/meter.ts';
import type { Database, SqlValue } from '../store/database.ts';

type Name = Omit<DurableName, 'log'>;
type Row = Readonly<Record<string, SqlValue>>;

interface Search {
  readonly name: Name;
  readonly resolve: (row: Row | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Readers looked for with one read of the store. */
const mostAtOnce = 256;

const findAll = `SELECT wanted.key AS nth, reader.* FROM json_each(?) AS wanted
  CROSS JOIN reader ON reader.subscription = wanted.value ->> 0 AND reader.name = wanted.value ->> 1 AND reader.address = wanted.value ->> 2`;

/** Finds the rows of durable readers. Those asked for in one turn of the loop are one read of the store: after a restart they are many. */
export class ReaderSearch {
  readonly #database: Pick<Database, 'query'>;
  #asked: Search[] = [];

  constructor(database: Pick<Database, 'query'>) {
    this.#database = database;
  }

  /** Undefined: there is none. Rejects with StoreError. */
  find(name: Name): Promise<Row | undefined> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ name, resolve, reject });
      if (this.#asked.length === 1) setImmediate(() => this.#ask());
    });
  }

  #ask(): void {
    const asked = this.#asked;
    this.#asked = [];
    for (let next = 0; next < asked.length; next += mostAtOnce) void this.#answer(asked.slice(next, next + mostAtOnce));
  }

  async #answer(searches: readonly Search[]): Promise<void> {
    try {
      const names = searches.map(({ name: { subscription, name, address } }) => [subscription, name, address]);
      const rows = await this.#database.query(findAll, [JSON.stringify(names)]);
      const found = new Map(rows.map((row) => [Number(row['nth']), row]));
      for (const [index, { resolve }] of searches.entries()) resolve(found.get(index));
    } catch (error) {
      for (const { reject } of searches) reject(error);
    }
  }
}

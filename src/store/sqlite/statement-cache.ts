import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { SqlValue, StatementResult } from '../database.ts';

/** Most SQL texts kept prepared; dynamic SQL must not fill the memory. */
const MAX_STATEMENTS = 256;

interface Prepared {
  readonly statement: StatementSync;
  readonly givesRows: boolean;
}

/** Prepared statements of one connection by their SQL text, least recently used out first. */
export class StatementCache {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, Prepared>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** For a statement that gives rows, `changes` is the number of rows. */
  run(sql: string, parameters: readonly SqlValue[]): StatementResult {
    const { statement, givesRows } = this.#get(sql);
    const values = parameters.map(bindable);
    if (givesRows) {
      const rows = statement.all(...values) as Record<string, SqlValue>[];
      return { rows, changes: rows.length };
    }
    return { rows: [], changes: Number(statement.run(...values).changes) };
  }

  #get(sql: string): Prepared {
    let prepared = this.#prepared.get(sql);
    if (prepared !== undefined) {
      this.#prepared.delete(sql);
    } else {
      const statement = this.#database.prepare(sql);
      prepared = { statement, givesRows: statement.columns().length > 0 };
      if (this.#prepared.size >= MAX_STATEMENTS) this.#prepared.delete(this.#prepared.keys().next().value as string);
    }
    this.#prepared.set(sql, prepared);
    return prepared;
  }
}

/** node:sqlite binds every number as REAL, which makes `? / 60000` a division of fractions: whole numbers go as integers. */
function bindable(value: SqlValue): SQLInputValue {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}

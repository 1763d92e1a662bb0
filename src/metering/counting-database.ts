import type { Database, SqlValue, Statement, StatementResult } from '../store/database.ts';
import type { WindowBook } from './window-book.ts';

/**
 * The database as a log writes to it: counts that limit publishing go along with the events they count, in one commit. Whatever ends
 * the process, no event is on disk that is not counted.
 */
export class CountingDatabase implements Database {
  readonly #database: Database;
  readonly #take: WindowBook['takeUrgent'];

  constructor(database: Database, take: WindowBook['takeUrgent']) {
    this.#database = database;
    this.#take = take;
  }

  async transact(statements: readonly Statement[]): Promise<readonly StatementResult[]> {
    const counts = this.#take();
    if (counts === undefined) return this.#database.transact(statements);
    try {
      const results = await this.#database.transact([...counts.statements, ...statements]);
      return results.slice(counts.statements.length);
    } catch (error) {
      counts.failed();
      throw error;
    }
  }

  query(sql: string, parameters?: readonly SqlValue[]): Promise<readonly Record<string, SqlValue>[]> {
    return this.#database.query(sql, parameters);
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

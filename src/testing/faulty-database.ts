import { StoreError } from '../store/database.ts';
import type { Database, SqlValue, Statement, StatementResult, StoreErrorCode } from '../store/database.ts';

/** What goes wrong with the next transactions: refused before anything is written, or written and the answer lost. */
export interface Fault {
  readonly when: 'before' | 'after';
  readonly code: StoreErrorCode;
}

/** A real database whose answers can be made to fail, for tests of what its users do then. */
export class FaultyDatabase implements Database {
  /** Set to make writing fail, undefined to let it pass. */
  writing: Fault | undefined;
  /** Whether queries are refused. */
  blind = false;
  /** Resolves before anything is written: holds a commit in flight. */
  gate: Promise<void> | undefined;
  /** Resolves after writing and before the answer: holds back what is already on disk. */
  answerGate: Promise<void> | undefined;
  /** Resolves before a query that begins now is run. */
  queryGate: Promise<void> | undefined;
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async transact(statements: readonly Statement[]): Promise<readonly StatementResult[]> {
    const fault = this.writing;
    await this.gate;
    if (fault?.when === 'before') throw new StoreError(fault.code, 'Refused by the test before writing.');
    const results = await this.#database.transact(statements);
    await this.answerGate;
    if (fault?.when === 'after') throw new StoreError(fault.code, 'Written, but the test took the answer away.');
    return results;
  }

  async query(sql: string, parameters?: readonly SqlValue[]): Promise<readonly Record<string, SqlValue>[]> {
    await this.queryGate;
    if (this.blind) throw new StoreError('FAILED', 'The test allows no queries.');
    return this.#database.query(sql, parameters);
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

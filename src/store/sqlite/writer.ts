import type { DatabaseSync } from 'node:sqlite';
import type { Statement, StatementResult } from '../database.ts';
import { StoreError } from '../database.ts';
import type { DataFiles } from './data-files.ts';
import type { Refusal, TransactionOutcome, WriterReply } from './protocol.ts';
import { describeSqliteError } from './sqlite-error.ts';
import { StatementCache } from './statement-cache.ts';

/** Pages of write-ahead log after which they are copied into the database: 4 MiB, so that a start after a crash reads little. */
const CHECKPOINT_PAGES = 1024;
/** Milliseconds without a commit after which the log is copied. */
const IDLE_CHECKPOINT = 500;

/** Runs groups of transactions, each group as one commit, and keeps the write-ahead log short between them. */
export class Writer {
  readonly #database: DatabaseSync;
  readonly #files: DataFiles;
  readonly #statements: StatementCache;
  /** Estimate of pages in the write-ahead log that are not in the database yet. */
  #pages = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(database: DatabaseSync, files: DataFiles) {
    this.#database = database;
    this.#files = files;
    this.#statements = new StatementCache(database);
  }

  commit(transactions: readonly (readonly Statement[])[]): WriterReply {
    const outcomes: TransactionOutcome[] = [];
    try {
      this.#statements.run('BEGIN IMMEDIATE', []);
      for (const statements of transactions) outcomes.push(this.#transaction(statements));
      this.#statements.run('COMMIT', []);
    } catch (error) {
      return this.#abandon(error, transactions.length);
    }
    for (const statements of transactions) this.#pages += estimatePages(statements);
    return { kind: 'done', outcomes, committed: true };
  }

  /** To be called after the reply is on its way: copying must not hold up an acknowledgement. */
  checkpointWhenDue(): void {
    clearTimeout(this.#idle);
    this.#idle = undefined;
    if (this.#pages >= CHECKPOINT_PAGES) this.#checkpoint();
    else if (this.#pages > 0) this.#idle = setTimeout(() => this.#checkpoint(), IDLE_CHECKPOINT);
  }

  close(): void {
    clearTimeout(this.#idle);
    try {
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // The log stays beside the database and is read at the next start.
    }
    this.#database.close();
  }

  #transaction(statements: readonly Statement[]): TransactionOutcome {
    this.#statements.run('SAVEPOINT one', []);
    const results: StatementResult[] = [];
    try {
      for (const { sql, parameters, expectChanges } of statements) {
        const result = this.#statements.run(sql, parameters);
        if (expectChanges !== undefined && result.changes !== expectChanges) {
          throw new StoreError(
            'CHANGED',
            `A row was changed meanwhile (${result.changes} rows matched, ${expectChanges} expected). Read it again and repeat the change.`,
          );
        }
        results.push(result);
      }
      this.#statements.run('RELEASE one', []);
      return { results };
    } catch (error) {
      const refusal = describeSqliteError(error, this.#files);
      // SQLite has rolled back everything, or may have written half: the whole group fails together.
      if (!this.#database.isTransaction || endsGroup(refusal)) throw error;
      this.#statements.run('ROLLBACK TO one', []);
      this.#statements.run('RELEASE one', []);
      return { refusal };
    }
  }

  #abandon(error: unknown, transactions: number): WriterReply {
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    } catch {
      // The next BEGIN reports what is wrong.
    }
    const refusal = describeSqliteError(error, this.#files);
    // Space in the log that was copied already can be used again.
    if (refusal.code === 'FULL') this.#checkpoint();
    return { kind: 'done', outcomes: Array.from({ length: transactions }, () => ({ refusal })), committed: false };
  }

  #checkpoint(): void {
    this.#idle = undefined;
    try {
      const row = this.#statements.run('PRAGMA wal_checkpoint(PASSIVE)', []).rows[0];
      // A reader may hold the newest pages back: what remains counts on.
      this.#pages = row === undefined ? 0 : Math.max(0, Number(row['log']) - Number(row['checkpointed']));
    } catch {
      this.#pages = 0;
    }
  }
}

function endsGroup(refusal: Refusal): boolean {
  return refusal.code === 'FULL' || refusal.code === 'READ_ONLY' || refusal.code === 'CORRUPT';
}

function estimatePages(statements: readonly Statement[]): number {
  let bytes = 0;
  for (const { parameters } of statements) {
    for (const value of parameters) if (value instanceof Uint8Array) bytes += value.byteLength;
  }
  return 2 + 2 * statements.length + bytes / 4096;
}

/** A value SQLite takes and gives. */
export type SqlValue = string | number | bigint | null | Uint8Array;

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
  /** The transaction is rolled back with CHANGED when the statement changes another number of rows: optimistic concurrency. */
  readonly expectChanges?: number | undefined;
}

export interface StatementResult {
  readonly rows: readonly Record<string, SqlValue>[];
  readonly changes: number;
}

/**
 * One SQL database behind worker threads. `transact` groups what arrives while a commit is under way into one commit;
 * transactions apply in call order; a failed one rolls back alone. Both reject with StoreError.
 */
export interface Database {
  /** Resolves after the commit is on disk. */
  transact(statements: readonly Statement[]): Promise<readonly StatementResult[]>;
  /** Reads committed data on a connection of its own, never in the way of commits. */
  query(sql: string, parameters?: readonly SqlValue[]): Promise<readonly Record<string, SqlValue>[]>;
  close(): Promise<void>;
}

/** FULL: no space; CHANGED: an expected row was changed meanwhile; CONSTRAINT: unique or foreign key; LOCKED: another process has the folder; NEWER: written by a later version. */
export type StoreErrorCode =
  | 'FULL'
  | 'READ_ONLY'
  | 'CHANGED'
  | 'CONSTRAINT'
  | 'LOCKED'
  | 'NEWER'
  | 'CORRUPT'
  | 'OVERLOADED'
  | 'CLOSED'
  | 'FAILED';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, sentence: string, cause?: unknown) {
    super(sentence, { cause });
    this.code = code;
  }
}

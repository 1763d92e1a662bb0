import type { Migration } from '../migration.ts';
import type { SqlValue, Statement, StatementResult, StoreErrorCode } from '../database.ts';

/** What a worker is started with. */
export interface OpenRequest {
  readonly folder: string;
  readonly migrations: readonly Migration[];
}

export interface Refusal {
  readonly code: StoreErrorCode;
  readonly sentence: string;
}

export type TransactionOutcome = { readonly results: readonly StatementResult[] } | { readonly refusal: Refusal };

export type WriterRequest =
  | { readonly kind: 'commit'; readonly transactions: readonly (readonly Statement[])[] }
  | { readonly kind: 'close' };

export type WriterReply =
  | { readonly kind: 'ready'; readonly warnings: readonly string[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'done'; readonly outcomes: readonly TransactionOutcome[]; readonly committed: boolean }
  | { readonly kind: 'closed' };

export type ReaderRequest =
  | { readonly kind: 'query'; readonly id: number; readonly sql: string; readonly parameters: readonly SqlValue[] }
  | { readonly kind: 'close' };

export type ReaderReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'rows'; readonly id: number; readonly rows: readonly Record<string, SqlValue>[] }
  | { readonly kind: 'failed'; readonly id: number; readonly refusal: Refusal }
  | { readonly kind: 'closed' };

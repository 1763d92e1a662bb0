import { statSync } from 'node:fs';
import { StoreError } from '../database.ts';
import type { Database, SqlValue, Statement, StatementResult } from '../database.ts';
import type { DataFiles } from './data-files.ts';
import { packBlobs, statementBytes } from './pack-blobs.ts';
import type { ReaderReply, ReaderRequest, WriterReply, WriterRequest } from './protocol.ts';
import { toStoreError } from './sqlite-error.ts';
import type { Thread } from './thread.ts';

/** Queries that may wait for the reader thread. */
const MAX_PENDING_QUERIES = 10_000;
/** Bytes of statements sent as one group: a commit should take milliseconds, not seconds. */
const MAX_GROUP_BYTES = 8 * 1024 * 1024;

/** How the database does, for operators. */
export interface DatabaseStats {
  /** Size of the database and its write-ahead log on disk. */
  readonly bytes: number;
  readonly pendingBytes: number;
  /** Groups that reached the disk, transactions in them, and groups that failed as a whole, since the start. */
  readonly commits: number;
  readonly transactions: number;
  readonly failures: number;
  /** Milliseconds from sending a group to its being on disk, smoothed over about the last ten. */
  readonly commitLatency: number;
}

interface Transaction {
  readonly statements: readonly Statement[];
  readonly bytes: number;
  readonly resolve: (results: readonly StatementResult[]) => void;
  readonly reject: (error: StoreError) => void;
}

interface Query {
  readonly resolve: (rows: readonly Record<string, SqlValue>[]) => void;
  readonly reject: (error: StoreError) => void;
}

interface Parts {
  readonly writer: Thread<WriterRequest, WriterReply>;
  readonly reader: Thread<ReaderRequest, ReaderReply>;
  readonly files: DataFiles;
  readonly maxPendingBytes: number;
}

/** The main thread's side of the database: groups transactions while a commit is under way, and bounds what waits. */
export class SqliteDatabase implements Database {
  readonly #parts: Parts;
  #waiting: Transaction[] = [];
  #inFlight: readonly Transaction[] | undefined;
  #sentAt = 0;
  #pendingBytes = 0;
  #scheduled = false;
  readonly #queries = new Map<number, Query>();
  #lastQuery = 0;
  /** Why nothing can be done any more. */
  #ended: StoreError | undefined;
  readonly #loss = Promise.withResolvers<StoreError>();
  #idle: (() => void) | undefined;
  #closed: Promise<void> | undefined;
  #commits = 0;
  #transactions = 0;
  #failures = 0;
  #commitLatency = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.writer.listen(
      (reply) => this.#committed(reply),
      (error) => this.#lost(error),
    );
    parts.reader.listen(
      (reply) => this.#answered(reply),
      (error) => this.#lost(error),
    );
  }

  /** Blobs must not change until the promise settles; they are copied, never detached. */
  transact(statements: readonly Statement[]): Promise<readonly StatementResult[]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    let bytes = 64;
    for (const statement of statements) bytes += statementBytes(statement);
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > this.#parts.maxPendingBytes) {
      return Promise.reject(
        new StoreError(
          'OVERLOADED',
          `More than ${this.#parts.maxPendingBytes} bytes wait to be written; the disk is slower than what comes in. Try again in a moment.`,
        ),
      );
    }
    this.#pendingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ statements, bytes, resolve, reject });
      if (this.#inFlight !== undefined || this.#scheduled) return;
      this.#scheduled = true;
      queueMicrotask(() => this.#send());
    });
  }

  query(sql: string, parameters: readonly SqlValue[] = []): Promise<readonly Record<string, SqlValue>[]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#queries.size >= MAX_PENDING_QUERIES) {
      return Promise.reject(new StoreError('OVERLOADED', `${MAX_PENDING_QUERIES} queries wait for the database. Try again in a moment.`));
    }
    const id = ++this.#lastQuery;
    return new Promise((resolve, reject) => {
      this.#queries.set(id, { resolve, reject });
      const { transactions, transfer } = packBlobs([[{ sql, parameters }]]);
      this.#parts.reader.post({ kind: 'query', id, sql, parameters: transactions[0]?.[0]?.parameters ?? [] }, transfer);
    });
  }

  /** Finishes what was asked for before, then refuses with CLOSED. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Resolves when a thread ended by itself: from then on everything is refused, until the process starts anew. */
  get lost(): Promise<StoreError> {
    return this.#loss.promise;
  }

  stats(): DatabaseStats {
    const { database, log } = this.#parts.files;
    return {
      bytes: fileSize(database) + fileSize(log),
      pendingBytes: this.#pendingBytes,
      commits: this.#commits,
      transactions: this.#transactions,
      failures: this.#failures,
      commitLatency: this.#commitLatency,
    };
  }

  async #close(): Promise<void> {
    this.#ended ??= new StoreError('CLOSED', 'The database is closed; this process is ending.');
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      this.#settleIdle();
    });
    // The reader first: the last connection to close removes the write-ahead log.
    await this.#parts.reader.close({ kind: 'close' });
    await this.#parts.writer.close({ kind: 'close' });
  }

  #settleIdle(): void {
    if (this.#inFlight === undefined && this.#waiting.length === 0 && this.#queries.size === 0) this.#idle?.();
  }

  #send(): void {
    this.#scheduled = false;
    if (this.#waiting.length === 0 || this.#inFlight !== undefined) return;
    let taken = 0;
    let bytes = 0;
    while (taken < this.#waiting.length && (taken === 0 || bytes < MAX_GROUP_BYTES)) bytes += this.#waiting[taken++]!.bytes;
    const group = this.#waiting.splice(0, taken);
    this.#inFlight = group;
    this.#sentAt = performance.now();
    const { transactions, transfer } = packBlobs(group.map((transaction) => transaction.statements));
    this.#parts.writer.post({ kind: 'commit', transactions }, transfer);
  }

  #committed(reply: WriterReply): void {
    const group = this.#inFlight;
    if (reply.kind !== 'done' || group === undefined) return;
    this.#inFlight = undefined;
    this.#count(group.length, reply.committed);
    for (const transaction of group) this.#pendingBytes -= transaction.bytes;
    // The disk first, then whoever waits: their next transactions join the group after this one.
    this.#send();
    group.forEach((transaction, index) => {
      const outcome = reply.outcomes[index]!;
      if ('results' in outcome) transaction.resolve(outcome.results);
      else transaction.reject(toStoreError(outcome.refusal));
    });
    this.#settleIdle();
  }

  #count(transactions: number, committed: boolean): void {
    if (!committed) {
      this.#failures++;
      return;
    }
    const latency = performance.now() - this.#sentAt;
    this.#commitLatency = this.#commits === 0 ? latency : this.#commitLatency * 0.9 + latency * 0.1;
    this.#commits++;
    this.#transactions += transactions;
  }

  #answered(reply: ReaderReply): void {
    if (reply.kind !== 'rows' && reply.kind !== 'failed') return;
    const query = this.#queries.get(reply.id);
    this.#queries.delete(reply.id);
    if (reply.kind === 'rows') query?.resolve(reply.rows);
    else query?.reject(toStoreError(reply.refusal));
    this.#settleIdle();
  }

  #lost(error: StoreError): void {
    this.#ended = error;
    this.#loss.resolve(error);
    const transactions = [...(this.#inFlight ?? []), ...this.#waiting];
    this.#inFlight = undefined;
    this.#waiting = [];
    this.#pendingBytes = 0;
    for (const transaction of transactions) transaction.reject(error);
    for (const query of this.#queries.values()) query.reject(error);
    this.#queries.clear();
    this.#settleIdle();
  }
}

function fileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

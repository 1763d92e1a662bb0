import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Event } from '../core/event.ts';
import type { Batch, ReaderRequest } from '../core/meter.ts';
import type { SubscriptionContext } from '../core/policy.ts';
import type { Position } from '../core/position.ts';
import { StoreError, type Database, type SqlValue, type Statement, type StatementResult } from '../store/database.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { openLedger, type Ledger, type LedgerOptions } from './ledger.ts';
import { meteringMigrations } from './migrations.ts';

/** A clock for tests that goes where it is told. */
export class HandClock {
  at: number;

  constructor(at = Date.UTC(2026, 10, 22, 12, 0, 30)) {
    this.at = at;
  }

  now(): number {
    return this.at;
  }
}

/** A real database that can be told to take nothing, as a full disk does, or to commit and report a failure, as a lost answer does. */
export class RefusingDatabase implements Database {
  isRefusing = false;
  isLosingAnswers = false;
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async transact(statements: readonly Statement[]): Promise<readonly StatementResult[]> {
    if (this.isRefusing) throw new StoreError('FULL', 'There is no space left in the data folder.');
    const results = await this.#database.transact(statements);
    if (this.isLosingAnswers) throw new StoreError('FAILED', 'The answer was lost.');
    return results;
  }

  query(sql: string, parameters?: readonly SqlValue[]): Promise<readonly Record<string, SqlValue>[]> {
    return this.#database.query(sql, parameters);
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

/** A database with the ledger's tables in a folder of its own. */
export async function temporaryDatabase(): Promise<{ readonly database: RefusingDatabase; readonly dispose: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = new RefusingDatabase(await openDatabase({ folder, migrations: meteringMigrations }));
  const dispose = async (): Promise<void> => {
    await database.close();
    await rm(folder, { recursive: true });
  };
  return { database, dispose };
}

/** A ledger that commits only when told to. */
export function quietLedger(options: Omit<LedgerOptions, 'compare'>): Promise<Ledger> {
  return openLedger({ compare: compareInTests, commitInterval: 3_600_000, ...options });
}

export function compareInTests(_log: string, a: Position, b: Position): number {
  if (epochOf(a) !== epochOf(b)) throw new Error('positions of different epochs');
  return seqOf(a) - seqOf(b);
}

export function positionAt(seq: number, epoch = 'aaaaaa'): Position {
  return `${epoch}-${seq}` as Position;
}

export function seqOf(position: Position): number {
  return Number(position.slice(position.indexOf('-') + 1));
}

function epochOf(position: Position): string {
  return position.slice(0, position.indexOf('-'));
}

/** Events `from + 1` to `to` of the log as one batch: 10 bytes each, types by turns. */
export function batchOf(
  from: number,
  to: number,
  options: { readonly types?: readonly string[]; readonly acceptedAt?: number; readonly filtered?: number } = {},
): Batch {
  const types = options.types ?? ['order.created'];
  const events = Array.from({ length: to - from }, (_, index) => {
    const seq = from + 1 + index;
    const draft = {
      id: `${seq}`,
      source: '/test',
      type: types[seq % types.length] as string,
      extensions: {},
      data: new Uint8Array(10),
      dataKind: 'binary' as const,
    };
    return new Event(draft, 'orders', positionAt(seq), options.acceptedAt ?? 0);
  });
  return { events, bytes: events.length * 10, position: positionAt(to), filtered: options.filtered ?? 0 };
}

export function subscriptionOf(id: string, over: Partial<SubscriptionContext> = {}): SubscriptionContext {
  return {
    tenant: 'default',
    id,
    application: 'dashboard',
    api: 'orders',
    plan: 'free',
    as: 'client',
    allow: { publish: ['*'], read: ['*'] },
    ...over,
  };
}

export function requestOf(subscription: SubscriptionContext, over: Partial<ReaderRequest> = {}): ReaderRequest {
  const log = `${subscription.tenant}/${subscription.api}`;
  return { subscription, protocol: 'sse', log, address: 'orders', name: undefined, start: positionAt(0), resumes: false, ...over };
}

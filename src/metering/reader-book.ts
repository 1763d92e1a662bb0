import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import type { DurableName, ReaderRequest } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import type { Database, SqlValue, Statement } from '../store/database.ts';
import type { BatchTotalsCache } from './batch-totals.ts';
import { minuteOf } from './calendar.ts';
import type { Book } from './book.ts';
import type { LatencyBoard } from './latency-board.ts';
import { Lineage, type ComparePositions } from './lineage.ts';
import { Account, type AccountOwner } from './reader-account.ts';
import { ReaderLatencies } from './reader-latencies.ts';
import { ReaderRounds } from './reader-rounds.ts';
import { rangeStatements, readerStatements } from './reader-rows.ts';
import { ReaderSearch } from './reader-search.ts';
import { Resumable, resumableMilliseconds } from './resumable.ts';
import { SharedTally, type Stretch, type TallyOwner } from './tally.ts';
import { recoverTallies, TallyJournal } from './tally-journal.ts';

/** Durable readers one subscription may have: each is kept for ever, and clients choose the names. Those of WebSub subscribers do not count: the hub bounds and forgets them. */
const MOST_NAMED_READERS = 1000;

export interface ReaderBookParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly compare: ComparePositions;
  readonly totals: BatchTotalsCache;
  /** Makes the id of a new reader. */
  readonly newId: () => string;
  /** Different for each run of the process. */
  readonly run: number;
  readonly latencies: LatencyBoard;
  /** A lineage has events for the sampler. */
  readonly freshen: (lineage: Lineage) => void;
  /** Most closed connections that can be resumed. */
  readonly mostResumable: number;
}

/** All readers that are connected, may be resumed, or have something to write. */
export class ReaderBook implements Book, AccountOwner, TallyOwner {
  readonly clock: Clock;
  readonly totals: BatchTotalsCache;
  readonly compare: ComparePositions;
  readonly freshen: (lineage: Lineage) => void;
  readonly #parts: ReaderBookParts;
  readonly #resumable: Resumable;
  readonly #search: ReaderSearch;
  readonly #live = new Map<string, Account>();
  /** Durable readers that are connected or not yet written. */
  readonly #named = new Map<string, Lineage | Promise<Lineage>>();
  /** Durable readers there are, by subscription, each with whether it counts. */
  readonly #names = new Map<string, Map<string, boolean>>();
  /** With something that members do not have yet. */
  #tallies: SharedTally[] = [];
  /** That rows on disk may refer to. */
  readonly #journaled = new Set<SharedTally>();
  readonly #journal = new TallyJournal();
  #lastTally = 0;
  readonly #rounds = new ReaderRounds();

  constructor(parts: ReaderBookParts) {
    this.#parts = parts;
    this.clock = parts.clock;
    this.totals = parts.totals;
    this.compare = parts.compare;
    this.freshen = parts.freshen;
    this.#resumable = new Resumable(parts.compare, parts.mostResumable);
    this.#search = new ReaderSearch(parts.database);
  }

  /** Connected readers by id. */
  get live(): ReadonlyMap<string, Account> {
    return this.#live;
  }

  get resumable(): number {
    return this.#resumable.size;
  }

  /** Takes over what earlier runs left: connections that were open when they ended count as closed now. */
  async load(): Promise<void> {
    const { database, clock, mostResumable } = this.#parts;
    const now = clock.now();
    await recoverTallies(database);
    await database.transact([{ sql: 'UPDATE reader SET closed_at = ? WHERE closed_at IS NULL', parameters: [now] }]);
    const rows = await database.query(
      `SELECT * FROM (SELECT * FROM reader WHERE name IS NULL AND closed_at >= ? ORDER BY closed_at DESC LIMIT ?) ORDER BY closed_at`,
      [now - resumableMilliseconds, mostResumable],
    );
    for (const row of rows) this.#resumable.add(this.#restore(row));
    for (const row of await database.query('SELECT subscription, name, address, protocol FROM reader WHERE name IS NOT NULL')) {
      const subscription = String(row['subscription']);
      const key = nameKey({ subscription, name: String(row['name']), address: String(row['address']) });
      this.#namesOf(subscription).set(key, counts(String(row['protocol'])));
    }
  }

  async open(request: ReaderRequest, onTaken: () => void): Promise<Account> {
    const lineage = request.name === undefined ? this.#openUnnamed(request) : await this.#openNamed(request, request.name);
    this.#live.get(lineage.subjects.reader)?.taken();
    if (request.name !== undefined && request.defers !== true) lineage.lentFrom ??= lineage.charged;
    const account = new Account(lineage, this, onTaken);
    lineage.closedAt = undefined;
    lineage.state = 'catching-up';
    lineage.isResumable = request.isResumable ?? true;
    lineage.protocol = request.protocol;
    lineage.plan = request.subscription.plan;
    this.#live.set(account.id, account);
    if (lineage.isWritten || request.name !== undefined) this.touch(lineage);
    return account;
  }

  /** Moves the cursor of a durable reader, whether it is connected or not, up to what it was charged; false when there is none of this name. */
  async confirm(reader: DurableName, position: Position): Promise<boolean> {
    if (!this.knows(reader)) return false;
    const lineage = await this.#durable(reader, () => undefined);
    if (lineage === undefined) return false;
    const { log } = lineage.subjects;
    this.#live.get(lineage.subjects.reader)?.bringUpToDate();
    const place = this.compare(log, position, lineage.charged) > 0 ? lineage.charged : position;
    if (this.compare(log, place, lineage.cursor) > 0) lineage.cursor = place;
    this.touch(lineage);
    return true;
  }

  /** Whether there is a durable reader of this name. */
  knows(reader: Omit<DurableName, 'log'>): boolean {
    return this.#names.get(reader.subscription)?.has(nameKey(reader)) ?? false;
  }

  /** For readers that are charged together. */
  openTally(): SharedTally {
    this.#lastTally += 1;
    return new SharedTally(`${this.#parts.run}-${this.#lastTally}`, this);
  }

  touchTally(tally: SharedTally): void {
    this.#tallies.push(tally);
  }

  journal(tally: SharedTally, stretches: readonly Stretch[]): void {
    this.#journaled.add(tally);
    this.#journal.add(tally, stretches);
  }

  tallyEnded(tally: SharedTally): void {
    this.#journaled.delete(tally);
  }

  /** The next commits write every reader's own rows, and what its group was charged is no longer needed. */
  fold(): void {
    this.settle();
    this.#spendJournal();
  }

  /** Everything that groups of readers were charged is in the books of each. */
  settle(): void {
    const tallies = this.#tallies;
    this.#tallies = [];
    for (const tally of tallies) tally.settle();
  }

  touch(lineage: Lineage): void {
    this.#rounds.add(lineage);
  }

  press(lineage: Lineage): void {
    this.#rounds.press(lineage);
  }

  closed(account: Account): void {
    const { lineage } = account;
    this.#live.delete(account.id);
    lineage.state = 'closed';
    lineage.closedAt = this.clock.now();
    const isKept = lineage.isWritten || lineage.isDirty || lineage.isWriting;
    if (!isKept) return;
    if (lineage.subjects.name === undefined && lineage.isResumable) this.#resumable.add(lineage);
    this.touch(lineage);
  }

  /** Lets go of connections that were closed too long ago to be resumed. */
  expire(): void {
    this.#resumable.expire(this.clock.now() - resumableMilliseconds);
  }

  /** Gives up the name of a durable reader that is not connected. Its usage stays; whoever comes with the name begins anew. */
  async forget(tenant: string, id: string): Promise<boolean> {
    const { database } = this.#parts;
    const [row] = await database.query('SELECT subscription, name, address FROM reader WHERE tenant = ? AND id = ? AND name IS NOT NULL', [
      tenant,
      id,
    ]);
    if (row === undefined) return false;
    const reader = { subscription: String(row['subscription']), name: String(row['name']), address: String(row['address']) };
    if (this.#live.has(id) || this.#named.has(nameKey(reader))) return false;
    this.#namesOf(reader.subscription).delete(nameKey(reader));
    await database.transact([{ sql: 'UPDATE reader SET name = NULL, closed_at = 0 WHERE id = ?', parameters: [id] }]);
    return true;
  }

  get dirty(): boolean {
    return !this.#rounds.isEmpty || this.#tallies.length > 0 || this.#journal.dirty;
  }

  get hasMore(): boolean {
    return this.#rounds.isUnderWay;
  }

  collect(now: number): readonly Statement[] {
    if (!this.hasMore) {
      this.settle();
      this.#rounds.begin();
      this.#journal.beginRound();
    }
    this.totals.clear();
    const part = this.#rounds.take();
    const statements = [...readerStatements(part), ...rangeStatements(part, minuteOf(now))];
    return this.hasMore ? statements : [...statements, ...this.#journal.statements()];
  }

  committed(): void {
    for (const lineage of this.#rounds.written()) {
      if (lineage.closedAt !== undefined && !lineage.isDirty && lineage.subjects.name !== undefined)
        this.#named.delete(nameKey(lineage.subjects));
    }
    if (!this.hasMore) this.#journal.written();
  }

  failed(): void {
    this.#journal.failed();
    this.#rounds.failed();
    this.#spendJournal();
  }

  #spendJournal(): void {
    for (const tally of this.#journaled) for (const { lineage } of tally.members) this.touch(lineage);
    this.#journaled.clear();
    this.#journal.spend();
  }

  #openUnnamed(request: ReaderRequest): Lineage {
    if (request.resumes) {
      const { log, address, filter } = request;
      const lineage = this.#resumable.take({ subscription: request.subscription.id, log, address, filter }, request.start);
      if (lineage !== undefined) {
        lineage.cursor = request.start;
        return lineage;
      }
    }
    return this.#begin(request);
  }

  async #openNamed(request: ReaderRequest, name: string): Promise<Lineage> {
    const reader = { subscription: request.subscription.id, name, address: request.address };
    const known = await this.#durable(reader, () => {
      const names = this.#namesOf(reader.subscription);
      const isCounted = counts(request.protocol);
      if (isCounted && [...names.values()].filter(Boolean).length >= MOST_NAMED_READERS) {
        throw new GatewayError(
          'LIMIT_REACHED',
          `The subscription has ${MOST_NAMED_READERS} durable readers, the most there can be; forget one that is no longer needed.`,
        );
      }
      names.set(nameKey(reader), isCounted);
      return this.#begin(request);
    });
    const lineage = known as Lineage;
    if (lineage.subjects.filter === request.filter) return lineage;
    // Only what was written lets go of a lineage that nobody holds.
    if (!this.#live.has(lineage.subjects.reader)) this.touch(lineage);
    throw otherFilter(name, lineage.subjects.filter);
  }

  /** The one lineage of a durable reader: in memory while it is connected or unwritten, else from the store, else what `begin` makes. */
  async #durable(reader: Omit<DurableName, 'log'>, begin: () => Lineage | undefined): Promise<Lineage | undefined> {
    const key = nameKey(reader);
    const known = this.#named.get(key);
    if (known !== undefined) return known;
    if (!this.knows(reader)) {
      const lineage = begin();
      if (lineage !== undefined) this.#named.set(key, lineage);
      return lineage;
    }
    const loading = this.#load(reader);
    this.#named.set(key, loading);
    try {
      const lineage = await loading;
      this.#named.set(key, lineage);
      return lineage;
    } catch (cause) {
      this.#named.delete(key);
      throw new GatewayError('BACKBONE_UNAVAILABLE', `The place of the reader ${reader.name} cannot be read now; try again.`, {
        cause,
        retryAfter: 1000,
      });
    }
  }

  async #load(reader: Omit<DurableName, 'log'>): Promise<Lineage> {
    const row = await this.#search.find(reader);
    if (row === undefined) throw new Error(`no row of the durable reader ${reader.name} of ${reader.subscription}`);
    return this.#restore(row);
  }

  #namesOf(subscription: string): Map<string, boolean> {
    let names = this.#names.get(subscription);
    if (names === undefined) this.#names.set(subscription, (names = new Map()));
    return names;
  }

  #begin(request: ReaderRequest): Lineage {
    const { tenant, id: subscription, application, api } = request.subscription;
    const { log, address, name, filter, start } = request;
    const reader = this.#parts.newId();
    const subjects = { tenant, reader, name, subscription, application, api, log, address, filter, start, createdAt: this.clock.now() };
    return new Lineage(subjects, { cursor: start, charged: start, serial: 0 }, new ReaderLatencies(this.#parts.latencies, subjects));
  }

  #restore(row: Readonly<Record<string, SqlValue>>): Lineage {
    const text = (column: string): string => String(row[column]);
    const optional = (column: string): string | undefined => (row[column] === null ? undefined : text(column));
    const subjects = {
      tenant: text('tenant'),
      reader: text('id'),
      name: optional('name'),
      subscription: text('subscription'),
      application: text('application'),
      api: text('api'),
      log: text('log'),
      address: text('address'),
      filter: optional('filter'),
      start: text('start') as Position,
      createdAt: Number(row['created_at']),
    };
    const at = { cursor: text('cursor') as Position, charged: text('charged') as Position, serial: Number(row['serial']) };
    const lineage = new Lineage(subjects, at, new ReaderLatencies(this.#parts.latencies, subjects));
    lineage.isWritten = true;
    lineage.protocol = text('protocol');
    lineage.plan = optional('plan');
    lineage.closedAt = row['closed_at'] === null ? undefined : Number(row['closed_at']);
    lineage.deliveredAt = row['delivered_at'] === null ? undefined : Number(row['delivered_at']);
    lineage.lentFrom = optional('lent_from') as Position | undefined;
    return lineage;
  }
}

function otherFilter(name: string, filter: string | undefined): GatewayError {
  const has = filter === undefined ? 'reads without a filter' : `has the filter ${filter}`;
  return new GatewayError(
    'CONFLICT',
    `The reader ${name} ${has}, from its first use on; come back with the same, or take another reader name.`,
    {
      details: { filter: filter ?? null },
    },
  );
}

function nameKey(reader: { readonly subscription: string; readonly name: string | undefined; readonly address: string }): string {
  return `${reader.subscription}\n${reader.name}\n${reader.address}`;
}

function counts(protocol: string): boolean {
  return protocol !== 'websub';
}

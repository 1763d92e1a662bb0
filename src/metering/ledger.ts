import { randomBytes, randomInt } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { DurableName, Meter, PublishRecord, ReaderAccount, ReaderRequest, RefusalRecord, Tally } from '../core/meter.ts';
import type { Counters, SubscriptionContext, WindowCounter, WindowUnit } from '../core/policy.ts';
import type { Position } from '../core/position.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Database } from '../store/database.ts';
import { BatchTotalsCache } from './batch-totals.ts';
import type { Book } from './book.ts';
import { CommitLoop } from './commit-loop.ts';
import { ConnectionBook, type ConnectionLease } from './connection-book.ts';
import { CredentialBook } from './credential-book.ts';
import { LatencyBoard } from './latency-board.ts';
import { exportLedger, observeUsage } from './ledger-observer.ts';
import type { ComparePositions } from './lineage.ts';
import { latencyBucket } from './log-histogram.ts';
import { PublishBook } from './publish-book.ts';
import { ReaderBook } from './reader-book.ts';
import { RefusalBook } from './refusal-book.ts';
import { RollUp } from './roll-up.ts';
import { Sampler } from './sampler.ts';
import { SeriesBoard } from './series-board.ts';
import { WindowBook } from './window-book.ts';
import type { UsageObserver } from './usage-observer.ts';

export interface LedgerOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly compare: ComparePositions;
  /** Shortest milliseconds between two commits. */
  readonly commitInterval?: number | undefined;
  /** One wide line for each decision against a client. */
  readonly log?: Log | undefined;
  readonly metrics?: Metrics | undefined;
  /** Makes the id of a new reader. */
  readonly newId?: (() => string) | undefined;
  /** Most closed connections that can be resumed, over all subscriptions. */
  readonly mostResumable?: number | undefined;
  /** Written first in every commit: what must not come later than the cursors that pass it over. */
  readonly before?: readonly Book[] | undefined;
  /** Most subjects whose figures are kept by the second. */
  readonly mostSeries?: number | undefined;
}

/** Time between two additions of connection time: what a crash may lose of it. */
const HEARTBEAT = 15_000;

/**
 * The books of the gateway: who read what, what was accepted, refused, counted and used. Everything is in memory first and goes
 * to the store in one transaction at short intervals, cursor and usage together.
 */
export class Ledger implements Meter, Counters {
  readonly readers: ReaderBook;
  readonly connections: ConnectionBook;
  readonly credentials: CredentialBook;
  readonly board: SeriesBoard;
  readonly latencies = new LatencyBoard();
  readonly #clock: Clock;
  readonly #windows: WindowBook;
  readonly #published: PublishBook;
  readonly #refusals: RefusalBook;
  readonly #sampler: Sampler;
  readonly #rollUp: RollUp;
  readonly #commits: CommitLoop;
  readonly #observer: UsageObserver;
  #timers: NodeJS.Timeout[] = [];
  #second: NodeJS.Timeout | undefined;
  #failure: { readonly since: number; readonly reason: string } | undefined;

  constructor(options: LedgerOptions) {
    const { database, clock } = options;
    const observer = observeUsage(options.log, options.metrics);
    // Not the time: a clock that stepped back must not make two runs write the same rows.
    const part = randomInt(2 ** 47);
    this.#clock = clock;
    this.#observer = observer;
    this.board = new SeriesBoard(options.mostSeries);
    this.#sampler = new Sampler(clock, this.board, (source, events, bytes) => observer.counted(source, events, bytes));
    this.#windows = new WindowBook(clock);
    this.credentials = new CredentialBook(clock);
    this.connections = new ConnectionBook(clock, part);
    this.#published = new PublishBook(clock, part, this.#sampler.freshen);
    this.#refusals = new RefusalBook(clock, part, {
      decided: (record) => observer.decided(record),
      repeated: (record, count) => observer.repeated(record, count),
    });
    this.readers = new ReaderBook({
      database,
      clock,
      compare: options.compare,
      totals: new BatchTotalsCache(clock),
      newId: options.newId ?? newReaderId,
      run: part,
      latencies: this.latencies,
      freshen: this.#sampler.freshen,
      mostResumable: options.mostResumable ?? 100_000,
    });
    this.#rollUp = new RollUp({ database, clock, board: this.board, latencies: this.latencies, flush: () => this.flush() });
    this.#commits = new CommitLoop({
      database,
      clock,
      books: [...(options.before ?? []), this.readers, this.#windows, this.#published, this.#refusals, this.connections, this.credentials],
      interval: options.commitInterval ?? 250,
      onOutcome: (error) => this.#outcome(error),
    });
  }

  /** Takes over what earlier runs left, then begins to write. */
  async load(database: Database): Promise<void> {
    await this.readers.load();
    await this.#windows.load(database);
    await this.credentials.load(database);
    this.#commits.start();
    this.#nextSecond();
    this.#every(HEARTBEAT, () => this.connections.heartbeat());
    this.#every(60_000, () => this.readers.expire());
  }

  open(request: ReaderRequest, onTaken: () => void): Promise<ReaderAccount> {
    return this.readers.open(request, onTaken);
  }

  openTally(): Tally {
    return this.readers.openTally();
  }

  knows(reader: DurableName): boolean {
    return this.readers.knows(reader);
  }

  confirm(reader: DurableName, position: Position): Promise<boolean> {
    return this.readers.confirm(reader, position);
  }

  published(record: PublishRecord): void {
    this.#published.record(record);
    let events = 0;
    for (const count of record.byType.values()) events += count.events;
    if (events > 0) this.latencies.published(record.subscription, record.address, latencyBucket(record.latency), events);
    this.#observer.published(record);
  }

  refused(record: RefusalRecord): void {
    this.#refusals.record(record);
    this.#observer.refused(record);
  }

  window(key: string, unit: WindowUnit): WindowCounter {
    return this.#windows.window(key, unit);
  }

  /** What has to be on disk no later than the events published from now on: see `CountingDatabase`. */
  takeUrgentCounts(): ReturnType<WindowBook['takeUrgent']> {
    return this.#windows.takeUrgent();
  }

  gauge(key: string): { value: number } {
    return this.#windows.gauge(key);
  }

  /** Gives up the name of a durable reader that is not connected; its usage stays. False when there is none. */
  async forget(tenant: string, id: string): Promise<boolean> {
    await this.flush();
    return this.readers.forget(tenant, id);
  }

  /** A connection that stays open has begun. */
  connected(subscription: SubscriptionContext, protocol: string): ConnectionLease {
    return this.connections.open(subscription, protocol);
  }

  touchCredential(credential: string, tenant = 'default'): void {
    this.credentials.touch(credential, tenant);
  }

  /** Takes what was counted so far into the series and the metrics. */
  sample(): void {
    this.readers.settle();
    this.#sampler.sample();
  }

  /** Takes the counts of the second that is ending, and rolls up the minute when it is over. Called once a second. */
  tick(): void {
    this.sample();
    this.#refusals.tick();
    this.#rollUp.tick();
  }

  /** Why the store has not taken the books, and since when (wall time in milliseconds); undefined when it has. */
  get failure(): { readonly since: number; readonly reason: string } | undefined {
    return this.#failure;
  }

  /** Refusals that were only counted, because more came than are kept apart. */
  get refusalsForgone(): number {
    return this.#refusals.forgone;
  }

  /** Resolves when everything so far is on disk; rejects with StoreError when the store does not take it. */
  flush(): Promise<void> {
    this.readers.fold();
    return this.#commits.flush();
  }

  /** What is done at every interval: as much is on disk as a crash must not take away, not all of it in the rows that reports read. */
  commit(): Promise<void> {
    return this.#commits.flush();
  }

  /** Rolls up all minutes that are over now. */
  rollUp(): Promise<void> {
    return this.#rollUp.run();
  }

  /** Writes what is left and stops. */
  async close(): Promise<void> {
    this.#stopTimers();
    this.connections.heartbeat();
    this.readers.fold();
    await this.#commits.close();
    await this.#rollUp.close();
  }

  /** Stops without writing, as a crash does. */
  abandon(): void {
    this.#stopTimers();
    this.#commits.stop();
    void this.#rollUp.close();
  }

  #every(milliseconds: number, work: () => void): void {
    const timer = setInterval(work, milliseconds);
    timer.unref();
    this.#timers.push(timer);
  }

  /** Ticks just after each second of the clock, so that a second's count is that second's. */
  #nextSecond(): void {
    this.#second = setTimeout(
      () => {
        this.tick();
        this.#nextSecond();
      },
      1002 - (this.#clock.now() % 1000),
    );
    this.#second.unref();
  }

  #stopTimers(): void {
    clearTimeout(this.#second);
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
  }

  #outcome(error: Error | undefined): void {
    if (error === undefined) this.#failure = undefined;
    else this.#failure ??= { since: this.#clock.now(), reason: error.message };
    this.#observer.committed(error);
  }
}

/** Opens the books on a database that has the tables of `meteringMigrations`. */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const ledger = new Ledger(options);
  await ledger.load(options.database);
  if (options.metrics !== undefined) exportLedger(options.metrics, ledger, () => options.clock.now());
  return ledger;
}

function newReaderId(): string {
  return `rdr_${BigInt(`0x${randomBytes(10).toString('hex')}`)
    .toString(36)
    .padStart(16, '0')}`;
}

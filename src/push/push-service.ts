import type { Clock } from '../core/clock.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { StartFrom } from '../core/position.ts';
import type { OutgoingRequest } from '../outgoing/http-sender.ts';
import type { Outcome } from '../outgoing/outcome.ts';
import type { Database } from '../store/database.ts';
import type { Resource, ResourceStore } from '../store/resources.ts';
import { AttemptRetention } from './attempt-retention.ts';
import { authenticatedSend } from './authentication/authenticated-send.ts';
import type { OpenedReading } from './courier-parts.ts';
import { Courier } from './courier.ts';
import { Dispatcher } from './dispatcher.ts';
import {
  forgetEndpoints,
  lastAttemptedFirst,
  loadEndpoints,
  loadKeptVersions,
  loadOwedEvents,
  type SavedEndpoint,
} from './load-endpoint.ts';
import { OriginBreakers } from './origin-breakers.ts';
import { forgetOrphanReaders } from './orphan-readers.ts';
import type { PushBook } from './push-book.ts';
import { countedUnder, type PushCounts } from './push-counts.ts';
import type { PushListener } from './push-listener.ts';
import type { PushTarget } from './push-target.ts';
import { ReplayLog } from './replay-log.ts';
import { ReplayRunner, type ReplayRunnerParts } from './replay-runner.ts';
import { skipAhead, type Skipped } from './skip-ahead.ts';
import { Passes } from './passes.ts';

export interface PushServiceParts {
  readonly store: ResourceStore;
  readonly database: Database;
  readonly book: PushBook;
  readonly clock: Clock;
  readonly random: () => number;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  /** Resolves when everything in the books is on disk. */
  readonly flush: () => Promise<void>;
  readonly openReading: (endpoint: Resource<'endpoint'>, onTaken: () => void) => Promise<OpenedReading>;
  readonly openReplay: ReplayRunnerParts['openReplay'];
  readonly forgetReader: ReplayRunnerParts['forgetReader'];
  /** Throws GatewayError. */
  readonly targetOf: (endpoint: Resource<'endpoint'>) => PushTarget;
  readonly send: (request: OutgoingRequest) => Promise<Outcome>;
  readonly listener: PushListener;
  /** Where attempts are counted. */
  readonly counts?: PushCounts | undefined;
}

interface Running {
  readonly endpoint: Resource<'endpoint'>;
  readonly target: PushTarget;
  readonly courier: Courier;
  readonly reading: OpenedReading;
}

/** An endpoint that is to have a courier. */
interface Opening {
  readonly endpoint: Resource<'endpoint'>;
  readonly target: PushTarget;
}

/** Endpoints that are opened at once, some ten milliseconds, with one read of the store for all; who publishes meanwhile waits for no more. */
const openedAtOnce = 64;
/** Endpoints that are forgotten together. */
const forgottenAtOnce = 64;
/** Milliseconds after which an endpoint that could not be opened is tried again. */
const tryAgainAfter = 30_000;

/** Keeps a courier for every endpoint that is to be delivered to, as resources, subscriptions and readers come and go. */
export class PushService {
  readonly #parts: PushServiceParts;
  readonly #running = new Map<string, Running>();
  /** Couriers that end, or have ended and left something that may not be on disk. */
  readonly #ending = new Set<Promise<void>>();
  /** Why an endpoint of this version has no courier. */
  readonly #refused = new Map<string, { readonly version: number; readonly error: GatewayError; readonly isFinal: boolean }>();
  /** The version an endpoint was last opened at, in an earlier run too, or first found at: a later one is somebody's word to begin again. */
  readonly #seen = new Map<string, number>();
  readonly #origins: OriginBreakers;
  readonly #dispatcher: Dispatcher<Courier>;
  readonly #retention: AttemptRetention;
  readonly #replays: ReplayRunner;
  readonly #stopWatching: () => void;
  #isRecalled = false;
  /** There may be readers of endpoints that are gone, of an earlier run too. */
  #hasOrphans = true;
  readonly #passes: Passes;
  #isClosed = false;
  #cancelRetry: (() => void) | undefined;

  constructor(parts: PushServiceParts) {
    this.#parts = parts;
    this.#dispatcher = new Dispatcher(parts.clock);
    this.#origins = new OriginBreakers(parts.clock);
    const { database, clock, schedule, listener } = parts;
    const onBug = (error: unknown): void => listener.bug(error);
    this.#retention = new AttemptRetention({ database, clock, schedule, onBug });
    this.#replays = new ReplayRunner({ ...parts, replays: new ReplayLog(database), onChange: () => this.changed(), onBug });
    this.#passes = new Passes({
      pass: () => this.#sync(),
      onFailed: (error) => {
        onBug(error);
        this.#later();
      },
    });
    this.#stopWatching = parts.store.watch((changes) => {
      if (changes.some(({ resource }) => resource.kind === 'endpoint')) this.changed();
    });
  }

  /** Endpoints that are delivered to. */
  get size(): number {
    return this.#running.size;
  }

  /** Attempts under way. */
  get underWay(): number {
    return this.#dispatcher.underWay;
  }

  /** Attempts that may be under way at once. */
  get slots(): number {
    return this.#dispatcher.slots;
  }

  /** Origins whose breakers are not closed. */
  get openOrigins(): number {
    return this.#origins.open;
  }

  courier(endpoint: string): Courier | undefined {
    return this.#running.get(endpoint)?.courier;
  }

  /** Why an endpoint that should be delivered to is not. */
  refusal(endpoint: string): GatewayError | undefined {
    return this.#refused.get(endpoint)?.error;
  }

  /** Endpoints, or what they depend on, may have changed. */
  changed(): void {
    this.#passes.changed();
  }

  /** Resolves when everything that changed so far has taken effect. */
  async settled(): Promise<void> {
    await this.#passes.settled();
  }

  /** Runs `work` while no courier begins, so that what it reads of the store and does to couriers belongs together. Rejects with RESTARTING once it is closed. */
  async whileSteady<T>(work: () => Promise<T>): Promise<T> {
    return await this.#passes.steadily((isClosed) => {
      if (!isClosed) return work();
      return Promise.reject(new GatewayError('RESTARTING', 'This Sluice is about to end; ask again in a moment.'));
    });
  }

  /** Moves an endpoint's reader on as `skipAhead` does; whoever delivers to it begins anew behind that. */
  async skip(endpoint: Resource<'endpoint'>, to: StartFrom): Promise<Skipped> {
    const { openReading, database, clock, flush } = this.#parts;
    return await this.whileSteady(async () => {
      this.#passes.changed();
      await this.#endThose((running) => running.endpoint.id === endpoint.id);
      await flush();
      const reading = await openReading(endpoint, () => undefined);
      try {
        return await skipAhead({ reading, database, endpoint: endpoint.id, to, now: clock.now() });
      } finally {
        reading.account.close();
        reading.release();
        await flush();
        this.#parts.listener.hasRoom?.(endpoint.id);
      }
    });
  }

  /** Ends attempts under way; they count as not made. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#passes.close();
    this.#stopWatching();
    this.#cancelRetry?.();
    await this.#retention.close();
    await this.settled();
    for (const id of this.#running.keys()) void this.#end(id);
    await Promise.all(this.#ending);
    this.#replays.close();
  }

  async #sync(): Promise<void> {
    await this.#recall();
    const wanted = new Map(this.#parts.store.list('endpoint').map((endpoint) => [endpoint.id, endpoint]));
    await this.#endThose((running) => !isToGoOn(running, wanted.get(running.endpoint.id)));
    await this.#forgetDeleted(wanted);
    for (const { id, version } of wanted.values()) if (!this.#seen.has(id)) this.#seen.set(id, version);
    const missing = [...wanted.values()].filter((endpoint) => this.#isMissing(endpoint));
    if (!(await this.#beginThose(missing))) return this.#passes.changed();
    this.#origins.trim([...this.#running.values()].map(({ target }) => target.url));
    const isBlocked = !this.#isClosed && (await this.#replays.sync(this.#running));
    if (isBlocked || this.#hasOrphans) this.#later();
    this.#tryAgainLater();
  }

  #isMissing({ id, version, spec }: Resource<'endpoint'>): boolean {
    if (spec.state !== 'started' || this.#running.has(id)) return false;
    const refused = this.#refused.get(id);
    return refused === undefined || !refused.isFinal || refused.version !== version;
  }

  async #endThose(isOver: (running: Running) => boolean): Promise<void> {
    const over = [...this.#running].filter(([, running]) => isOver(running)).map(([id]) => id);
    for (const id of over) void this.#end(id);
    if (this.#ending.size === 0) return;
    const ended = [...this.#ending];
    await Promise.all(ended);
    // Whoever begins anew reads from the store what was in the books.
    await this.#parts.flush();
    for (const ending of ended) this.#ending.delete(ending);
  }

  /** Never rejects. Until what it left is on disk, `#sync` begins nothing. */
  #end(id: string): Promise<void> {
    const running = this.#running.get(id);
    if (running === undefined) return Promise.resolve();
    this.#running.delete(id);
    this.#dispatcher.remove(running.courier);
    const ending = running.courier
      .stop()
      .then(() => running.reading.release())
      .catch((error: unknown) => this.#parts.listener.bug(error));
    this.#ending.add(ending);
    return ending;
  }

  /** What an earlier run knew: it may have ended between somebody's word and what follows from it. */
  async #recall(): Promise<void> {
    if (this.#isRecalled) return;
    for (const [id, version] of await loadKeptVersions(this.#parts.database)) this.#seen.set(id, version);
    this.#isRecalled = true;
  }

  async #forgetDeleted(wanted: ReadonlyMap<string, Resource<'endpoint'>>): Promise<void> {
    const gone = [...this.#seen.keys()].filter((id) => !wanted.has(id));
    if (gone.length > 0) this.#hasOrphans = true;
    for (let next = 0; next < gone.length; next += forgottenAtOnce) await this.#forget(gone.slice(next, next + forgottenAtOnce));
    if (this.#hasOrphans) this.#hasOrphans = await forgetOrphanReaders(this.#parts, wanted.values());
  }

  async #forget(ids: readonly string[]): Promise<void> {
    await forgetEndpoints(this.#parts.database, ids);
    for (const id of ids) {
      this.#parts.book.forget(id);
      this.#refused.delete(id);
      // Last: what could not be forgotten is tried again.
      this.#seen.delete(id);
    }
  }

  /** False: it made way, when it had begun some, for somebody who waits or for what changed meanwhile. */
  async #beginThose(endpoints: readonly Resource<'endpoint'>[]): Promise<boolean> {
    const { database } = this.#parts;
    const ordered = endpoints.length > openedAtOnce ? await lastAttemptedFirst(database, endpoints) : endpoints;
    const inTurn = this.#refusedLast(ordered);
    for (let next = 0; next < inTurn.length && !this.#isClosed; next += openedAtOnce) {
      if (next > 0 && this.#passes.isAwaited) return false;
      const opening = this.#openingOf(inTurn.slice(next, next + openedAtOnce));
      if (opening.length === 0) continue;
      const ids = opening.map(({ endpoint }) => endpoint.id);
      const loading = loadEndpoints(database, ids, (error) => this.#parts.listener.bug(error));
      await Promise.all(opening.map((one) => this.#begin(one, loading)));
    }
    return true;
  }

  /** Those that were refused behind the others, and who was the longest ago first: whoever makes way for others leaves none out for ever. */
  #refusedLast(endpoints: readonly Resource<'endpoint'>[]): readonly Resource<'endpoint'>[] {
    const turns = new Map([...this.#refused.keys()].map((id, turn) => [id, turn]));
    return endpoints.toSorted((a, b) => (turns.get(a.id) ?? -1) - (turns.get(b.id) ?? -1));
  }

  /** Without those that were changed or deleted since the pass began. */
  #openingOf(endpoints: readonly Resource<'endpoint'>[]): readonly Opening[] {
    const { store, targetOf } = this.#parts;
    const opening: Opening[] = [];
    for (const endpoint of endpoints) {
      if (store.byId('endpoint', endpoint.id)?.version !== endpoint.version) continue;
      try {
        opening.push({ endpoint, target: targetOf(endpoint) });
      } catch (error) {
        this.#notBegun(endpoint, error);
      }
    }
    return opening;
  }

  async #begin(opening: Opening, loading: ReturnType<typeof loadEndpoints>): Promise<void> {
    const { endpoint } = opening;
    try {
      const saved = (await loading).get(endpoint.id)!;
      const running = await this.#open(opening, saved);
      this.#refused.delete(endpoint.id);
      this.#running.set(endpoint.id, running);
      this.#dispatcher.add(running.courier, endpoint.tenant);
      const isChanged = this.#seen.get(endpoint.id) !== endpoint.version;
      this.#seen.set(endpoint.id, endpoint.version);
      if (isChanged) running.courier.startAgain();
      else running.courier.start();
      this.#parts.listener.hasRoom?.(endpoint.id);
    } catch (error) {
      this.#notBegun(endpoint, error);
    }
  }

  #notBegun(endpoint: Resource<'endpoint'>, error: unknown): void {
    this.#refuse(endpoint, toGatewayError(error), false);
    if (toGatewayError(error).code === 'INTERNAL') this.#parts.listener.bug(error);
  }

  async #open(opening: Opening, saved: SavedEndpoint): Promise<Running> {
    const { endpoint } = opening;
    const reading = await this.#parts.openReading(endpoint, () => this.#taken(endpoint));
    try {
      return { ...opening, courier: this.#courier(opening, saved, reading), reading };
    } catch (error) {
      // What was saved may be damaged. Left open, the account would be taken over by the next try, as by a connection.
      reading.account.close();
      reading.release();
      throw error;
    }
  }

  #courier({ endpoint, target }: Opening, saved: SavedEndpoint, reading: OpenedReading): Courier {
    const { store, database, book, clock, random, schedule, send, listener, counts } = this.#parts;
    const courier: Courier = new Courier({
      ...reading,
      target,
      version: endpoint.version,
      saved,
      book,
      clock,
      random,
      schedule,
      send: authenticatedSend(target.authentication, { send, clock }),
      originBreaker: this.#origins.of(target.url),
      loadEvents: (positions) => loadOwedEvents(database, endpoint.id, positions, (error) => listener.bug(error)),
      offer: (ready, windowAttempts) => this.#dispatcher.offer(courier, ready, windowAttempts),
      counts: counts?.of(...countedUnder(endpoint, store)),
      onRoom: () => listener.hasRoom?.(endpoint.id),
      onTransition: (transition) => listener.moved(endpoint, transition),
      onBug: (error) => listener.bug(error),
      onLost: (error) => this.#lost(endpoint, toGatewayError(error)),
    });
    return courier;
  }

  /** A connection reads on under the endpoint's name: it keeps the reader until somebody starts the endpoint again. */
  #taken(endpoint: Resource<'endpoint'>): void {
    this.#refuse(endpoint, takenError(endpoint.name), true);
    void this.#end(endpoint.id);
  }

  #lost(endpoint: Resource<'endpoint'>, error: GatewayError): void {
    this.#refuse(endpoint, error, false);
    void this.#end(endpoint.id).then(() => this.#tryAgainLater());
  }

  #refuse(endpoint: Resource<'endpoint'>, error: GatewayError, isFinal: boolean): void {
    const known = this.#refused.get(endpoint.id);
    this.#refused.delete(endpoint.id);
    this.#refused.set(endpoint.id, { version: endpoint.version, error, isFinal });
    if (known?.error.message !== error.message) this.#parts.listener.refused(endpoint, error);
  }

  #tryAgainLater(): void {
    if ([...this.#refused.values()].some(({ isFinal }) => !isFinal)) this.#later();
  }

  #later(): void {
    this.#cancelRetry?.();
    if (this.#isClosed) return;
    const { clock, schedule } = this.#parts;
    this.#cancelRetry = schedule(clock.now() + tryAgainAfter, () => this.changed());
  }
}

function isToGoOn({ endpoint, reading }: Running, wanted: Resource<'endpoint'> | undefined): boolean {
  return wanted !== undefined && wanted.version === endpoint.version && wanted.spec.state === 'started' && reading.refusal() === undefined;
}

function takenError(name: string): GatewayError {
  return new GatewayError(
    'READER_TAKEN',
    `A connection goes on as the reader ${name}, so nothing is pushed to the endpoint; start the endpoint again to go on from where that one is.`,
  );
}

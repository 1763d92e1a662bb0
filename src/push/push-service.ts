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
import { KnownEndpoints, type Snapshot } from './known-endpoints.ts';
import { settleLent } from './lent-reader.ts';
import { lastAttemptedFirst, loadEndpoints, loadOwedEvents, type SavedEndpoint } from './load-endpoint.ts';
import { OriginBreakers } from './origin-breakers.ts';
import type { PushBook } from './push-book.ts';
import { countedUnder, type PushCounts } from './push-counts.ts';
import type { PushListener } from './push-listener.ts';
import type { PushTarget } from './push-target.ts';
import { Refusals } from './refusals.ts';
import { ReplayLog } from './replay-log.ts';
import { ReplayRunner, type ReplayRunnerParts } from './replay-runner.ts';
import { skipAhead, type Skipped } from './skip-ahead.ts';
import { Passes } from './passes.ts';
import { TouchedEndpoints, type Touched } from './touched-endpoints.ts';

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
/** Milliseconds after which an endpoint that could not be opened is tried again. */
const tryAgainAfter = 30_000;

/** Keeps a courier for every endpoint that is to be delivered to, as resources, subscriptions and readers come and go. */
export class PushService {
  readonly #parts: PushServiceParts;
  readonly #running = new Map<string, Running>();
  /** Couriers that end, or have ended and left something that may not be on disk. */
  readonly #ending = new Set<Promise<void>>();
  readonly #refusals = new Refusals();
  readonly #known: KnownEndpoints;
  readonly #origins: OriginBreakers;
  readonly #dispatcher: Dispatcher<Courier>;
  readonly #retention: AttemptRetention;
  readonly #replays: ReplayRunner;
  readonly #stopWatching: () => void;
  readonly #touched = new TouchedEndpoints();
  /** Replays may have come, gone or ended. */
  #areReplaysDue = true;
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
    this.#replays = new ReplayRunner({ ...parts, replays: new ReplayLog(database), onChange: () => this.replaysChanged(), onBug });
    this.#known = new KnownEndpoints({ ...parts, onForgotten: (endpoint) => this.#forgotten(endpoint) });
    this.#passes = new Passes({
      pass: () => this.#sync(),
      onFailed: (error) => {
        onBug(error);
        this.#later();
      },
    });
    this.#stopWatching = parts.store.watch((changes) => {
      const endpoints = changes.filter(({ resource }) => resource.kind === 'endpoint');
      for (const { op, resource } of endpoints) if (op === 'delete') this.#known.deleted(resource as Resource<'endpoint'>);
      if (endpoints.length > 0) this.changed(endpoints.map(({ resource }) => resource.id));
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
    return this.#refusals.of(endpoint);
  }

  /** These endpoints, by id, or what they depend on, may have changed. */
  changed(endpoints: Touched = 'all'): void {
    this.#touched.add(endpoints);
    this.#passes.changed();
  }

  /** Replays were asked for, called off, or have come to their end. */
  replaysChanged(): void {
    this.#areReplaysDue = true;
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
      this.changed([endpoint.id]);
      await this.#endThose([endpoint.id]);
      await flush();
      const reading = await openReading(endpoint, () => undefined);
      try {
        await settleLent(database, endpoint.id, reading);
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
    await this.#known.recall();
    const touched = this.#touched.take();
    try {
      await this.#seeTo(touched);
    } catch (error) {
      this.#touched.add(touched);
      this.#areReplaysDue = true;
      throw error;
    }
  }

  /** What it costs depends on how many were touched, not on how many there are. */
  async #seeTo(touched: Touched): Promise<void> {
    const { store } = this.#parts;
    const ids = touched === 'all' ? [...store.list('endpoint').map(({ id }) => id), ...this.#known.ids()] : touched;
    const now: Snapshot = new Map([...ids].map((id) => [id, store.byId('endpoint', id)]));
    await this.#endThose([...now].filter(([id, endpoint]) => !this.#isToGoOn(id, endpoint)).map(([id]) => id));
    if ([...now.keys()].some((id) => this.#replays.concerns(id))) this.#areReplaysDue = true;
    const isMore = await this.#known.forgetDeleted(now);
    const there = [...now.values()].filter((endpoint) => endpoint !== undefined);
    for (const endpoint of there) this.#known.found(endpoint);
    const left = await this.#beginThose(there.filter((endpoint) => this.#isMissing(endpoint)));
    if (left.length > 0) return this.changed(left.map(({ id }) => id));
    this.#origins.trim(this.#running.size, this.#urls());
    const isBlocked = !this.#isClosed && (await this.#seeToReplays());
    if (isBlocked || isMore || this.#refusals.arePassing) this.#later();
  }

  /** True: something could not be begun and is to be tried again later. */
  async #seeToReplays(): Promise<boolean> {
    if (!this.#areReplaysDue) return false;
    this.#areReplaysDue = false;
    return await this.#replays.sync(this.#running);
  }

  *#urls(): Iterable<string> {
    for (const { target } of this.#running.values()) yield target.url;
  }

  /** Also when nobody delivers to it. */
  #isToGoOn(id: string, wanted: Resource<'endpoint'> | undefined): boolean {
    const running = this.#running.get(id);
    if (running === undefined) return true;
    const { endpoint, reading } = running;
    return wanted?.version === endpoint.version && wanted.spec.state === 'started' && reading.refusal() === undefined;
  }

  #isMissing(endpoint: Resource<'endpoint'>): boolean {
    return endpoint.spec.state === 'started' && !this.#running.has(endpoint.id) && !this.#refusals.isFinal(endpoint);
  }

  async #endThose(over: readonly string[]): Promise<void> {
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

  #forgotten(endpoint: string): void {
    this.#parts.book.forget(endpoint);
    this.#refusals.delete(endpoint);
  }

  /** Those it left: it made way, when it had begun some, for somebody who waits or for what changed meanwhile. */
  async #beginThose(endpoints: readonly Resource<'endpoint'>[]): Promise<readonly Resource<'endpoint'>[]> {
    const { database } = this.#parts;
    const ordered = endpoints.length > openedAtOnce ? await lastAttemptedFirst(database, endpoints) : endpoints;
    const inTurn = this.#refusals.last(ordered);
    for (let next = 0; next < inTurn.length && !this.#isClosed; next += openedAtOnce) {
      if (next > 0 && this.#passes.isAwaited) return inTurn.slice(next);
      const opening = this.#openingOf(inTurn.slice(next, next + openedAtOnce));
      if (opening.length === 0) continue;
      const ids = opening.map(({ endpoint }) => endpoint.id);
      const loading = loadEndpoints(database, ids, (error) => this.#parts.listener.bug(error));
      await Promise.all(opening.map((one) => this.#begin(one, loading)));
    }
    return [];
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
      this.#refusals.delete(endpoint.id);
      this.#running.set(endpoint.id, running);
      this.#dispatcher.add(running.courier, endpoint.tenant);
      if (this.#known.opened(endpoint)) running.courier.startAgain();
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
      const changed = await settleLent(this.#parts.database, endpoint.id, reading);
      return { ...opening, courier: this.#courier(opening, { ...saved, ...changed }, reading), reading };
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
    void this.#end(endpoint.id).then(() => this.#later());
  }

  #refuse(endpoint: Resource<'endpoint'>, error: GatewayError, isFinal: boolean): void {
    if (this.#refusals.add(endpoint, error, { isFinal })) this.#parts.listener.refused(endpoint, error);
  }

  /** What failed, or was refused, is tried again; however often it is asked for meanwhile, it is not put off. */
  #later(): void {
    if (this.#isClosed || this.#cancelRetry !== undefined) return;
    const { clock, schedule } = this.#parts;
    this.#cancelRetry = schedule(clock.now() + tryAgainAfter, () => {
      this.#cancelRetry = undefined;
      this.#areReplaysDue = true;
      this.changed([...this.#refusals.passing()]);
    });
  }
}

function takenError(name: string): GatewayError {
  return new GatewayError(
    'READER_TAKEN',
    `A connection goes on as the reader ${name}, so nothing is pushed to the endpoint; start the endpoint again to go on from where that one is.`,
  );
}

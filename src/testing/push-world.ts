import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { embeddedMigrations } from '../backbones/embedded/migrations.ts';
import { openEmbedded } from '../backbones/embedded/open-embedded.ts';
import type { Backbone } from '../core/backbone.ts';
import { systemClock } from '../core/clock.ts';
import { Feed } from '../core/feed.ts';
import type { Governor } from '../core/group.ts';
import type { SubscriptionContext } from '../core/policy.ts';
import { openLedger, type Ledger } from '../metering/ledger.ts';
import { meteringMigrations } from '../metering/migrations.ts';
import { openSender, Receiver } from '../outgoing/sender-fixture.ts';
import { parseSecret, type SharedSecret } from '../protocols/standard-webhooks/secret.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { draft } from './backbone-events.ts';
import { CircuitBreaker } from '../push/circuit-breaker.ts';
import { Courier } from '../push/courier.ts';
import { Dispatcher } from '../push/dispatcher.ts';
import type { Transition } from '../push/failing-state.ts';
import { loadEndpoint, loadOwedEvents } from '../push/load-endpoint.ts';
import { pushMigrations } from '../push/migrations.ts';
import { PushBook } from '../push/push-book.ts';
import { settleLent } from '../push/lent-reader.ts';
import type { PushTarget } from '../push/push-target.ts';
import { ReplayLog, type Replay } from '../push/replay-log.ts';
import { ReplayRunner } from '../push/replay-runner.ts';
import { Replays } from '../push/replays.ts';
import type { Sight } from '../core/sight.ts';
import { SlowStart } from '../push/slow-start.ts';
import type { Resource } from '../store/resources.ts';

export const log = 'default/orders';
export const secretText = 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=';
export const secret = parseSecret(secretText) as SharedSecret;

const subscription: SubscriptionContext = {
  tenant: 'default',
  id: 'sub_1',
  application: 'shop',
  api: 'orders',
  plan: 'push',
  as: 'client',
  allow: { publish: ['*'], read: ['*'] },
};

/** One POST as it came in. */
export interface Received {
  readonly id: string;
  readonly subject: string | undefined;
  /** All of its events, of which the above is the first. */
  readonly events: readonly { readonly id: string; readonly subject?: string }[];
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

type Answering = (received: Received, response: ServerResponse) => void;

const limitless: Governor = {
  allow: (n) => n,
  delivered: () => undefined,
  limited: () => undefined,
  outbox: undefined,
};

/** A log, the books, and one endpoint with a real receiver, all of which can end as in a crash and begin again on the same folder. */
export class PushWorld {
  readonly received: Received[] = [];
  readonly transitions: Transition[] = [];
  /** How often it was said that there is room for dead letters again. */
  rooms = 0;
  answer: Answering = (_received, response) => void response.writeHead(204).end();
  onBug: (error: unknown) => void = (error) => {
    throw error;
  };
  governor = limitless;
  /** What may be read, of what is asked for anew each time. */
  sight: Sight = () => 'shown';
  database!: Awaited<ReturnType<typeof openDatabase>>;
  backbone!: Backbone;
  ledger!: Ledger;
  courier!: Courier;
  book!: PushBook;
  target!: PushTarget;
  replays!: Replays;
  readonly endpoint = { id: 'end_1', tenant: 'default', spec: { address: 'created' } } as Resource<'endpoint'>;
  readonly #folder: string;
  readonly #receiver: Receiver;
  readonly #out: Awaited<ReturnType<typeof openSender>>;
  readonly #waiting = new Set<() => void>();
  #timers = new Set<NodeJS.Timeout>();
  #dispatcher!: Dispatcher<Courier>;
  #feed!: Feed;
  #runner!: ReplayRunner;
  #syncing: Promise<void> = Promise.resolve();
  #isOver = false;

  private constructor(folder: string, receiver: Receiver, out: Awaited<ReturnType<typeof openSender>>) {
    this.#folder = folder;
    this.#receiver = receiver;
    this.#out = out;
  }

  /** Opens one that ends, whatever becomes of the test. */
  static async use(wish: Partial<PushTarget>, body: (world: PushWorld) => Promise<void>): Promise<void> {
    const world = await PushWorld.open(wish);
    try {
      await body(world);
      await world.stop();
    } finally {
      await world.crash().catch(() => undefined);
      await world.close();
    }
  }

  static async open(wish: Partial<PushTarget> = {}, sending: Parameters<typeof openSender>[0] = {}): Promise<PushWorld> {
    let world: PushWorld | undefined = undefined;
    const receiver = await Receiver.http((request, response) => void world?.receive(request, response)).listen();
    world = new PushWorld(await mkdtemp(join(tmpdir(), 'sluice-')), receiver, await openSender(sending));
    world.target = {
      id: 'end_1',
      tenant: 'default',
      url: receiver.url(),
      wants: () => true,
      headers: [],
      secrets: () => [secret],
      content: 'structured',
      // Not for a test to wait for: where everything stands still for a while nothing that is answered is to be given up.
      timeout: 30_000,
      schedule: { delays: [5, 5, 5] },
      perSecond: undefined,
      concurrency: 8,
      order: 'none',
      ...wish,
    };
    await world.begin();
    return world;
  }

  async begin(): Promise<void> {
    await this.openStore();
    await this.deliver();
  }

  /** Begins without the endpoint, as where it is paused. */
  async openStore(): Promise<void> {
    this.database = await openDatabase({
      folder: this.#folder,
      migrations: [...embeddedMigrations, ...meteringMigrations, ...pushMigrations],
    });
    this.backbone = await openEmbedded({ database: this.database, clock: systemClock });
    await this.backbone.prepare(log, { dedupWindow: 0 });
    const book = new PushBook();
    this.book = book;
    const compare: Backbone['compare'] = (a, b) => this.backbone.compare(a, b);
    this.ledger = await openLedger({
      database: this.database,
      clock: systemClock,
      compare: (_log, a, b) => compare(a, b),
      commitInterval: 5,
      before: [book],
    });
    this.#feed = await Feed.open(this.backbone, { log, address: 'created' }, () => this.ledger.openTally());
    this.#dispatcher = new Dispatcher(systemClock);
  }

  /** The endpoint is delivered to from now on. */
  async deliver(): Promise<void> {
    const { book } = this;
    const start = await this.backbone.locate({ log, address: 'created' }, { at: 'earliest' });
    const request = { subscription, protocol: 'webhook', log, address: 'created', name: 'hook', start, resumes: false, defers: true };
    const account = await this.ledger.open(request, () => void this.courier.stop());
    await settleLent(this.database, this.target.id, { account, backbone: this.backbone });
    const courier = new Courier({
      feed: this.#feed,
      backbone: this.backbone,
      account,
      governor: () => this.governor,
      sight: (event) => this.sight(event),
      target: this.target,
      version: 1,
      saved: await loadEndpoint(this.database, this.target.id),
      book,
      clock: systemClock,
      random: Math.random,
      schedule: (at, callback) => this.#schedule(at, callback),
      send: (outgoing) => this.#out.sender.send(outgoing),
      originBreaker: new CircuitBreaker(systemClock, { openFor: 20, maxOpenFor: 20 }),
      loadEvents: (positions) => loadOwedEvents(this.database, this.target.id, positions, (error) => this.onBug(error)),
      offer: (ready, window) => this.#dispatcher.offer(courier, ready, window),
      breaker: { openFor: 20, maxOpenFor: 20 },
      onRoom: () => (this.rooms += 1),
      onTransition: (transition) => this.transitions.push(transition),
      onBug: (error) => this.onBug(error),
      onLost: (error) => {
        throw error;
      },
    });
    this.courier = courier;
    this.#dispatcher.add(courier, 'default');
    courier.start();
    await this.#openReplays();
  }

  /** The application reads as the endpoint's reader, which nobody is pushed to as just now, and says that it has; ids of what it read. */
  async readAsApplication(): Promise<readonly string[]> {
    const channel = { log, address: 'created' };
    const start = await this.backbone.locate(channel, { at: 'earliest' });
    const request = { subscription, protocol: 'sse', ...channel, name: 'hook', start, resumes: false };
    const account = await this.ledger.open(request, () => undefined);
    const { events, position } = await this.backbone.read({ channel, after: account.cursor, limit: 1000 });
    account.charge({ events, bytes: events.reduce((sum, event) => sum + event.bytes, 0), position, filtered: 0 }, 0);
    account.confirm(position);
    account.close();
    await this.ledger.flush();
    return events.map(({ id }) => id);
  }

  async publish(ids: readonly string[], subjectOf: (id: string) => string | undefined = () => undefined): Promise<void> {
    const drafts = ids.map((id) => ({ ...draft(id), subject: subjectOf(id) }));
    await this.backbone.publish({ log, address: 'created' }, drafts);
  }

  /** Resolves when `isSo` holds; looked at after each request and commit. */
  async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isSo())) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        setTimeout(resolve, 20).unref();
      });
    }
  }

  /** Ends as `kill -9` does: what was not committed is forgotten. */
  async crash(): Promise<void> {
    this.ledger.abandon();
    await this.#end();
  }

  async stop(): Promise<void> {
    await this.courier.stop();
    await this.ledger.close();
    await this.#end();
  }

  async close(): Promise<void> {
    this.#receiver.close();
    this.#out.close();
    await rm(this.#folder, { recursive: true });
  }

  async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const content = JSON.parse(body.toString()) as Received['events'] | Received['events'][number];
    const events = 'id' in content ? [content] : content;
    const [first] = events;
    const received: Received = { id: first?.id ?? '', subject: first?.subject, events, headers: request.headers, body };
    this.received.push(received);
    this.answer(received, response);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Resolves when what changed of the replays has taken effect. */
  async sync(): Promise<void> {
    const delivered = new Map([[this.target.id, { endpoint: this.endpoint, target: this.target, courier: this.courier }]]);
    this.#syncing = this.#syncing.then(async () => {
      if (!this.#isOver) await this.#runner.sync(delivered);
    });
    await this.#syncing;
  }

  async #openReplays(): Promise<void> {
    this.#isOver = false;
    const replays = new ReplayLog(this.database);
    this.#runner = new ReplayRunner({
      replays,
      database: this.database,
      book: this.book,
      clock: systemClock,
      flush: () => this.ledger.commit(),
      openReplay: (_endpoint, replay) => this.#openReplay(replay),
      forgetReader: async (reader) => void (await this.ledger.forget('default', reader)),
      onChange: () => void this.sync(),
      onBug: (error) => this.onBug(error),
      paceOf: () => new SlowStart(systemClock),
    });
    this.replays = new Replays({
      replays,
      clock: systemClock,
      channelOf: () => ({ backbone: this.backbone, channel: this.#feed.channel }),
      countDead: async () => 0,
      onChange: () => this.sync(),
    });
    await this.sync();
  }

  async #openReplay({ id, after }: Replay) {
    const feed = this.#feed;
    const request = { subscription, protocol: 'webhook', log, address: 'created', name: `replay:${id}`, start: after, resumes: false };
    const account = await this.ledger.open(request, () => undefined);
    const sight: Sight = (event) => this.sight(event);
    return { feed, backbone: this.backbone, account, governor: () => this.governor, sight, release: () => undefined };
  }

  async #end(): Promise<void> {
    this.#isOver = true;
    await this.#syncing.catch(() => undefined);
    this.#dispatcher.remove(this.courier);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await this.courier.stop();
    this.#runner.close();
    await this.#feed.close();
    await this.backbone.close();
    await this.database.close();
  }

  #schedule(at: number, callback: () => void): () => void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        callback();
      },
      Math.max(0, at - Date.now()),
    );
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }
}

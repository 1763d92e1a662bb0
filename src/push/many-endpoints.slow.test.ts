import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { Feed } from '../core/feed.ts';
import type { Governor } from '../core/group.ts';
import { openLedger, type Ledger } from '../metering/ledger.ts';
import { subscriptionOf } from '../metering/ledger-fixture.ts';
import { meteringMigrations } from '../metering/migrations.ts';
import type { OutgoingRequest } from '../outgoing/http-sender.ts';
import type { Outcome } from '../outgoing/outcome.ts';
import type { Database, SqlValue, Statement } from '../store/database.ts';
import { storeMigrations } from '../store/migrations.ts';
import type { ResourceChange, ResourceStore } from '../store/resources.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { openResourceStore } from '../store/sqlite/resource-store.ts';
import { draft } from '../testing/backbone-events.ts';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import { plainEndpoint, plainTarget } from '../testing/plain-endpoint.ts';
import { until } from '../testing/until.ts';
import { pushMigrations } from './migrations.ts';
import { PushBook } from './push-book.ts';
import { PushService } from './push-service.ts';

const count = 320;
const channel = { log: 'default/orders', address: 'created' };
const subscription = subscriptionOf('sub_1');
const ids = Array.from({ length: count }, (_, nth) => `end_${nth}`);
const governor: Governor = { allow: (n) => n, delivered: () => undefined, limited: () => undefined, outbox: undefined };

/** Counts what is asked of a real one about endpoints and their readers; it can be made unreadable. */
class CountingDatabase implements Database {
  queries = 0;
  isBlind = false;
  /** Holds up a query until it resolves. */
  before: (sql: string) => Promise<void> = () => Promise.resolve();
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async query(sql: string, parameters?: readonly SqlValue[]): ReturnType<Database['query']> {
    await this.before(sql);
    if (/\bpush_|\bJOIN reader\b/.test(sql)) this.queries += 1;
    return this.isBlind ? Promise.reject(new Error('The test allows no queries.')) : this.#database.query(sql, parameters);
  }

  transact(statements: readonly Statement[]): ReturnType<Database['transact']> {
    return this.#database.transact(statements);
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

/** From the start of a process to its sudden end. */
interface Life {
  readonly service: PushService;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
}

describe('with many endpoints', { timeout: 180_000 }, () => {
  let folder: string;
  let real: Awaited<ReturnType<typeof openDatabase>>;
  let database: CountingDatabase;
  let store: ResourceStore;
  let backbone: MemoryBackbone;
  let ledger: Ledger;
  /** Endpoints in the order in which they were opened. */
  let opened: string[];
  /** Endpoint and event of each attempt. */
  let sent: { readonly endpoint: string; readonly event: string }[];
  let statusOf: (endpoint: string) => number;
  /** Told of each endpoint before it is opened. */
  let onOpening: () => Promise<void>;
  let bugs: string[];
  let life: Life;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    real = await openDatabase({ folder, migrations: [...storeMigrations, ...meteringMigrations, ...pushMigrations] });
    database = new CountingDatabase(real);
    store = await openResourceStore(real, systemClock);
    await store.write(
      ids.map((id) => ({ op: 'put', resource: plainEndpoint(id, subscription.id, channel.address), expect: 0, action: 'endpoint.create' })),
      'test',
    );
    backbone = new MemoryBackbone();
    sent = [];
    opened = [];
    statusOf = () => 204;
    onOpening = () => Promise.resolve();
    bugs = [];
    life = await begin();
    await life.service.settled();
  });
  afterEach(async () => {
    await life.kill();
    await database.close();
    await rm(folder, { recursive: true });
    assert.deepEqual(bugs, []);
  });

  async function begin(): Promise<Life> {
    const book = new PushBook();
    ledger = await openLedger({ database, clock: systemClock, compare: (_log, a, b) => backbone.compare(a, b), before: [book] });
    const feed = await Feed.open(backbone, channel, () => ledger.openTally());
    const service = new PushService({
      store,
      database,
      book,
      clock: systemClock,
      random: Math.random,
      schedule: (at, callback) => {
        const timer = setTimeout(callback, Math.max(0, at - Date.now())).unref();
        return () => clearTimeout(timer);
      },
      flush: () => ledger.commit(),
      openReading: async ({ name }, onTaken) => {
        opened.push(name);
        await onOpening();
        const request = { subscription, protocol: 'webhook', ...channel, name, start: feed.position, resumes: false, defers: true };
        const account = await ledger.open(request, onTaken);
        return {
          feed,
          backbone,
          account,
          governor: () => governor,
          sight: () => 'shown',
          refusal: () => undefined,
          release: () => undefined,
        };
      },
      openReplay: () => Promise.reject(new Error('no replays here')),
      forgetReader: () => Promise.resolve(),
      targetOf: plainTarget,
      send,
      listener: {
        moved: () => undefined,
        refused: () => undefined,
        bug: (error) => bugs.push(String(error)),
      },
    });
    service.changed();
    const kill = async (): Promise<void> => {
      ledger.abandon();
      await service.close();
      await feed.close();
    };
    return { service, kill };
  }

  async function send({ url, headers = [] }: OutgoingRequest): Promise<Outcome> {
    const endpoint = new URL(url).pathname.slice(1);
    const event = headers.find(([name]) => name === 'ce-id')?.[1] ?? '';
    sent.push({ endpoint, event });
    const facts = { timings: { totalMs: 1 }, remoteAddress: '127.0.0.1', reused: true, resent: false };
    return { kind: 'answered', status: statusOf(endpoint), headers: {}, body: Buffer.alloc(0), truncated: undefined, ...facts };
  }

  async function publish(id: string): Promise<void> {
    await backbone.publish(channel, [draft(id)]);
    await until(
      async () => sent.length >= count,
      () => `${sent.length} of ${count} were sent ${id}`,
    );
    assert.deepEqual(new Set(sent.map(({ endpoint, event }) => `${endpoint} ${event}`)), new Set(ids.map((one) => `${one} ${id}`)));
  }

  /** As its owners want: by the id of an endpoint and its place among all. */
  async function change(wish: (id: string, at: number) => 'delete' | 'pause' | undefined): Promise<void> {
    const changes = store.list('endpoint').flatMap((resource, at): (ResourceChange & { readonly action: string })[] => {
      const wanted = wish(resource.id, at);
      if (wanted === undefined) return [];
      const paused = { ...resource, spec: { ...resource.spec, state: 'paused' as const } };
      return wanted === 'delete'
        ? [{ op: 'delete', resource, expect: resource.version, action: 'endpoint.delete' }]
        : [{ op: 'put', resource: paused, expect: resource.version, action: 'endpoint.pause' }];
    });
    await store.write(changes, 'test');
  }

  /** `opening` is told of each endpoint that is opened again, by its number, and may hold it up. */
  async function restart(opening: (nth: number) => Promise<void> = () => Promise.resolve()): Promise<void> {
    await ledger.flush();
    await life.kill();
    sent = [];
    opened = [];
    database.queries = 0;
    onOpening = () => opening(opened.length);
    life = await begin();
  }

  test('a restart reads the store a few times for all of them, and delivers to each what comes then, and nothing again', async () => {
    await publish('before');
    await restart();
    await life.service.settled();
    assert.equal(life.service.size, count);
    // Five times four tables and the readers, for 64 each; and what is read once.
    assert.ok(database.queries <= 5 * 5 + 8, `${database.queries} queries`);
    await publish('after');
  });

  test('those that were attempted last are opened first', async () => {
    const owed = ids.at(-1) as string;
    statusOf = (endpoint) => (endpoint === owed && sent.filter((one) => one.endpoint === owed).length === 1 ? 500 : 204);
    await publish('before');
    await until(
      async () => sent.length > count,
      () => 'nothing was tried again',
    );
    await restart();
    await life.service.settled();
    assert.equal(opened[0], owed);
    assert.deepEqual(new Set(opened), new Set(ids));
  });

  test('none is forgotten when the store could not be read at first', async () => {
    await ledger.flush();
    await life.kill();
    sent = [];
    life = await begin();
    database.isBlind = true;
    await life.service.settled();
    assert.equal(life.service.size, 0);
    for (const bug of bugs.splice(0)) assert.match(bug, /no queries/);
    database.isBlind = false;
    life.service.changed();
    await life.service.settled();
    assert.equal(life.service.size, count);
    await publish('after');
  });

  test('what is deleted, paused or wanted of them while they are opened takes effect within the next few', async () => {
    const sizes: number[] = [];
    let steady: Promise<unknown> | undefined;
    await restart(async (nth) => {
      if (nth === 1) await change((_, at) => (at === 200 ? 'delete' : at === 250 ? 'pause' : undefined));
      // Both of the first 64.
      if (nth === 70) await change((id) => (id === opened[0] ? 'delete' : id === opened[1] ? 'pause' : undefined));
      if (nth === 70) steady = life.service.whileSteady(async () => sizes.push(life.service.size));
      if (nth === 129) sizes.push(life.service.size);
    });
    await life.service.settled();
    await steady;
    assert.deepEqual(sizes, [128, 126]);
    assert.equal(life.service.size, count - 4);
    assert.equal(new Set(opened).size, count - 2);
  });

  test('those that are deleted or paused before their turn comes are not opened', async () => {
    const ordering = /max\(id\) FROM push_attempt/;
    let isChanged = false;
    database.before = async (sql) => {
      if (isChanged || !ordering.test(sql)) return;
      isChanged = true;
      await change((_, at) => (at === 0 ? 'delete' : at === 1 ? 'pause' : undefined));
    };
    await restart();
    await life.service.settled();
    assert.deepEqual([isChanged, life.service.size, new Set(opened).size], [true, count - 2, count - 2]);
  });

  test('one whose state is damaged is begun anew, and holds up none', async () => {
    await publish('before');
    await ledger.flush();
    await database.transact([{ sql: `UPDATE push_endpoint SET state = '{"vers' WHERE endpoint = 'end_7'`, parameters: [] }]);
    await restart();
    await life.service.settled();
    assert.equal(life.service.size, count);
    assert.deepEqual(bugs.splice(0), ['Error: What was kept of how end_7 does cannot be read; it begins anew.']);
    await publish('after');
    await ledger.flush();
    const [kept] = await database.query(`SELECT state ->> '$.version' AS version FROM push_endpoint WHERE endpoint = 'end_7'`);
    assert.equal(kept?.['version'], 1);
  });

  test('those that are deleted at once are forgotten in few commits, and the others go on', async () => {
    await publish('before');
    await ledger.flush();
    const gone = store.list('endpoint').slice(0, 128);
    const { commits } = real.stats();
    const begun = performance.now();
    await store.write(
      gone.map((resource) => ({ op: 'delete', resource, expect: resource.version, action: 'endpoint.delete' })),
      'test',
    );
    await life.service.settled();
    assert.equal(life.service.size, count - 128);
    // Three for 64; the books write four times a second meanwhile.
    const most = 20 + (performance.now() - begun) / 100;
    assert.ok(real.stats().commits - commits <= most, `${real.stats().commits - commits} commits, and ${most} at most`);
    const left = await database.query('SELECT count(*) AS n FROM push_endpoint');
    assert.equal(left[0]?.['n'], count - 128);
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { Feed } from '../core/feed.ts';
import type { Backbone } from '../core/backbone.ts';
import { Event } from '../core/event.ts';
import type { Governor } from '../core/group.ts';
import type { Position } from '../core/position.ts';
import { encodeEvent } from '../protocols/cloudevents/encode.ts';
import { subscriptionOf } from '../metering/ledger-fixture.ts';
import { openLedger, type Ledger } from '../metering/ledger.ts';
import { meteringMigrations } from '../metering/migrations.ts';
import type { Database } from '../store/database.ts';
import { storeMigrations } from '../store/migrations.ts';
import type { EndpointSpec, Resource } from '../store/resources.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { openResourceStore } from '../store/sqlite/resource-store.ts';
import { draft } from '../testing/backbone-events.ts';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import { until } from '../testing/until.ts';
import { pushMigrations } from './migrations.ts';
import { PushBook } from './push-book.ts';
import { PushService } from './push-service.ts';
import type { PushTarget } from './push-target.ts';

const channel = { log: 'default/orders', address: 'created' };
const governor: Governor = { allow: (n) => n, delivered: () => undefined, limited: () => undefined, outbox: undefined };
const spec = { subscription: 'sub_1', address: 'created', headers: {}, secrets: [], state: 'started' } as object as EndpointSpec;
const endpoint: Resource<'endpoint'> = {
  tenant: 'default',
  kind: 'endpoint',
  id: 'end_1',
  name: 'hook',
  parent: 'shop',
  version: 0,
  createdAt: 0,
  updatedAt: 0,
  spec,
};
const target: PushTarget = {
  id: endpoint.id,
  tenant: endpoint.tenant,
  url: 'http://127.0.0.1/',
  wants: () => true,
  headers: [],
  secrets: () => [],
  content: 'binary',
  timeout: 1000,
  schedule: { delays: [] },
  perSecond: undefined,
  concurrency: 4,
  order: 'none',
};

describe('an endpoint whose courier cannot begin', () => {
  let folder: string;
  let database: Database;
  let backbone: MemoryBackbone;
  let ledger: Ledger;
  let feed: Feed;
  let service: PushService;
  /** Readings that were opened, and those of them that were let go. */
  let opened: number;
  let released: number;
  /** Ids of events, in the order in which they were sent. */
  let sent: string[];
  let status: number;
  let bugs: string[];
  /** What orders positions. */
  let order: Pick<Backbone, 'compare'>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: [...storeMigrations, ...meteringMigrations, ...pushMigrations] });
    const store = await openResourceStore(database, systemClock);
    await store.write([{ op: 'put', resource: endpoint, expect: 0, action: 'endpoint.create' }], 'test');
    backbone = new MemoryBackbone();
    const book = new PushBook();
    ledger = await openLedger({ database, clock: systemClock, compare: (_log, a, b) => backbone.compare(a, b), before: [book] });
    feed = await Feed.open(backbone, channel, () => ledger.openTally());
    [opened, released, sent, status, bugs] = [0, 0, [], 204, []];
    order = backbone;
    service = new PushService({
      store,
      database,
      book,
      clock: systemClock,
      random: Math.random,
      schedule: () => () => undefined,
      flush: () => ledger.commit(),
      openReading: async ({ name }, onTaken) => {
        opened += 1;
        const request = {
          subscription: subscriptionOf('sub_1'),
          protocol: 'webhook',
          ...channel,
          name,
          start: feed.position,
          resumes: false,
          defers: true,
        };
        const account = await ledger.open(request, onTaken);
        return {
          feed,
          backbone: order as Backbone,
          account,
          governor: () => governor,
          sight: () => 'shown',
          refusal: () => undefined,
          release: () => (released += 1),
        };
      },
      openReplay: () => Promise.reject(new Error('no replays here')),
      forgetReader: () => Promise.resolve(),
      targetOf: () => target,
      send: async ({ headers = [] }) => {
        sent.push(headers.find(([name]) => name === 'ce-id')?.[1] ?? '');
        const facts = { timings: { totalMs: 1 }, remoteAddress: '127.0.0.1', reused: true, resent: false };
        return { kind: 'answered', status, headers: {}, body: Buffer.alloc(0), truncated: undefined, ...facts };
      },
      listener: { moved: () => undefined, refused: () => undefined, bug: (error) => bugs.push(String(error)) },
    });
  });
  afterEach(async () => {
    await service.close();
    await feed.close();
    await ledger.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  async function untilSent(ids: readonly string[]): Promise<void> {
    await until(
      async () => ids.every((id) => sent.includes(id)),
      () => `${sent.join()} were sent`,
    );
  }

  async function look(): Promise<void> {
    service.changed();
    await service.settled();
  }

  /** It is read only where something is owed. */
  const broken = {
    compare: (): number => {
      throw new Error('Broken by the test.');
    },
  } as object as Backbone;
  const owe = `INSERT INTO push_delivery (endpoint, position, tenant, address, event_id, event_type, state, reason, attempts, counted,
      throttled, format_refused, due_at, billed, accepted_at, changed_at, event)
    VALUES ('end_1', ?, 'default', 'created', 'e', 't', 'waiting', 'status', 1, 1, 0, 0, 1, 0, 1, 1, ?)`;
  const kept = (id: string): Uint8Array => encodeEvent(new Event(draft(id), 'created', 'memory-1' as Position, 1));

  test('keeps no reading open, says so each time, and goes on once it can', async () => {
    await database.transact([{ sql: owe, parameters: ['memory-0', kept('owed')] }]);
    order = broken;
    for (const tries of [1, 2, 3]) {
      await look();
      assert.deepEqual([service.size, opened, released], [0, tries, tries]);
      assert.equal(ledger.readers.live.size, 0);
      assert.notEqual(service.refusal('end_1')?.code, 'READER_TAKEN');
    }
    order = backbone;
    await look();
    assert.deepEqual([service.size, service.refusal('end_1')], [1, undefined]);
    await backbone.publish(channel, [draft('after')]);
    await untilSent(['after', 'owed']);
    assert.equal(bugs.length, 3);
  });

  const rows = [
    ['is of another log', []],
    ['is damaged in its place', [`UPDATE push_delivery SET position = '?'`]],
    [
      'is damaged in all its numbers',
      [`UPDATE push_delivery SET attempts = 'a', counted = 'b', throttled = -1, format_refused = '', due_at = 'c'`],
    ],
    ['is damaged in its state', [`UPDATE push_delivery SET state = 'wartend'`]],
    ['is damaged in its state, before all states', [`UPDATE push_delivery SET state = ''`]],
  ] as const;
  for (const [how, damages] of rows) {
    test(`sends what is owed where its row ${how}, and keeps it out of no commit when it fails`, async () => {
      await database.transact([owe, ...damages].map((sql, nth) => ({ sql, parameters: nth === 0 ? ['other-1', kept('owed')] : [] })));
      status = 500;
      await backbone.publish(channel, [draft('before')]);
      await look();
      await untilSent(['owed']);
      await ledger.commit();
      const [row] = await database.query(`SELECT attempts, state FROM push_delivery WHERE event_id = 'owed' OR event_id = 'e'`);
      assert.equal(row?.['state'], 'dead');
      assert.ok(Number(row?.['attempts']) >= 1);
      assert.deepEqual(bugs, []);
    });
  }

  const states = [
    '{"pause":null}',
    '[]',
    '7',
    '{"failing":{"state":"stopt"}}',
    '{"failing":{"failedMessages":5}}',
    '{"breaker":{"openings":"1"}}',
  ];
  for (const state of states) {
    test(`begins anew where what was kept of how it does is of a wrong shape, and is told of: ${state}`, async () => {
      await database.transact([
        { sql: `INSERT INTO push_endpoint (endpoint, tenant, state) VALUES ('end_1', 'default', ?)`, parameters: [state] },
      ]);
      await look();
      assert.deepEqual([service.size, service.refusal('end_1')], [1, undefined]);
      assert.match(bugs.join(), /^Error: What was kept of how end_1 does cannot be read; it begins anew\.$/);
    });
  }
});

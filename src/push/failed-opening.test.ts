import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { Feed } from '../core/feed.ts';
import type { Governor } from '../core/group.ts';
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
  schedule: { delays: [1] },
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
  let sent: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: [...storeMigrations, ...meteringMigrations, ...pushMigrations] });
    const store = await openResourceStore(database, systemClock);
    await store.write([{ op: 'put', resource: endpoint, expect: 0, action: 'endpoint.create' }], 'test');
    backbone = new MemoryBackbone();
    const book = new PushBook();
    ledger = await openLedger({ database, clock: systemClock, compare: (_log, a, b) => backbone.compare(a, b), before: [book] });
    feed = await Feed.open(backbone, channel, () => ledger.openTally());
    [opened, released, sent] = [0, 0, 0];
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
        };
        const account = await ledger.open(request, onTaken);
        return { feed, backbone, account, governor: () => governor, refusal: () => undefined, release: () => (released += 1) };
      },
      openReplay: () => Promise.reject(new Error('no replays here')),
      forgetReader: () => Promise.resolve(),
      targetOf: () => target,
      send: async () => {
        sent += 1;
        const facts = { timings: { totalMs: 1 }, remoteAddress: '127.0.0.1', reused: true, resent: false };
        return { kind: 'answered', status: 204, headers: {}, body: Buffer.alloc(0), truncated: undefined, ...facts };
      },
      listener: { moved: () => undefined, refused: () => undefined, bug: () => undefined },
    });
  });
  afterEach(async () => {
    await service.close();
    await feed.close();
    await ledger.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  async function look(): Promise<void> {
    service.changed();
    await service.settled();
  }

  const damages = [
    [
      'of a wrong shape',
      `INSERT INTO push_endpoint (endpoint, tenant, state) VALUES ('end_1', 'default', '{"pause":null}')`,
      'push_endpoint',
    ],
    [
      'of another log',
      `INSERT INTO push_delivery (endpoint, position, tenant, address, event_id, event_type, state, reason, attempts, counted, throttled,
         format_refused, billed, accepted_at, changed_at, event)
       VALUES ('end_1', 'other-1', 'default', 'created', 'e', 't', 'waiting', 'status', 1, 1, 0, 0, 0, 1, 1, x'7b7d')`,
      'push_delivery',
    ],
  ] as const;
  for (const [what, damage, table] of damages) {
    test(`keeps no reading open, says so each time, and goes on once it can: what was saved is ${what}`, async () => {
      await database.transact([{ sql: damage, parameters: [] }]);
      for (const tries of [1, 2, 3]) {
        await look();
        assert.deepEqual([service.size, opened, released], [0, tries, tries]);
        assert.equal(ledger.readers.live.size, 0);
        assert.notEqual(service.refusal('end_1')?.code, 'READER_TAKEN');
      }
      await database.transact([{ sql: `DELETE FROM ${table}`, parameters: [] }]);
      await look();
      assert.deepEqual([service.size, service.refusal('end_1')], [1, undefined]);
      await backbone.publish(channel, [draft('after')]);
      await until(
        async () => sent === 1,
        () => `${sent} were sent`,
      );
    });
  }
});

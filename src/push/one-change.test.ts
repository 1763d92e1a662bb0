import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import { Feed } from '../core/feed.ts';
import type { Governor } from '../core/group.ts';
import { openLedger, type Ledger } from '../metering/ledger.ts';
import { subscriptionOf } from '../metering/ledger-fixture.ts';
import { meteringMigrations } from '../metering/migrations.ts';
import type { Database } from '../store/database.ts';
import { storeMigrations } from '../store/migrations.ts';
import type { EndpointSpec, Resource, ResourceStore } from '../store/resources.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { openResourceStore } from '../store/sqlite/resource-store.ts';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import { plainEndpoint, plainTarget } from '../testing/plain-endpoint.ts';
import { pushMigrations } from './migrations.ts';
import { PushBook } from './push-book.ts';
import { PushService } from './push-service.ts';

const channel = { log: 'default/orders', address: 'created' };
const subscription = subscriptionOf('sub_1');
const governor: Governor = { allow: (n) => n, delivered: () => undefined, limited: () => undefined, outbox: undefined };

/** What was looked at. */
interface Work {
  /** Readings that were asked whether they may go on. */
  readings: number;
  /** Targets that were made. */
  targets: number;
  /** Lists of all endpoints. */
  lists: number;
  queries: number;
}

describe('one change among many endpoints', { timeout: 60_000 }, () => {
  let folder: string;
  let database: Database;
  let store: ResourceStore;
  let ledger: Ledger;
  let feed: Feed;
  let service: PushService;
  let work: Work;
  /** Endpoints whose targets cannot be made. */
  let broken: Set<string>;
  /** Endpoints whose readings may not go on. */
  let refused: Set<string>;
  let alarms: { readonly at: number; readonly callback: () => void }[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: [...storeMigrations, ...meteringMigrations, ...pushMigrations] });
    store = await openResourceStore(database, systemClock);
    const backbone = new MemoryBackbone();
    const book = new PushBook();
    ledger = await openLedger({ database, clock: systemClock, compare: (_log, a, b) => backbone.compare(a, b), before: [book] });
    feed = await Feed.open(backbone, channel, () => ledger.openTally());
    work = { readings: 0, targets: 0, lists: 0, queries: 0 };
    [broken, refused, alarms] = [new Set(), new Set(), []];
    service = new PushService({
      store: {
        ...bound(store),
        list: (kind, tenant) => {
          work.lists += 1;
          return store.list(kind, tenant);
        },
      },
      database: {
        ...bound(database),
        query: (sql, parameters) => {
          work.queries += 1;
          return database.query(sql, parameters);
        },
      },
      book,
      clock: systemClock,
      random: Math.random,
      schedule: (at, callback) => {
        const alarm = { at, callback };
        alarms.push(alarm);
        return () => void alarms.splice(alarms.indexOf(alarm), 1);
      },
      flush: () => ledger.commit(),
      openReading: async ({ name, id }, onTaken) => {
        const request = { subscription, protocol: 'webhook', ...channel, name, start: feed.position, resumes: false, defers: true };
        const account = await ledger.open(request, onTaken);
        const refusal = (): GatewayError | undefined => {
          work.readings += 1;
          return refused.has(id) ? new GatewayError('FORBIDDEN', 'no more') : undefined;
        };
        return { feed, backbone, account, governor: () => governor, sight: () => 'shown', refusal, release: () => undefined };
      },
      openReplay: () => Promise.reject(new Error('no replays here')),
      forgetReader: async (reader) => void (await ledger.forget('default', reader)),
      targetOf: (endpoint) => {
        work.targets += 1;
        if (broken.has(endpoint.id)) throw new GatewayError('CONFLICT', 'not yet');
        return plainTarget(endpoint);
      },
      send: () => Promise.reject(new Error('nothing is published here')),
      listener: { moved: () => undefined, refused: () => undefined, bug: assert.fail },
    });
  });
  afterEach(async () => {
    await service.close();
    await feed.close();
    await ledger.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  async function put(endpoints: readonly Resource<'endpoint'>[]): Promise<void> {
    await store.write(
      endpoints.map((resource) => ({ op: 'put', resource, expect: resource.version, action: 'endpoint.put' })),
      'test',
    );
    await service.settled();
  }

  /** What is done for one that is made, changed, paused, started and deleted. */
  async function workOfOne(id: string): Promise<Work> {
    const before = { ...work };
    const size = service.size;
    await put([plainEndpoint(id, subscription.id, channel.address)]);
    await put([now(id, { timeout: 7 })]);
    assert.equal(service.size, size + 1);
    await put([now(id, { state: 'paused' })]);
    assert.equal(service.size, size);
    await put([now(id, { state: 'started' })]);
    assert.equal(service.size, size + 1);
    const resource = now(id, {});
    await store.write([{ op: 'delete', resource, expect: resource.version, action: 'endpoint.delete' }], 'test');
    await service.settled();
    assert.equal(service.size, size);
    const { readings, targets, lists, queries } = work;
    return {
      readings: readings - before.readings,
      targets: targets - before.targets,
      lists: lists - before.lists,
      queries: queries - before.queries,
    };
  }

  function now(id: string, change: Partial<EndpointSpec>): Resource<'endpoint'> {
    const resource = store.byId('endpoint', id)!;
    return { ...resource, spec: { ...resource.spec, ...change } };
  }

  test('costs the same work among a hundred as among five, whatever is refused of them', async () => {
    await put(Array.from({ length: 5 }, (_, nth) => plainEndpoint(`few_${nth}`, subscription.id, channel.address)));
    await workOfOne('first');
    const amongFew = await workOfOne('one');
    for (let nth = 0; nth < 20; nth += 1) broken.add(`many_${nth}`);
    await put(Array.from({ length: 95 }, (_, nth) => plainEndpoint(`many_${nth}`, subscription.id, channel.address)));
    assert.equal(service.size, 80);
    const amongMany = await workOfOne('another');
    assert.deepEqual(amongMany, amongFew);
    assert.deepEqual([amongMany.lists, amongMany.targets], [0, 3]);
  });

  test('puts the next try of one that was refused off for nobody, and looks at no other then', async () => {
    broken.add('end_1');
    await service.settled();
    const known = new Set(alarms);
    await put([plainEndpoint('end_0', subscription.id, channel.address), plainEndpoint('end_1', subscription.id, channel.address)]);
    assert.deepEqual([service.size, service.refusal('end_1')?.message], [1, 'not yet']);
    const [first, ...others] = alarms.filter((alarm) => !known.has(alarm));
    assert.deepEqual(others, []);
    for (let nth = 2; nth < 6; nth += 1) await put([plainEndpoint(`end_${nth}`, subscription.id, channel.address)]);
    assert.ok(first !== undefined && alarms.includes(first));
    broken.clear();
    const { readings, targets } = work;
    first.callback();
    await service.settled();
    assert.deepEqual([service.size, service.refusal('end_1')], [6, undefined]);
    assert.deepEqual([work.readings - readings, work.targets - targets], [0, 1]);
  });

  test('of what endpoints hang on is seen at those that are named, and at all when none is', async () => {
    await put(['end_0', 'end_1', 'end_2'].map((id) => plainEndpoint(id, subscription.id, channel.address)));
    refused.add('end_1').add('end_2');
    broken.add('end_1').add('end_2');
    service.changed(['end_1', 'never']);
    await service.settled();
    assert.deepEqual([service.courier('end_1'), service.size], [undefined, 2]);
    service.changed();
    await service.settled();
    assert.deepEqual([service.courier('end_2'), service.size], [undefined, 1]);
  });
});

/** Its methods, as members of an object that can be spread. */
function bound<T extends object>(thing: T): T {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(thing)).filter((name) => name !== 'constructor');
  return Object.fromEntries(
    names.flatMap((name) => {
      const member: unknown = Reflect.get(thing, name);
      return typeof member === 'function' ? [[name, member.bind(thing) as unknown]] : [];
    }),
  ) as T;
}

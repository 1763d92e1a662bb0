import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { GatewayError } from '../../core/errors.ts';
import type { Outcome } from '../../outgoing/outcome.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { FaultyDatabase } from '../../testing/faulty-database.ts';
import { ManualTime } from '../../testing/manual-time.ts';
import { until } from '../../testing/until.ts';
import { CallbackPace } from './callback-pace.ts';
import { Hub } from './hub.ts';
import { LeaseWatch } from './lease-watch.ts';
import { websubMigrations } from './migrations.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { Wish } from './wish.ts';
import { WishTable } from './wish-table.ts';

const wish: Wish = {
  request: {
    id: 'req_1',
    mode: 'subscribe',
    topicAsGiven: 'https://topic.example/',
    hub: 'https://hub.example/',
    deadline: Infinity,
    leaseSeconds: 60,
    secret: undefined,
  },
  subscription: 'sub_1',
  address: 'a',
  self: 'https://topic.example/',
  callback: 'https://subscriber.example/',
};

test('WS-V1: a request is denied though the store fails at first, and holds no place of others', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = new FaultyDatabase(await openDatabase({ folder, migrations: websubMigrations }));
  const time = new ManualTime();
  const common = { clock: time, schedule: time.schedule };
  const table = new WishTable(database);
  const told = Promise.withResolvers<string>();
  const failed = Promise.withResolvers<void>();
  let asked = 0;
  const subscriptions = { all: () => [], find: () => undefined, close: () => undefined } as unknown as Subscriptions;
  const hub = new Hub({
    ...common,
    table,
    subscriptions,
    leases: new LeaseWatch({ ...common, all: () => [], end: () => Promise.resolve(), onBug: () => assert.fail() }),
    pace: new CallbackPace(common),
    randomBytes: (size) => Buffer.alloc(size, 7),
    send: ({ url }) => {
      told.resolve(url);
      return Promise.resolve({ kind: 'answered', status: 200, headers: {}, body: Buffer.alloc(0) } as unknown as Outcome);
    },
    refusalOf: () => {
      asked += 1;
      database.writing = asked === 1 ? { when: 'before', code: 'FULL' } : undefined;
      return new GatewayError('FORBIDDEN', 'Not for you.');
    },
    methodOf: () => 'sha256',
    stopped: () => Promise.resolve(new Map()),
    log: { info: () => undefined } as never,
    onBug: () => failed.resolve(),
  });
  await hub.start();
  await hub.accept(wish);
  await failed.promise;
  await until(
    async () => time.pending > 0,
    () => 'It is not tried again.',
  );
  time.advance(5_000);
  assert.match(await told.promise, /hub\.mode=denied/);
  assert.equal(hub.pending, 0);
  assert.deepEqual(await table.wishes(() => assert.fail()), []);
  await hub.close();
  await database.close();
  await rm(folder, { recursive: true });
});

test('WS-C3: a subscription whose callback answered 410 ends though the store fails for a while', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = new FaultyDatabase(await openDatabase({ folder, migrations: websubMigrations }));
  const time = new ManualTime();
  const common = { clock: time, schedule: time.schedule };
  const ended = Promise.withResolvers<void>();
  let [tries, bugs] = [0, 0];
  const subscriptions = {
    all: () => [],
    gone: async () => {
      tries += 1;
      database.writing = tries < 6 ? { when: 'before', code: 'FULL' } : undefined;
      await database.transact([]);
      ended.resolve();
    },
    close: () => undefined,
  } as unknown as Subscriptions;
  const hub = new Hub({
    ...common,
    table: new WishTable(database),
    subscriptions,
    leases: new LeaseWatch({ ...common, all: () => [], end: () => Promise.resolve(), onBug: () => assert.fail() }),
    pace: new CallbackPace(common),
    randomBytes: (size) => Buffer.alloc(size, 7),
    send: () => assert.fail('Nobody is asked.'),
    refusalOf: () => undefined,
    methodOf: () => 'sha256',
    stopped: () => Promise.resolve(new Map()),
    log: { info: () => undefined } as never,
    onBug: () => (bugs += 1),
  });
  await hub.start();
  hub.gone({ id: 'end_1', spec: {} } as never);
  for (const delay of [5_000, 30_000, 120_000, 120_000, 120_000]) {
    await until(
      async () => time.pending > 0,
      () => 'It is not tried again.',
    );
    time.advance(delay);
  }
  await ended.promise;
  assert.deepEqual([tries, bugs], [6, 5]);
  await hub.close();
  await database.close();
  await rm(folder, { recursive: true });
});

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Database } from '../../store/database.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { websubMigrations } from './migrations.ts';
import { TopicTable } from './topic-table.ts';
import type { Wish } from './wish.ts';
import { WishTable } from './wish-table.ts';

const callback = 'https://subscriber.example/callback';
const frame = { topicAsGiven: 'https://hub.example/a', hub: 'https://hub.example/hub', deadline: 9 };
const wish = (id: string): Wish => ({
  request: { ...frame, id, mode: 'subscribe', secret: undefined, leaseSeconds: 60 },
  subscription: 'sub_1',
  address: 'a',
  self: 'https://hub.example/a',
  callback,
});
const denial = (id: string) => ({ id, callback, topic: 'https://hub.example/a', reason: undefined, deadline: 9 });

describe('of what a hub remembers', () => {
  let folder: string;
  let database: Database;
  let told: string[];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: websubMigrations });
  });
  beforeEach(async () => {
    told = [];
    const tables = ['websub_request', 'websub_denial', 'websub_topic'];
    await database.transact(tables.map((table) => ({ sql: `DELETE FROM ${table}`, parameters: [] })));
  });
  after(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });

  const onDamaged = ({ message }: Error): unknown => told.push(message);
  const run = (sql: string): Promise<unknown> => database.transact([{ sql, parameters: [] }]);

  const ofRequests = [`callback = 'subscriber'`, `mode = 'subscribf'`, `lease = NULL`, `deadline = 'soon'`, `self = x'00'`, `id = NULL`];
  for (const damage of ofRequests) {
    test(`a request that is damaged is forgotten and told of, and the others are carried out: ${damage}`, async () => {
      const table = new WishTable(database);
      for (const id of ['a', 'b', 'c']) await table.put(wish(id), 1);
      await run(`UPDATE websub_request SET ${damage} WHERE id = 'b'`);
      assert.deepEqual(await table.wishes(onDamaged), [wish('a'), wish('c')]);
      assert.deepEqual(await table.wishes(onDamaged), [wish('a'), wish('c')]);
      assert.equal(told.length, 1);
      assert.ok(told[0]?.includes('for https://hub.example/a') && told[0].includes(`(${damage.split(' ')[0]})`), told[0]);
    });
  }

  for (const damage of [`callback = '//'`, `deadline = x'00'`]) {
    test(`a denial that is damaged is forgotten and told of, and the others are told: ${damage}`, async () => {
      const table = new WishTable(database);
      for (const id of ['a', 'b']) await table.putDenial(denial(id));
      await run(`UPDATE websub_denial SET ${damage} WHERE id = 'a'`);
      assert.deepEqual(await table.denials(onDamaged), [denial('b')]);
      assert.deepEqual(await table.denials(onDamaged), [denial('b')]);
      assert.equal(told.length, 1);
    });
  }

  for (const damage of [`contents = 'many'`, `hash = x'00'`, `etag = x'00'`, `pinged_at = 'then'`]) {
    test(`a topic that is damaged is looked at as if for the first time, and its next content has a number of its own: ${damage}`, async () => {
      const table = new TopicTable(database);
      await table.ping('api', ['https://a.example/'], 5000);
      const before = await table.get('api', 'https://a.example/');
      assert.ok(before);
      await table.looked({ ...before, etag: '"1"', hash: 'abc', contents: 3 });
      await table.ping('api', ['https://a.example/'], 6000);
      await run(`UPDATE websub_topic SET ${damage}`);
      const damaged = await table.get('api', 'https://a.example/');
      assert.ok(damaged && damaged.contents >= 3, JSON.stringify(damaged));
      assert.deepEqual([damaged.etag, damaged.hash], [undefined, undefined]);
      await table.looked({ ...damaged, hash: 'new', contents: damaged.contents + 1 });
      assert.deepEqual(await table.pinged(), []);
      assert.equal((await table.get('api', 'https://a.example/'))?.hash, 'new');
    });
  }
});

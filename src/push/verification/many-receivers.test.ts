import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { storeMigrations } from '../../store/migrations.ts';
import type { EndpointSpec, Resource } from '../../store/resources.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { openResourceStore } from '../../store/sqlite/resource-store.ts';
import { ManualTime } from '../../testing/manual-time.ts';
import { until } from '../../testing/until.ts';
import type { PushTarget } from '../push-target.ts';
import { verificationMigrations } from './migrations.ts';
import { Verifications } from './verifications.ts';

function endpointOf(id: string): Resource<'endpoint'> {
  const about = { subscription: 'sub_1', headers: {}, secrets: [], verification: 'challenge', state: 'started' } as object as EndpointSpec;
  const spec = { ...about, url: `http://127.0.0.1/${id}` };
  return { tenant: 'default', kind: 'endpoint', id, name: id, parent: 'shop', version: 0, createdAt: 0, updatedAt: 0, spec };
}

test('a new endpoint is asked, and its deletion forgets it, without a look at the others that wait', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = await openDatabase({ folder, migrations: [...storeMigrations, ...verificationMigrations] });
  const time = new ManualTime();
  const store = await openResourceStore(database, time);
  const [looks, asked]: [string[], string[]] = [[], []];
  let isStarted = false;
  const verifications = await Verifications.open({
    store: {
      list: (kind) => {
        assert.ok(!isStarted, 'All endpoints were looked at.');
        return store.list(kind);
      },
      watch: (listener) => store.watch(listener),
      byId: (kind, id) => {
        looks.push(id);
        return store.byId(kind, id);
      },
    },
    database,
    clock: time,
    random: () => 0.5,
    nonce: () => 'nonce',
    schedule: time.schedule,
    send: async ({ url }) => {
      asked.push(url);
      const facts = { timings: { totalMs: 1 }, remoteAddress: '127.0.0.1', reused: true, resent: false };
      return { kind: 'answered', status: 500, headers: {}, body: Buffer.alloc(0), truncated: undefined, ...facts };
    },
    targetOf: ({ id, spec }) => ({ id, url: spec.url, headers: [], timeout: 1000, secrets: () => [] }) as object as PushTarget,
    origin: 'events.example.com',
    callback: undefined,
    onChange: () => undefined,
    onBug: (error) => assert.fail(String(error)),
  });
  const put = async (ids: readonly string[]): Promise<void> => {
    await store.write(
      ids.map((id) => ({ op: 'put', resource: endpointOf(id), expect: 0, action: 'endpoint.create' })),
      'test',
    );
    await until(
      async () => ids.every((id) => verifications.record(store.byId('endpoint', id)!)?.tries === 1),
      () => `${asked.length} were asked`,
    );
  };
  const looksOf = async (id: string): Promise<number> => {
    looks.length = 0;
    await put([id]);
    const resource = store.byId('endpoint', id)!;
    await store.write([{ op: 'delete', resource, expect: 1, action: 'endpoint.delete' }], 'test');
    await until(
      async () => (await database.query('SELECT endpoint FROM push_verification WHERE endpoint = ?', [id])).length === 0,
      () => `${id} was not forgotten`,
    );
    assert.ok(looks.every((one) => one === id));
    return looks.length;
  };
  try {
    verifications.start();
    isStarted = true;
    const amongNone = await looksOf('one');
    await put(Array.from({ length: 40 }, (_, nth) => `many_${nth}`));
    assert.equal(await looksOf('another'), amongNone);
    assert.equal(new Set(asked).size, 42);
    assert.equal(time.pending, 1);
  } finally {
    await verifications.close();
    await database.close();
    await rm(folder, { recursive: true });
  }
});

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Database, StoreError } from '../database.ts';
import { storeMigrations } from '../migrations.ts';
import type { ApiSpec, Resource, ResourceChange, ResourceKind, ResourceStore, SpecOf } from '../resources.ts';
import { openDatabase } from './open-database.ts';
import { openResourceStore } from './resource-store.ts';

const api: ApiSpec = {
  kind: 'event',
  contract: { name: 'orders.yaml', text: 'asyncapi: 3.0.0', files: {} },
  path: '/orders',
  backbone: 'main',
  entrypoints: ['sse'],
  lifecycle: 'created',
  retention: {},
  dedup: { window: 600_000 },
  maxEventBytes: 1024,
};

function resource<K extends ResourceKind>(
  kind: K,
  name: string,
  spec: SpecOf[K],
  more: { parent?: string; id?: string; tenant?: string } = {},
): Resource {
  return {
    tenant: more.tenant ?? 'default',
    kind,
    id: more.id ?? `${kind}-${name}`,
    name,
    parent: more.parent ?? '',
    version: 0,
    createdAt: 0,
    updatedAt: 0,
    spec,
  };
}
const put = (target: Resource, expect = 0) => ({ op: 'put', resource: target, expect, action: `${target.kind}.put` }) as const;
const isCorrupt = (error: StoreError) => error.code === 'CORRUPT' && error.message.includes('the api "orders" (api-orders)');
const isChanged = (error: StoreError) => error.code === 'CHANGED' && error.message.length > 20;

describe('ResourceStore', () => {
  let folder: string;
  let database: Database;
  let store: ResourceStore;
  let now = 1000;
  const clock = { now: () => now };
  const reopen = async () => {
    await database.close();
    database = await openDatabase({ folder, migrations: storeMigrations });
    store = await openResourceStore(database, clock);
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: storeMigrations });
    store = await openResourceStore(database, clock);
  });
  afterEach(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });

  it('gives back what was written, also after a restart, with its own versions and times', async () => {
    await store.write([put(resource('api', 'orders', api))], 'admin');
    now = 2000;
    await store.write([put(resource('api', 'orders', { ...api, lifecycle: 'published' }), 1)], 'admin');
    const expected = { ...resource('api', 'orders', { ...api, lifecycle: 'published' }), version: 2, createdAt: 1000, updatedAt: 2000 };
    assert.deepEqual(store.get('api', 'orders'), expected);
    await reopen();
    assert.deepEqual(store.get('api', 'orders'), expected);
    assert.deepEqual(store.list('api'), [expected]);
    assert.equal(store.byId('api', 'api-orders')?.version, 2);
  });

  it('is not opened without a resource that cannot be read, and says which that is', async () => {
    await store.write([put(resource('api', 'orders', api))], 'admin');
    for (const spec of ['{"kind":"ev', '7']) {
      await database.transact([{ sql: 'UPDATE resource SET spec = ?', parameters: [spec] }]);
      await assert.rejects(openResourceStore(database, clock), isCorrupt);
    }
  });

  it('refuses a change of a version that is not the current one, and nothing of the same write happens', async () => {
    await store.write([put(resource('application', 'web', {}))], 'admin');
    await assert.rejects(
      store.write([put(resource('application', 'other', {})), put(resource('application', 'web', { owner: 'x' }), 7)], 'admin'),
      isChanged,
    );
    await assert.rejects(store.write([put(resource('application', 'web', {}))], 'admin'), isChanged);
    await assert.rejects(store.write([put(resource('application', 'web', {}, { id: 'another-id' }))], 'admin'), isChanged);
    assert.deepEqual(
      store.list('application').map(({ name }) => name),
      ['web'],
    );
    await reopen();
    assert.deepEqual(
      store.list('application').map(({ name, version }) => [name, version]),
      [['web', 1]],
    );
  });

  it('lets exactly one of two writes at the same time win', async () => {
    await store.write([put(resource('application', 'web', {}))], 'admin');
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c'].map((owner) => store.write([put(resource('application', 'web', { owner }), 1)], owner)),
    );
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected'],
    );
    assert.deepEqual(store.get('application', 'web')?.spec, { owner: 'a' });
    assert.equal((await store.audit({ tenant: 'default', limit: 10 })).length, 2);
  });

  it('tells watchers what changed before the write resolves, and stops when asked', async () => {
    const seen: string[] = [];
    const stop = store.watch((changes: readonly ResourceChange[]) => {
      for (const change of changes)
        seen.push(`${change.op} ${change.resource.name} ${change.resource.version} ${store.get('application', 'web')?.version}`);
    });
    await store.write([put(resource('application', 'web', {}))], 'admin');
    await store.write([{ op: 'delete', resource: store.get('application', 'web')!, expect: 1, action: 'application.delete' }], 'admin');
    stop();
    await store.write([put(resource('application', 'web', {}))], 'admin');
    assert.deepEqual(seen, ['put web 1 1', 'delete web 1 undefined']);
  });

  it('keeps names apart by tenant, kind and parent', async () => {
    const plan = { state: 'published', security: ['api-key'], approval: 'auto', limits: {} } as const;
    await store.write(
      [
        put(resource('plan', 'free', plan, { parent: 'orders', id: '1' })),
        put(resource('plan', 'free', plan, { parent: 'bills', id: '2' })),
        put(resource('plan', 'free', plan, { parent: 'orders', id: '3', tenant: 'acme' })),
      ],
      'admin',
    );
    assert.equal(store.get('plan', 'free', 'orders')?.id, '1');
    assert.equal(store.get('plan', 'free', 'orders', 'acme')?.id, '3');
    assert.equal(store.get('plan', 'free'), undefined);
    assert.deepEqual(
      store.list('plan', 'default').map(({ id }) => id),
      ['2', '1'],
    );
    assert.equal(store.list('plan').length, 3);
  });

  it('gives objects that nobody can change, and the same ones until something changes', async () => {
    const spec = { description: 'as written' };
    await store.write([put(resource('application', 'web', spec))], 'admin');
    spec.description = 'changed afterwards';
    const first = store.get('application', 'web')!;
    assert.equal(first.spec.description, 'as written');
    assert.throws(() => Object.assign(first.spec, { owner: 'x' }), TypeError);
    assert.equal(store.list('application'), store.list('application'));
    await store.write([put(resource('application', 'other', {}))], 'admin');
    assert.equal(store.get('application', 'web'), first);
  });

  it('audits who changed what, newest first, without secrets', async () => {
    await store.write(
      [put(resource('credential', 'c1', { kind: 'api-key', hash: 'f00d', prefix: 'slk_a', origin: 'api' }, { parent: 'web' }))],
      'admin',
    );
    await store.write(
      [
        put(
          resource('backbone', 'main', {
            kind: 'amqp',
            options: { url: 'amqp://guest:hunter2@host', password: 'hunter2', nested: [{ apiKey: 'hunter2' }] },
          }),
        ),
      ],
      'config:sluice.yaml',
    );
    await store.write([put(resource('application', 'web', {}))], 'admin');
    await store.write([put(resource('application', 'web', { owner: 'me' }), 1)], 'admin');
    const entries = await store.audit({ tenant: 'default', limit: 10 });
    assert.deepEqual(
      entries.map(({ action, actor, before, after }) => [action, actor, before === null, after === null]),
      [
        ['application.put', 'admin', false, false],
        ['application.put', 'admin', true, false],
        ['backbone.put', 'config:sluice.yaml', true, false],
        ['credential.put', 'admin', true, false],
      ],
    );
    assert.deepEqual([entries[0]!.before, entries[0]!.after], [{}, { owner: 'me' }]);
    assert.doesNotMatch(JSON.stringify(entries), /f00d|hunter2/);
    assert.deepEqual(entries[2]!.after, {
      kind: 'amqp',
      options: { url: 'amqp://***@host', password: '***', nested: [{ apiKey: '***' }] },
    });
    assert.deepEqual(
      (await store.audit({ tenant: 'default', limit: 1, before: entries[0]!.seq })).map(({ seq }) => seq),
      [entries[1]!.seq],
    );
    assert.equal((await store.audit({ tenant: 'default', limit: 10, kind: 'application', name: 'web' })).length, 2);
    assert.deepEqual(await store.audit({ tenant: 'other', limit: 10 }), []);
  });

  it('keeps every spec of an API as a revision, and begins anew when the API was deleted', async () => {
    await store.write([put(resource('api', 'orders', api))], 'admin');
    await store.write([put(resource('api', 'orders', { ...api, path: '/v2' }), 1)], 'bob');
    assert.deepEqual(
      (await store.revisions('orders')).map(({ revision, actor, spec }) => [revision, actor, spec.path]),
      [
        [2, 'bob', '/v2'],
        [1, 'admin', '/orders'],
      ],
    );
    await store.write([{ op: 'delete', resource: store.get('api', 'orders')!, expect: 2, action: 'api.delete' }], 'admin');
    await store.write([put(resource('api', 'orders', api, { id: 'api-second' }))], 'admin');
    assert.deepEqual(
      (await store.revisions('orders')).map(({ revision }) => revision),
      [1],
    );
    assert.deepEqual(await store.revisions('nothing'), []);
  });
});

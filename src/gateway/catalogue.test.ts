import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { storeMigrations } from '../store/migrations.ts';
import type { Resource, ResourceChange, ResourceKind, ResourceStore, SpecOf } from '../store/resources.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { openResourceStore } from '../store/sqlite/resource-store.ts';
import { randomOf } from '../testing/seeded-random.ts';
import { Catalogue } from './catalogue.ts';

type Change = ResourceChange & { readonly action: string };

const applications = ['shop', 'bank', 'farm'];
const apis = ['orders', 'prices'];
const hashes = ['h0', 'h1', 'h2', 'h3'];

function resource<K extends ResourceKind>(
  kind: K,
  id: string,
  { name = id, parent = '', spec }: { name?: string; parent?: string; spec: object },
) {
  const times = { version: 0, createdAt: 0, updatedAt: 0 };
  return { tenant: 'default', kind, id, name, parent, ...times, spec: spec as SpecOf[K] } satisfies Resource<K>;
}

function catalogueOf(store: ResourceStore): Catalogue {
  return new Catalogue({
    store,
    tenant: 'default',
    openContract: () => Promise.reject(new Error('no contracts here')),
    backboneOf: () => undefined,
    policiesOf: () => [],
    horizonOf: ({ spec }) => {
      const application = store.get('application', spec.application);
      return application && { address: spec.application, since: application.version };
    },
    onProblem: () => undefined,
  });
}

/** What it answers, in the order in which it does. */
function answersOf(catalogue: Catalogue, ids: readonly string[]): object {
  const shown = ids.map((id) => catalogue.subscription(id)).map((bound) => bound && { resource: bound.resource, horizon: bound.horizon });
  const mine = applications.flatMap((application) =>
    apis.map((api) => catalogue.subscriptions(application, api).map((one) => one.resource)),
  );
  return { shown, mine, credentials: hashes.map((hash) => catalogue.credentialByHash(hash)) };
}

test('a catalogue that follows changes one by one knows what one that is made anew knows', { timeout: 60_000 }, async () => {
  const seed = randomInt(2 ** 31);
  const random = randomOf(seed);
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = await openDatabase({ folder, migrations: storeMigrations });
  const store = await openResourceStore(database, systemClock);
  const catalogue = catalogueOf(store);
  const [subscriptions, credentials] = [
    ['s0', 's1', 's2', 's3', 's4'],
    ['c0', 'c1', 'c2', 'c3'],
  ];
  const change = (): Change => {
    const kind = one(['subscription', 'subscription', 'credential', 'application'] as const);
    const id = kind === 'subscription' ? one(subscriptions) : kind === 'credential' ? one(credentials) : one(applications);
    const known = store.byId(kind, id);
    if (known !== undefined && random() < 0.3) return { op: 'delete', resource: known, expect: known.version, action: 'test' };
    const subscription = {
      application: one(applications),
      api: one(apis),
      as: 'client',
      allow: { publish: [], read: [] },
      state: 'accepted',
    };
    // As in the store of a running Sluice, no two have the same hash.
    const hash = one(hashes.filter((each) => store.list('credential').every((other) => other.id === id || other.spec.hash !== each)));
    const spec = kind === 'subscription' ? subscription : kind === 'credential' ? { kind: 'api-key', hash, prefix: '', origin: 'api' } : {};
    return { op: 'put', resource: resource(kind, id, { spec }), expect: known?.version ?? 0, action: 'test' };
  };
  try {
    const made = apis.map((name) =>
      resource('api', name, {
        spec: { backbone: 'none', path: `/${name}`, retention: {}, dedup: {}, contract: { name: 'none', text: '', files: {} } },
      }),
    );
    await store.write(
      made.map((each) => ({ op: 'put', resource: each, expect: 0, action: 'test' })),
      'test',
    );
    let told = 0;
    catalogue.onChange(() => (told += 1));
    for (let step = 1; step <= 120; step += 1) {
      await store.write([change()], 'test');
      const fresh = catalogueOf(store);
      assert.deepEqual(answersOf(catalogue, subscriptions), answersOf(fresh, subscriptions), `seed ${seed}, step ${step}`);
      fresh.close();
    }
    await catalogue.settled();
    const before = told;
    const endpoint = resource('endpoint', 'e', { parent: 'shop', spec: { headers: {}, secrets: [] } });
    await store.write([{ op: 'put', resource: endpoint, expect: 0, action: 'test' }], 'test');
    assert.equal(told, before, 'Nobody is told of an endpoint.');
  } finally {
    catalogue.close();
    await database.close();
    await rm(folder, { recursive: true });
  }
});

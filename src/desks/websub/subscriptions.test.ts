import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Administration } from '../../control/administration.ts';
import { creation } from '../../control/draft.ts';
import { systemClock } from '../../core/clock.ts';
import { storeMigrations } from '../../store/migrations.ts';
import type { EndpointSpec, WebSubSubscriptionSpec } from '../../store/resources.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { openResourceStore } from '../../store/sqlite/resource-store.ts';
import { Subscriptions } from './subscriptions.ts';
import type { Wish } from './wish.ts';

const now = 1_900_000_000_000;

function terms(self: string, request: string, leaseUntil: number): WebSubSubscriptionSpec {
  return { topic: self, hub: 'https://hub.example/', self, method: 'sha256', leaseUntil, request };
}

function draftOf(name: string): ReturnType<typeof creation<'endpoint'>> {
  const spec: EndpointSpec = {
    subscription: 'sub_1',
    address: 'a',
    url: `https://${name}.example/`,
    types: [],
    headers: {},
    secrets: [],
    content: 'data',
    timeout: 1000,
    retry: [],
    concurrency: 1,
    order: 'none',
    metadata: {},
    state: 'started',
    websub: terms('https://topic.example/', name, now - 1),
  };
  return creation('endpoint', { name, parent: 'shop', spec }, now);
}

test(
  'WS-I3: a subscription that is renewed while leases end goes on, and whoever was not renewed is ended',
  { timeout: 20_000 },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    const database = await openDatabase({ folder, migrations: storeMigrations });
    t.after(async () => {
      await database.close();
      await rm(folder, { recursive: true });
    });
    const store = await openResourceStore(database, systemClock);
    const offer = { knownEntrypoints: [], knownBackbones: [] };
    const administration = new Administration({ store, clock: systemClock, checkContract: () => Promise.resolve([]), ...offer });
    const made = [draftOf('renewed'), draftOf('over')];
    await administration.change('test', () => Promise.resolve({ drafts: made, result: undefined }));
    const told: string[] = [];
    const subscriptions = new Subscriptions({
      administration,
      onPut: () => undefined,
      onEndedByOthers: ({ name }) => void told.push(name),
    });
    const wish = { subscription: 'sub_1', self: 'https://topic.example/', callback: 'https://renewed.example/' } as Wish;
    const ids = made.map(({ resource }) => resource.id);
    await Promise.all([
      subscriptions.confirm(wish, terms('https://topic.example/', 'again', now + 3_600_000)),
      subscriptions.expire(ids, now),
    ]);
    assert.deepEqual(
      [...subscriptions.all()].map(({ name, spec }) => [name, spec.websub?.request]),
      [['renewed', 'again']],
    );
    assert.deepEqual(told, []);
    subscriptions.close();
  },
);

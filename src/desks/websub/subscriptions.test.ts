import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
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

async function openAdministration(t: TestContext): Promise<Administration> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = await openDatabase({ folder, migrations: storeMigrations });
  t.after(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });
  const store = await openResourceStore(database, systemClock);
  const offer = { knownEntrypoints: [], knownBackbones: [] };
  return new Administration({ store, clock: systemClock, checkContract: () => Promise.resolve([]), ...offer });
}

/** With those that were made, and whom the publisher was said to have ended. */
async function openSubscriptions(t: TestContext, made: readonly ReturnType<typeof draftOf>[]) {
  const administration = await openAdministration(t);
  await administration.change('test', () => Promise.resolve({ drafts: made, result: undefined }));
  const told: string[] = [];
  const onEndedByOthers = ({ name }: { readonly name: string }): void => void told.push(name);
  const subscriptions = new Subscriptions({ administration, onPut: () => undefined, onEndedByOthers });
  t.after(() => subscriptions.close());
  return { subscriptions, told };
}

const wish = { subscription: 'sub_1', self: 'https://topic.example/', callback: 'https://renewed.example/' } as Wish;
const limit = { timeout: 60_000 };

test('WS-I3: a subscription that is renewed while leases end goes on, and whoever was not renewed is ended', limit, async (t) => {
  const made = [draftOf('renewed'), draftOf('over')];
  const { subscriptions, told } = await openSubscriptions(t, made);
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
});

test('WS-C3: a 410 ends what it was delivered for, and not what its subscriber has confirmed meanwhile', limit, async (t) => {
  const { subscriptions, told } = await openSubscriptions(t, [draftOf('renewed')]);
  const delivered = subscriptions.find(wish);
  assert.ok(delivered !== undefined);
  await Promise.all([
    subscriptions.confirm(wish, terms('https://topic.example/', 'again', now + 3_600_000)),
    subscriptions.gone(delivered),
  ]);
  const held = subscriptions.find(wish);
  assert.equal(held?.spec.websub?.request, 'again');
  await subscriptions.gone(held);
  assert.deepEqual([...subscriptions.all()], []);
  assert.deepEqual(told, []);
});

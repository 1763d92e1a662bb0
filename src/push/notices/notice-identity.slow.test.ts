import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { ManagementClient } from '../../cli/client/management.ts';
import { newEvents, publish, readerKey, serviceKey, worldFiles } from '../../testing/gateway-world.ts';
import { openSluice, type SluiceFixture } from '../../testing/sluice-fixture.ts';
import { until } from '../../testing/until.ts';
import { WebhookReceiver } from '../../testing/webhook-receiver.ts';

const opsKey = 'ops-key-0123456789';
const address = 'endpoints/reader';

interface Told {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly position: string;
  readonly data: { readonly endpoint: { readonly id: string } };
}

interface View {
  readonly id: string;
  readonly state: string;
  readonly createdAt: number;
}

/** Notices belong to an application, not to whoever has its name: a whole Sluice, in which one is deleted and made again. */
describe('notices of an application', { timeout: 180_000 }, () => {
  const gone = new WebhookReceiver<unknown>();
  const alerts = new WebhookReceiver<Told>();
  let sluice: SluiceFixture;
  before(async () => {
    await gone.listen();
    await alerts.listen();
  });
  after(() => {
    gone.close();
    alerts.close();
  });
  beforeEach(async () => {
    gone.reset();
    alerts.reset();
    gone.status = 410;
    sluice = await openSluice(config(), { files: worldFiles(), openOutgoing: ['127.0.0.0/8'] });
  });
  afterEach(() => sluice.stop());

  const config = (): string => `
apis:
  world: { contract: ./world.yaml, path: /world, plans: { push: { mode: push } } }
applications:
  reader:
    credentials: [{ kind: api-key, value: ${readerKey} }]
    subscriptions:
      - api: world
        plan: push
        endpoints: { hook: { url: 'http://127.0.0.1:${gone.port}/', address: 'a/events', retry: none } }
  ops:
    credentials: [{ kind: api-key, value: ${opsKey} }]
    subscriptions: [{ api: sluice, plan: read, allow: { publish: [], read: ['endpoints/*'] } }]
  service:
    credentials: [{ kind: api-key, value: ${serviceKey} }]
    subscriptions: [{ api: world, as: provider }]
`;

  const owner = (): ManagementClient => new ManagementClient(new URL(sluice.control), readerKey);
  const list = async (client: ManagementClient, what: string, query = {}): Promise<readonly View[]> =>
    ((await client.get([what], query)) as unknown as { items: View[] }).items;

  async function read(query: string, key = readerKey, of = address): Promise<readonly Told[]> {
    const response = await fetch(`${sluice.gateway}/sluice/${of}?${query}`, { headers: { 'x-api-key': key } });
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as Told[];
  }

  const ids = (notices: readonly Told[]): readonly string[] => notices.map(({ id }) => id);

  const hook = async (): Promise<View> => (await list(owner(), 'endpoints'))[0]!;

  /** Lets an endpoint's receiver refuse once more; resolves when its owner can read so. */
  async function provoke(): Promise<void> {
    const before = await read('from=earliest');
    const { id } = await hook();
    await owner().post(['endpoints', id, 'start'], {});
    assert.equal((await publish(sluice.gateway, newEvents(1), { key: serviceKey, channel: 'a/events' })).status, 202);
    await until(
      async () => (await read('from=earliest')).slice(before.length).some(({ type }) => type.endsWith('.gone')),
      () => 'Nothing was told.',
    );
  }

  /** Deletes the application and makes it anew, as it stands in the configuration. */
  async function makeAgain(): Promise<void> {
    const admin = sluice.client();
    for (const { id, state } of await list(admin, 'subscriptions', { application: 'reader' }))
      if (state !== 'closed') await admin.post(['subscriptions', id, 'close'], {});
    await admin.remove(['applications', 'reader']);
    await sluice.apply(config());
    await until(
      async () => (await ownSubscription()) !== undefined,
      () => 'The application was not let in to its notices.',
    );
  }

  const ownSubscription = async (): Promise<View | undefined> => (await list(owner(), 'subscriptions', { api: 'sluice' }))[0];

  test('stay its own over a restart, and when it is applied again', async () => {
    await provoke();
    await provoke();
    const told = ids(await read('from=earliest'));
    assert.equal(told.length, 3, 'gone, started, gone');
    await sluice.restart();
    assert.deepEqual(ids(await read('from=earliest')), told);
    await sluice.apply(config());
    assert.deepEqual(ids(await read('from=earliest')), told);
    const { id } = (await ownSubscription())!;
    assert.equal((await sluice.client().post(['endpoints', 'preview'], { subscription: id, address }))['examined'], 3);
  });

  test('are not seen by another that has its name later: by no place to begin at, nor by a sample, a preview or a replay', async () => {
    await provoke();
    await provoke();
    const old = await read('from=earliest');
    const [first] = old;
    assert.ok(first !== undefined);
    const { id: oldHook } = await hook();
    await makeAgain();
    for (const from of ['earliest', first.position, first.time]) {
      assert.deepEqual(await read(`from=${encodeURIComponent(from)}`), [], from);
      assert.deepEqual(await read(`from=${encodeURIComponent(from)}&reader=mine-${from.length}`), [], from);
    }
    const { id: subscription } = (await ownSubscription())!;
    assert.equal((await owner().post(['endpoints', 'preview'], { subscription, address }))['examined'], 0);
    const sample = await fetch(`${sluice.gateway}/sluice/-/hooks/samples?event=${first.type}&address=${encodeURIComponent(address)}`, {
      headers: { 'x-api-key': readerKey },
    });
    assert.ok(!(await sample.text()).includes(oldHook));
    const url = `http://127.0.0.1:${alerts.port}/`;
    const { id: teller } = await owner().post(['endpoints'], { subscription, name: 'alerts', url, address });
    const replay = await owner().post(['endpoints', String(teller), 'replays'], { from: 'earliest' });
    assert.equal(replay['total'], 0);
    const back = await owner().post(['endpoints', String(teller), 'replays'], { from: first.position });
    assert.equal(back['total'], 0);
    await provoke();
    await alerts.arrived(1);
    const told = await read('from=earliest');
    assert.deepEqual(new Set(told.map(({ data }) => data.endpoint.id)), new Set([(await hook()).id]));
    assert.deepEqual(alerts.posts.map(({ event }) => event.id)[0], told[0]?.id);
    assert.deepEqual(ids(await read(`from=${encodeURIComponent(first.position)}`)), ids(told));
    assert.deepEqual(ids(await read('from=earliest', opsKey, 'endpoints/*')), [...ids(old), ...ids(told)], 'whoever operates sees all');
    await sluice.restart();
    assert.deepEqual(ids(await read('from=earliest')), ids(told));
  });
});

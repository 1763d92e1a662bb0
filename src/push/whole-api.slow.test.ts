import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { View } from '../cli/client/management.ts';
import { newEvents, publish, serviceKey } from '../testing/gateway-world.ts';
import { openSluice, type SluiceFixture } from '../testing/sluice-fixture.ts';
import { until } from '../testing/until.ts';
import { WebhookReceiver } from '../testing/webhook-receiver.ts';
import { endpointNamed } from '../testing/webhook-world.ts';

const buyerKey = 'buyer-key-0123456789';

/** A contract in which the provider sends on these channels, and clients do on the others. */
function contractOf(...sent: readonly string[]): string {
  const lines = ['news', 'offers', 'orders'].map((name) => ({
    channel: `  ${name}: { address: ${name}, messages: { it: { name: test.event } } }`,
    operation: `  ${name}: { action: ${sent.includes(name) ? 'send' : 'receive'}, channel: { $ref: '#/channels/${name}' } }`,
  }));
  return `
asyncapi: 3.0.0
info: { title: Shop, version: 1.0.0 }
defaultContentType: application/json
channels:
${lines.map(({ channel }) => channel).join('\n')}
operations:
${lines.map(({ operation }) => operation).join('\n')}
`;
}

const files = { 'all.yaml': contractOf('news', 'offers'), 'news.yaml': contractOf('news'), 'none.yaml': contractOf() };

interface Wish {
  readonly contract?: keyof typeof files;
  readonly allow?: string;
  readonly retry?: string;
}

/** An endpoint that names no address gets whatever its application may read, as everybody expects who knows other senders of webhooks. */
describe('an endpoint without an address', { timeout: 300_000 }, () => {
  const receiver = new WebhookReceiver<{ readonly id: string; readonly position: string }>();
  const { posts } = receiver;
  let sluice: SluiceFixture;

  before(() => receiver.listen());
  after(() => receiver.close());
  beforeEach(() => receiver.reset());
  afterEach(() => sluice.stop());

  function config({ contract = 'all.yaml', allow = "{ read: ['*'], publish: ['*'] }", retry = '[1h]' }: Wish = {}): string {
    return `
apis:
  world: { contract: ./${contract}, path: /world, plans: { push: { mode: push }, basic: {} } }
applications:
  reader:
    subscriptions:
      - api: world
        plan: push
        allow: ${allow}
        endpoints: { hook: { url: 'http://127.0.0.1:${receiver.port}/hook', retry: ${retry} } }
  buyer:
    credentials: [{ kind: api-key, value: ${buyerKey} }]
    subscriptions: [{ api: world, plan: basic }]
  service:
    credentials: [{ kind: api-key, value: ${serviceKey} }]
    subscriptions: [{ api: world, as: provider }]
`;
  }

  async function open(wish: Wish = {}): Promise<void> {
    sluice = await openSluice(config(wish), { files, openOutgoing: ['127.0.0.0/8'] });
  }

  async function send(channel: string, count: number, key = serviceKey): Promise<string[]> {
    const events = newEvents(count);
    const { status, json } = await publish(sluice.gateway, events, { channel, key });
    assert.equal(status, 202, JSON.stringify(json));
    return events.map(({ id }) => String(id));
  }

  const delivered = (): string[] => posts.map(({ event }) => event.id).toSorted();

  async function of(...path: readonly string[]): Promise<View> {
    return await sluice.client().get(['endpoints', await endpointNamed(sluice), ...path]);
  }

  async function untilStatus(isSo: (status: any) => boolean): Promise<void> {
    let status: View = {};
    await until(
      async () => isSo((status = await of('status'))),
      () => JSON.stringify(status),
    );
  }

  /** Its replay of all there is, when that is over. */
  async function replayed(): Promise<View> {
    const client = sluice.client();
    let job = await client.post(['endpoints', await endpointNamed(sluice), 'replays'], { from: 'earliest' });
    await until(
      async () => (job = await of('replays', String(job['id'])))['state'] === 'done',
      () => JSON.stringify(job),
    );
    return job;
  }

  test('is delivered what its application may read, and nothing tells it of the rest', async () => {
    await open();
    await send('orders', 3, buyerKey);
    const ids = [...(await send('news', 2)), ...(await send('offers', 1))];
    await send('orders', 2, buyerKey);
    ids.push(...(await send('news', 1)));
    await send('orders', 1, buyerKey);
    await receiver.arrived(4);
    assert.deepEqual(delivered(), ids.toSorted());
    await untilStatus(({ refused, reader, waiting, dead }) => refused === null && reader.lag.events === 0 && waiting + dead === 0);
    const { examined, matched } = await of('preview');
    assert.deepEqual([examined, matched], [4, 4]);
    const { total, passed, sent } = await replayed();
    assert.deepEqual([total, passed, sent], [4, 4, 4]);
    assert.deepEqual(delivered(), [...ids, ...ids].toSorted());
    const usage = (await sluice.client().get(['usage'], { application: 'reader' }))['total'] as View;
    assert.deepEqual([usage['events'], usage['filtered'], usage['dropped']], [8, 0, 0]);
    const verdict = await sluice.client().get(['usage', 'verify']);
    assert.equal(verdict['ok'], true, JSON.stringify(verdict));
  });

  test('is delivered what it is allowed, and more or less as soon as that changes', async () => {
    await open({ allow: '{ read: [news], publish: [] }' });
    await send('offers', 1);
    const ids = await send('news', 1);
    await receiver.arrived(1);
    await sluice.apply(config({ allow: '{ read: [offers], publish: [] }' }));
    await send('news', 1);
    ids.push(...(await send('offers', 1)));
    await receiver.arrived(2);
    assert.deepEqual(delivered(), ids.toSorted());
  });

  test('is not sent what it is owed of a channel that it may read no more, not even after a restart', async () => {
    await open({ retry: '[500ms, 500ms, 500ms, 500ms, 1h]' });
    receiver.status = 500;
    const [lost] = await send('offers', 1);
    const [kept] = await send('news', 1);
    await receiver.arrived(2);
    await untilStatus(({ waiting }) => waiting === 2);
    await sluice.apply(config({ contract: 'news.yaml', retry: '[500ms, 500ms, 500ms, 500ms, 1h]' }));
    await sluice.restart({ grace: 200 });
    receiver.reset();
    const { items } = (await of('deliveries')) as unknown as { items: { event: string; position: string }[] };
    for (const { event, position } of items) {
      const retrying = sluice.client().post(['endpoints', await endpointNamed(sluice), 'deliveries', position, 'retry'], {});
      if (event === lost) await assert.rejects(retrying, /There is no/);
      else await retrying.catch(() => undefined);
    }
    await receiver.arrived(1);
    await untilStatus(({ waiting, dead }) => waiting + dead === 0);
    assert.deepEqual(delivered(), [kept]);
    const [next] = await send('news', 1);
    await receiver.arrived(2);
    assert.deepEqual(delivered(), [kept, next].map(String).toSorted());
  });

  test('is sent none of that again by a replay, and keeps what was given up until it may have it again', async () => {
    await open({ retry: 'none' });
    receiver.status = 500;
    const [hidden] = await send('offers', 1);
    const [seen] = await send('news', 1);
    await untilStatus(({ dead }) => dead === 2);
    await sluice.apply(config({ contract: 'news.yaml', retry: 'none' }));
    receiver.reset();
    const { total, passed } = await replayed();
    assert.deepEqual([total, passed, delivered()], [1, 1, [seen]]);
    const retry = async (): Promise<View> =>
      await sluice.client().post(['endpoints', await endpointNamed(sluice), 'deliveries', 'retry'], { state: 'dead' });
    assert.equal((await retry())['retried'], 1);
    await receiver.arrived(2);
    assert.deepEqual(delivered(), [seen, seen]);
    await untilStatus(({ dead }) => dead === 1);
    await sluice.client().post(['endpoints', await endpointNamed(sluice), 'pause'], {});
    assert.deepEqual([(await retry())['retried'], (await of('status'))['dead']], [0, 1], 'nor while it is paused');
    await sluice.client().post(['endpoints', await endpointNamed(sluice), 'start'], {});
    await sluice.apply(config({ retry: 'none' }));
    assert.equal((await retry())['retried'], 1);
    await receiver.arrived(3);
    assert.deepEqual(delivered(), [hidden, seen, seen].map(String).toSorted());
  });

  test('is refused as long as there is nothing it may read, and then goes on where it was', async () => {
    await open({ contract: 'none.yaml' });
    await untilStatus(({ refused }) => refused?.code === 'FORBIDDEN');
    await send('news', 1, buyerKey);
    await sluice.apply(config({ contract: 'news.yaml' }));
    const [id] = await send('news', 1);
    await untilStatus(({ refused }) => refused === null);
    await until(
      async () => delivered().includes(String(id)),
      () => delivered().join(),
    );
    await send('orders', 1, buyerKey);
    await sluice.apply(config({ contract: 'none.yaml' }));
    await untilStatus(({ refused }) => refused?.code === 'FORBIDDEN');
  });
});

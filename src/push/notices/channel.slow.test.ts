import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { ManagementClient } from '../../cli/client/management.ts';
import { runCli } from '../../cli/test-world.ts';
import { newEvents, worldFiles } from '../../testing/gateway-world.ts';
import { openSluice, type SluiceFixture } from '../../testing/sluice-fixture.ts';
import { until } from '../../testing/until.ts';
import { noticeContract } from './notice-contract.ts';

const readerKey = 'reader-key-0123456789';
const serviceKey = 'service-key-0123456789';
const otherKey = 'other-key-0123456789';

interface Told {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject: string;
  readonly data: { readonly endpoint: { readonly id: string; readonly name: string }; readonly sentence: string };
}

interface View {
  readonly id: string;
  readonly name: string;
}

/** Notices as their readers see them: a whole Sluice, and receivers that want no more. */
describe('the channel of notices', { timeout: 180_000 }, () => {
  let receiver: Server;
  let sluice: SluiceFixture;
  /** What came in, by path. */
  let posts: { readonly path: string; readonly event: Told }[];
  /** How each path answers; 204 for the others. */
  let statuses: Record<string, number>;

  before(async () => {
    receiver = createServer((request, response) => void receive(request).then((status) => response.writeHead(status).end()));
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
  });
  after(() => receiver.close());
  beforeEach(async () => {
    posts = [];
    statuses = { '/orders': 410 };
    sluice = await openSluice(config(), { files: worldFiles(), openOutgoing: ['127.0.0.0/8'] });
  });
  afterEach(() => sluice.stop());

  async function receive(request: IncomingMessage): Promise<number> {
    const path = request.url ?? '';
    posts.push({ path, event: JSON.parse((await buffer(request)).toString()) as Told });
    return statuses[path] ?? 204;
  }

  const url = (path: string): string => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}${path}`;

  function config(): string {
    return `
apis:
  world:
    contract: ./world.yaml
    path: /world
    plans:
      push: { mode: push }
applications:
  reader:
    credentials: [{ kind: api-key, value: ${readerKey} }]
    subscriptions:
      - api: world
        plan: push
        endpoints:
          orders: { url: '${url('/orders')}', address: '*/events', retry: none }
  other:
    credentials: [{ kind: api-key, value: ${otherKey} }]
    subscriptions: [{ api: world, plan: push }]
  service:
    credentials: [{ kind: api-key, value: ${serviceKey} }]
    subscriptions: [{ api: world, as: provider }]
`;
  }

  /** The management API with the key of the owner. */
  const owner = (): ManagementClient => new ManagementClient(new URL(sluice.control), readerKey);

  async function publish(): Promise<void> {
    const response = await fetch(`${sluice.gateway}/world/one/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${serviceKey}`, 'content-type': 'application/cloudevents-batch+json' },
      body: JSON.stringify(newEvents(1)),
    });
    assert.equal(response.status, 202, await response.text());
  }

  async function read(address: string, key: string): Promise<Response> {
    return await fetch(`${sluice.gateway}/sluice/${address}?from=earliest`, { headers: { authorization: `Bearer ${key}` } });
  }

  async function told(): Promise<readonly Told[]> {
    const response = await read('endpoints/reader', readerKey);
    assert.equal(response.status, 200);
    return (await response.json()) as Told[];
  }

  async function types(): Promise<readonly string[]> {
    return (await told()).map(({ type, data }) => `${data.endpoint.name} ${type.replace('io.sluice.endpoint.', '')}`);
  }

  /** An endpoint of the owner's own that takes its notices, made with its key and no help. */
  async function addAlerts(): Promise<View> {
    const { items } = (await owner().get(['subscriptions'], { api: 'sluice' })) as unknown as { items: View[] };
    const wish = { subscription: items[0]?.id, name: 'alerts', url: url('/alerts'), address: 'endpoints/reader', retry: 'none' };
    return (await owner().post(['endpoints'], wish)) as unknown as View;
  }

  const eventually = (isTrue: () => Promise<boolean> | boolean): Promise<void> =>
    until(
      async () => await isTrue(),
      () => `It did not come to pass: ${JSON.stringify(posts)}`,
    );

  const alerts = (): readonly Told[] => posts.filter(({ path }) => path === '/alerts').map(({ event }) => event);

  test('SW-18: a receiver that is gone is told of at another endpoint of its owner, which nobody had to wire up', async () => {
    const { id } = await addAlerts();
    await publish();
    await eventually(() => alerts().length === 1);
    const [notice] = alerts();
    assert.equal(notice?.type, 'io.sluice.endpoint.gone');
    assert.equal(notice.subject, 'reader');
    assert.equal(notice.data.endpoint.name, 'orders');
    assert.equal(notice.source, `/sluice/endpoints/${notice.data.endpoint.id}`);
    assert.notEqual(notice.data.endpoint.id, id);
    assert.match(notice.data.sentence, /410 Gone/);
    assert.deepEqual(
      (await told()).map(({ id: told, data }) => [told, data]),
      [[notice.id, notice.data]],
    );
  });

  test('an application reads its own notices alone', async () => {
    await publish();
    await eventually(async () => (await told()).length === 1);
    for (const [address, key] of [
      ['endpoints/other', readerKey],
      ['endpoints/reader', otherKey],
      ['endpoints/*', otherKey],
      ['*', otherKey],
      ['endpoints/reader', serviceKey],
    ] as const) {
      const response = await read(address, key);
      assert.equal(response.status, 403, address);
    }
    assert.deepEqual(await (await read('endpoints/other', otherKey)).json(), []);
    const forged = await fetch(`${sluice.gateway}/sluice/endpoints/reader`, {
      method: 'POST',
      headers: { authorization: `Bearer ${readerKey}`, 'content-type': 'application/cloudevents-batch+json' },
      body: JSON.stringify(newEvents(1)),
    });
    assert.ok([403, 405, 406].includes(forged.status), String(forged.status));
  });

  test('a notice about an endpoint that delivers notices does not come back for ever', async () => {
    const { id } = await addAlerts();
    statuses['/alerts'] = 410;
    await publish();
    await eventually(async () => (await types()).length === 2);
    assert.deepEqual(await types(), ['orders gone', 'alerts gone']);
    await owner().post(['endpoints', id, 'start'], {});
    await eventually(async () => (await types()).length === 4);
    assert.deepEqual((await types()).slice(2), ['alerts started', 'alerts gone']);
    statuses['/alerts'] = 204;
    await owner().post(['endpoints', id, 'start'], {});
    await eventually(() => alerts().length === 2 + 5);
    assert.equal((await types()).length, 5);
  });

  test('a receiver that does not confirm is told of', async () => {
    const { items } = (await owner().get(['subscriptions'], { api: 'world' })) as unknown as { items: View[] };
    const wish = { subscription: items[0]?.id, name: 'asked', url: url('/asked'), verification: 'signed-ping' };
    statuses['/asked'] = 404;
    await owner().post(['endpoints'], wish);
    await eventually(async () => (await types()).includes('asked unverified'));
    assert.deepEqual(await types(), ['asked unverified']);
  });

  test('sluice listen shows them to their owner', async () => {
    await publish();
    const argv = ['listen', 'sluice/endpoints/reader', '--from', 'earliest', '--count', '1', '--json'];
    const { exit, stdout } = await runCli([...argv, '--gateway', sluice.gateway, '--key', readerKey]);
    assert.equal(exit, 0);
    assert.equal((JSON.parse(stdout) as Told).type, 'io.sluice.endpoint.gone');
  });

  test('an API of the configuration takes the place of the built-in one, with who may read it', async () => {
    await sluice.stop();
    const files = { ...worldFiles(), 'notices.json': noticeContract() };
    const own = '  sluice: { contract: ./notices.json, path: /ours, plans: { all: {} } }\napplications:\n';
    const text = config()
      .replace('applications:\n', own)
      .replace(
        '  other:\n',
        `  watcher:
    credentials: [{ kind: api-key, value: watcher-key-0123456789 }]
    subscriptions: [{ api: sluice, plan: all }]
  other:
`,
      );
    sluice = await openSluice(text, { files, openOutgoing: ['127.0.0.0/8'] });
    await publish();
    const read = async (): Promise<readonly Told[]> => {
      const headers = { authorization: 'Bearer watcher-key-0123456789' };
      return (await (await fetch(`${sluice.gateway}/ours/endpoints/reader?from=earliest`, { headers })).json()) as Told[];
    };
    await eventually(async () => (await read()).length === 1);
    const { items } = (await owner().get(['subscriptions'], { api: 'sluice' })) as unknown as { items: View[] };
    assert.deepEqual(items, []);
  });

  test('an operator is let in to all of them by the configuration', async () => {
    await publish();
    await eventually(async () => (await told()).length === 1);
    const opsKey = 'ops-key-0123456789';
    await sluice.apply(`${config()}
  ops:
    credentials: [{ kind: api-key, value: ${opsKey} }]
    subscriptions: [{ api: sluice, plan: read, allow: { publish: [], read: ['endpoints/*'] } }]
`);
    const response = await read('endpoints/*', opsKey);
    assert.equal(response.status, 200, await response.clone().text());
    assert.equal(((await response.json()) as Told[]).length, 1);
  });
});

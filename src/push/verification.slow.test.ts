import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Receiver } from '../outgoing/sender-fixture.ts';
import { worldFiles } from '../testing/gateway-world.ts';
import { openSluice, type SluiceFixture } from '../testing/sluice-fixture.ts';
import { until } from '../testing/until.ts';
import { endpointNamed, publishNew, webhookConfig } from '../testing/webhook-world.ts';

interface Status {
  readonly state: string;
  readonly held: { readonly code: string } | null;
  readonly refused: unknown;
  readonly verification: { readonly state: string; readonly allowedPerMinute: number | null; readonly sentence: string | null } | null;
}

/** A whole Sluice, and a receiver that has to want what it gets. */
describe('an endpoint that is to be verified', { timeout: 180_000 }, () => {
  let receiver: Receiver;
  let sluice: SluiceFixture;
  const requests: { readonly method: string | undefined; readonly url: string | undefined }[] = [];
  const posts: { readonly id: string; readonly headers: IncomingMessage['headers']; readonly at: number }[] = [];
  /** Answers everything but deliveries. */
  let consent: (request: IncomingMessage, response: ServerResponse) => void;

  const denying = (_request: IncomingMessage, response: ServerResponse): void => void response.writeHead(405).end();
  const allowing =
    (rate: string) =>
    (_request: IncomingMessage, response: ServerResponse): void =>
      void response.writeHead(200, { 'WebHook-Allowed-Origin': '*', 'WebHook-Allowed-Rate': rate }).end();

  before(async () => {
    receiver = await Receiver.http((request, response) => {
      void text(request).then((body) => {
        if (request.method === 'POST') {
          posts.push({ id: (JSON.parse(body) as { id: string }).id, headers: request.headers, at: performance.now() });
          response.writeHead(204).end();
        } else {
          requests.push({ method: request.method, url: request.url });
          consent(request, response);
        }
      });
    }).listen();
  });
  after(() => receiver.close());
  beforeEach(() => {
    requests.length = 0;
    posts.length = 0;
    consent = denying;
  });
  afterEach(() => sluice.stop());

  const config = (endpoint: string): string => webhookConfig(`hook: { address: '*/events', ${endpoint} }`);

  async function start(endpoint: string, publicUrl?: string): Promise<void> {
    const options = { files: worldFiles(), openOutgoing: ['127.0.0.0/8'], ...(publicUrl === undefined ? {} : { publicUrl }) };
    sluice = await openSluice(config(endpoint), options);
  }

  const id = (): Promise<string> => endpointNamed(sluice);

  const status = async (): Promise<Status> => (await sluice.client().get(['endpoints', await id(), 'status'])) as unknown as Status;
  const verify = async (): Promise<unknown> => (await sluice.client().post(['endpoints', await id(), 'verify'], {}))['state'];

  async function arrived(ids: readonly string[]): Promise<void> {
    await until(
      async () => ids.every((one) => posts.some((post) => post.id === one)),
      () => `arrived: ${posts.map((post) => post.id).join()}`,
    );
  }

  async function said(state: string): Promise<Status> {
    await until(
      async () => (await status()).verification?.state === state && requests.length > 0,
      () => `it is not ${state}`,
    );
    return await status();
  }

  test('CE-8, CE-10: is held until its receiver consents, and gets everything then, with the origin that asked', async () => {
    await start(`url: '${receiver.url()}', verification: cloudevents`);
    const ids = await publishNew(sluice, 3);
    await until(
      async () => (await status()).verification?.sentence === 'The receiver does not answer with one WebHook-Allowed-Origin.',
      () => 'it is not asked',
    );
    const { held, refused, verification } = await status();
    assert.deepEqual([held?.code, refused, verification?.state], ['UNVERIFIED', null, 'pending']);
    assert.equal(await verify(), 'pending');
    assert.equal(posts.length, 0);
    consent = allowing('*');
    assert.equal(await verify(), 'verified');
    await arrived(ids);
    assert.equal((await status()).held, null);
    assert.deepEqual([...new Set(posts.map(({ headers }) => headers['webhook-request-origin']))], [hostname()]);
    const asked = requests.length;
    await sluice.restart({ grace: 100 });
    await arrived(await publishNew(sluice, 2));
    assert.equal(requests.length, asked);
    assert.equal(new Set(posts.map((post) => post.id)).size, posts.length);
  });

  test('is asked anew when its URL changes, and held again by a no that somebody asked for', async () => {
    consent = (request, response) => void response.end(new URL(request.url ?? '', 'http://x').searchParams.get('challenge'));
    await start(`url: '${receiver.url()}', verification: challenge`);
    await said('verified');
    await arrived(await publishNew(sluice, 1));
    consent = denying;
    await sluice.apply(config(`url: '${receiver.url('127.0.0.1', '/other')}', verification: challenge`));
    const missed = await publishNew(sluice, 2);
    await until(
      async () => requests.some(({ url }) => url?.startsWith('/other?challenge=')),
      () => 'the new URL is not asked',
    );
    assert.equal((await status()).held?.code, 'UNVERIFIED');
    assert.equal(posts.length, 1);
    consent = (request, response) => void response.end(new URL(request.url ?? '', 'http://x').searchParams.get('challenge'));
    assert.equal(await verify(), 'verified');
    await arrived(missed);
    consent = denying;
    assert.equal(await verify(), 'pending');
    const later = await publishNew(sluice, 1);
    assert.equal((await status()).held?.code, 'UNVERIFIED');
    await sluice.restart({ grace: 100 });
    assert.equal((await status()).held?.code, 'UNVERIFIED');
    assert.ok(!posts.some((post) => later.includes(post.id)));
  });

  test('CE-9: is sent no more in a minute than its receiver allows', async () => {
    consent = allowing('120');
    await start(`url: '${receiver.url()}', verification: cloudevents`);
    assert.equal((await said('verified')).verification?.allowedPerMinute, 120);
    const begun = performance.now();
    const ids = await publishNew(sluice, 5);
    await arrived(ids);
    // A burst of two, and then one in half a second.
    assert.ok(posts[4]!.at - begun > 1_200, `five within ${posts[4]!.at - begun} ms`);
    consent = allowing('*');
    assert.equal(await verify(), 'verified');
    const before = performance.now();
    // Half a minute by the old rate.
    await arrived(await publishNew(sluice, 60));
    assert.ok(performance.now() - before < 20_000, 'the new rate counts');
  });

  test('CE-8: may consent later, by a URL that it was told and nobody else, also after a restart', async () => {
    let callback = '';
    consent = ({ headers }, response) => {
      callback = String(headers['webhook-request-callback']);
      response.writeHead(200).end();
    };
    await start(`url: '${receiver.url()}', verification: cloudevents`, 'https://events.example.com/');
    const ids = await publishNew(sluice, 2);
    await until(
      async () => callback !== '' && (await status()).verification?.sentence !== null,
      () => 'it is not asked',
    );
    assert.ok(callback.startsWith('https://events.example.com/.well-known/webhook-consent/ep_'), callback);
    await sluice.restart({ grace: 100 });
    const path = new URL(callback).pathname;
    const call = (where: string, headers = {}, method = 'GET'): Promise<Response> =>
      fetch(`${sluice.gateway}${where}`, { method, headers });
    for (const wrong of [path.slice(0, -1), `${path}x`, `${path}/x`, path.replace('ep_', 'ep_x'), '/.well-known/webhook-consent'])
      assert.equal((await call(wrong)).status, 404, wrong);
    assert.equal((await call(path, {}, 'DELETE')).status, 405);
    assert.equal((await call(path, { 'webhook-allowed-rate': 'fast' })).status, 400);
    assert.equal(posts.length, 0);
    assert.equal((await call(path, { 'webhook-allowed-rate': '6000' }, 'POST')).status, 200);
    await arrived(ids);
    assert.equal((await status()).verification?.allowedPerMinute, 6000);
    assert.equal(posts[0]!.headers['webhook-request-origin'], 'events.example.com');
  });

  test('takes a ping that is signed as every delivery is, before anything else', async () => {
    await start(`url: '${receiver.url()}', verification: signed-ping`);
    const ids = await publishNew(sluice, 1);
    await arrived(ids);
    assert.equal(posts[0]!.id.startsWith('ping_'), true);
    assert.match(String(posts[0]!.headers['webhook-signature']), /^v1,/);
    assert.equal((await status()).verification?.state, 'verified');
  });
});

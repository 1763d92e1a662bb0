import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { narrowKey, openDeskWorld, otherKey, platformKey, providerKey } from '../testing/desk-world.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';

const signingKey = 'whsk_TU0TYKFzfZTpsLXt0F4A7pwQIfgXs6fIWcLnR8S0r6g=';

for (const workers of [undefined, 2]) {
  describe(`documents beside the channels${workers === undefined ? '' : `, with ${workers} workers`}`, { timeout: 180_000 }, () => {
    let sluice: SluiceFixture;
    before(async () => {
      sluice = await openDeskWorld(workers === undefined ? {} : { workers });
    });
    after(() => sluice.stop());

    const get = (path: string, headers: Record<string, string> = {}): Promise<Response> => fetch(`${sluice.gateway}${path}`, { headers });

    test('whoever is subscribed gets the OpenAPI document, once while it stays the same', async () => {
      const first = await get('/shop/-/openapi.json', { 'x-api-key': platformKey });
      assert.equal(first.status, 200);
      assert.match(first.headers.get('content-type') ?? '', /^application\/vnd\.oai\.openapi\+json/);
      const document = (await first.json()) as { webhooks: object; servers: { url: string }[] };
      assert.deepEqual(Object.keys(document.webhooks), ['shop.order.placed', 'shop.order.gone', 'shop.order.gone (returns)']);
      assert.deepEqual(document.servers, [{ url: `${sluice.gateway}/shop` }]);
      const again = await get('/shop/-/openapi.json', { authorization: `Bearer ${otherKey}`, 'if-none-match': first.headers.get('etag')! });
      assert.equal(again.status, 304);
      assert.equal(await again.text(), '');
    });

    test('who may read some of the channels is told of these alone in the OpenAPI document', async () => {
      const whole = await get('/shop/-/openapi.json', { 'x-api-key': platformKey });
      const narrow = await get('/shop/-/openapi.json', { 'x-api-key': narrowKey, 'if-none-match': whole.headers.get('etag')! });
      assert.equal(narrow.status, 200);
      const text = await narrow.text();
      assert.doesNotMatch(text, /returns/);
      const { webhooks, paths } = JSON.parse(text) as { webhooks: object; paths: object };
      assert.deepEqual([Object.keys(webhooks), Object.keys(paths)], [['shop.order.placed', 'shop.order.gone'], ['/commands']]);
    });

    test('whoever is subscribed gets the channels of the contract, and is told which APIs are its own and as what', async () => {
      const mine = await get('/.well-known/sluice-apis', { 'x-api-key': platformKey });
      const shop = { name: 'shop', path: '/shop', title: 'Shop' };
      const { application, items } = (await mine.json()) as { application: string; items: { name: string }[] };
      assert.deepEqual(
        [application, items.map(({ name }) => name).toSorted()],
        ['platform', ['shop', 'sluice']],
        'notices are its own too',
      );
      assert.deepEqual(
        items.find(({ name }) => name === 'shop'),
        { ...shop, as: ['client'] },
      );
      const ofProvider = await get('/.well-known/sluice-apis', { authorization: `Bearer ${providerKey}` });
      assert.deepEqual(await ofProvider.json(), { application: 'provider', items: [{ ...shop, as: ['provider'] }] });
      const ofStranger = await get('/.well-known/sluice-apis', { 'x-api-key': 'stranger-key-0123456789' });
      assert.deepEqual(await ofStranger.json(), { application: null, items: [] });
      assert.equal((await get('/.well-known/sluice-apis')).status, 401);
      assert.equal((await get('/.well-known/sluice-apis', { 'x-api-key': 'wrong-key-0123456789' })).status, 401);
      const first = await get('/shop/-/channels.json', { 'x-api-key': platformKey });
      const all = (await first.json()) as { channels: { id: string; send: boolean; receive: boolean }[] };
      const { channels } = all;
      assert.deepEqual(
        channels.map(({ id, send, receive }) => [id, send, receive]),
        [
          ['orders', true, false],
          ['returns', true, false],
          ['commands', false, true],
        ],
      );
      const again = await get('/shop/-/channels.json', { 'x-api-key': otherKey, 'if-none-match': first.headers.get('etag')! });
      assert.equal(again.status, 304);
      assert.ok(
        !(await (await get('/shop/-/channels.json', { 'x-api-key': platformKey })).text()).includes('shop.yaml'),
        'nor how files are called',
      );
      const narrow = await get('/shop/-/channels.json', { 'x-api-key': narrowKey, 'if-none-match': first.headers.get('etag')! });
      const { channels: seen } = (await narrow.json()) as typeof all;
      assert.deepEqual(seen, [channels[0], channels[2]], 'only what may be read or published to');
      assert.equal((await get('/shop/-/channels.json')).status, 401);
      assert.equal((await get('/shop/-/channels.json', { 'x-api-key': 'stranger-key-0123456789' })).status, 403);
    });

    test('nobody else does', async () => {
      assert.equal((await get('/shop/-/openapi.json')).status, 401);
      assert.equal((await get('/shop/-/openapi.json', { 'x-api-key': 'wrong-key-0123456789' })).status, 401);
      assert.equal((await get('/shop/-/openapi.json', { 'x-api-key': 'stranger-key-0123456789' })).status, 403);
      assert.equal((await get('/shop/-/openapi.json', { authorization: `Bearer ${sluice.admin}` })).status, 401);
    });

    test('a path that no desk has is not there, and a method that means nothing is refused', async () => {
      for (const path of ['/shop/-', '/shop/-/nothing', '/shop/-/openapi.json/more', '/none/-/openapi.json', '/.well-known/nothing'])
        assert.equal((await get(path, { 'x-api-key': platformKey })).status, 404, path);
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        const response = await fetch(`${sluice.gateway}/shop/-/openapi.json`, { method });
        assert.equal(response.status, 405, method);
        assert.equal(((await response.json()) as { code: string }).code, 'METHOD_NOT_ALLOWED');
      }
    });

    test('a desk is no channel: nothing is published to it and nothing streamed from it', async () => {
      const stream = await get('/shop/-/openapi.json', { accept: 'text/event-stream', 'x-api-key': platformKey });
      assert.equal(stream.status, 406);
      const post = await fetch(`${sluice.gateway}/shop/-/anything`, { method: 'POST', headers: { 'x-api-key': providerKey }, body: '{}' });
      assert.equal(post.status, 404);
    });

    test('a body that is too large is refused and not read to its end', async () => {
      const body = Buffer.alloc(5 * 1024 * 1024, 32);
      const response = await fetch(`${sluice.gateway}/shop/-/openapi.json`, { method: 'POST', body }).catch(() => undefined);
      assert.ok(response === undefined || response.status === 413);
    });

    test('SW-13: the public keys of an endpoint are there for everybody, and those of a shared secret are not', async () => {
      const client = sluice.client();
      const { items } = (await client.get(['subscriptions'])) as { items: { id: string; application: string }[] };
      const subscription = items.find(({ application }) => application === 'platform')!.id;
      const make = async (name: string, secret?: string): Promise<string> => {
        const made = (await client.post(['endpoints'], { subscription, name, url: 'http://127.0.0.1:9/', secret, state: 'paused' })) as {
          id: string;
        };
        return made.id;
      };
      const [asymmetric, shared] = [await make('asymmetric', signingKey), await make('shared')];
      const response = await get(`/.well-known/webhook-keys/${asymmetric}.json`);
      assert.equal(response.status, 200);
      const { keys } = (await response.json()) as { keys: { kty: string; crv: string; x: string }[] };
      assert.deepEqual(
        keys.map(({ kty, crv }) => `${kty} ${crv}`),
        ['OKP Ed25519'],
      );
      assert.match(response.headers.get('cache-control') ?? '', /max-age=300/);
      const missing = await (await get('/.well-known/webhook-keys/end_none.json')).text();
      assert.equal(await (await get(`/.well-known/webhook-keys/${shared}.json`)).text(), missing);
    });
  });
}

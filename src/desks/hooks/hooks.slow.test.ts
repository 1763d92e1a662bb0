import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { narrowKey, openDeskWorld, otherKey, platformKey, providerKey, publishOrder } from '../../testing/desk-world.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';

interface Hook {
  readonly id: string;
  readonly target_url: string;
  readonly event: string;
  readonly secret?: string;
}

describe('REST Hooks', { timeout: 180_000 }, () => {
  let sluice: SluiceFixture;
  let platform: Server;
  let url = '';
  const received: string[] = [];
  let arrived: (() => void) | undefined;

  before(async () => {
    platform = createServer((request, response) => {
      void text(request).then((body) => {
        received.push(body);
        response.writeHead(200).end();
        arrived?.();
      });
    }).listen(0, '127.0.0.1');
    await once(platform, 'listening');
    url = `http://127.0.0.1:${(platform.address() as AddressInfo).port}/hooks/1?zap=2`;
    sluice = await openDeskWorld();
  });
  after(async () => {
    await sluice.stop();
    platform.close();
  });

  const ask = (path: string, options: { method?: string; key?: string; body?: string; type?: string } = {}): Promise<Response> =>
    fetch(`${sluice.gateway}/shop/-/hooks${path}`, {
      method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
      headers: { 'x-api-key': options.key ?? platformKey, 'content-type': options.type ?? 'application/json' },
      ...(options.body === undefined ? {} : { body: options.body }),
    });
  const subscribe = (body: object, key = platformKey): Promise<Response> => ask('', { body: JSON.stringify(body), key });

  test('before anything was published a sample comes from the contract, afterwards the newest events do', async () => {
    const made = (await (await ask('/samples?event=shop.order.placed')).json()) as { id: string }[];
    assert.equal(made.length, 1);
    assert.equal(typeof made[0]?.id, 'string');
    for (const id of ['a', 'b', 'c', 'd']) await publishOrder(sluice.gateway, { id });
    await publishOrder(sluice.gateway, { id: 'e' }, 'shop.order.gone');
    assert.deepEqual(await (await ask('/samples?event=shop.order.placed')).json(), [{ id: 'd' }, { id: 'c' }, { id: 'b' }]);
  });

  for (const [who, key] of [
    ['may read other channels alone', narrowKey],
    ['publishes and reads nothing', providerKey],
  ])
    test(`who ${who} is shown the contract's sample, never what was published`, async () => {
      await publishOrder(sluice.gateway, { id: 'secret' });
      for (const address of ['', '&address=north/orders', '&address=*/orders', '&address=*/*', '&address=**']) {
        const shown = await (await ask(`/samples?event=shop.order.placed${address}`, { key: key! })).text();
        assert.doesNotMatch(shown, /"(secret|b|c|d)"/, address);
      }
    });

  test('a platform subscribes with a POST alone, gets what is published as plain JSON, and nothing once it has sent a DELETE', async () => {
    const response = await subscribe({ target_url: url, event: 'shop.order.placed' });
    assert.equal(response.status, 201);
    const hook = (await response.json()) as Hook;
    assert.equal(response.headers.get('location'), `${sluice.gateway}/shop/-/hooks/${hook.id}`);
    assert.equal(hook.target_url, url);
    assert.match(hook.secret ?? '', /^whsec_/);
    const coming = new Promise<void>((resolve) => (arrived = resolve));
    await publishOrder(sluice.gateway, { id: 'gone' }, 'shop.order.gone');
    await publishOrder(sluice.gateway, { id: 'new' });
    await coming;
    assert.deepEqual(received, ['{"id":"new"}']);
    assert.equal((await ask(`/${hook.id}`, { method: 'DELETE' })).status, 204);
    assert.equal((await ask(`/${hook.id}`)).status, 404);
    assert.deepEqual(await (await ask('')).json(), []);
  });

  test('who subscribes again to what it had unsubscribed from gets what comes from then on, and nothing of what was between', async () => {
    const wish = { target_url: `${url}&again`, event: 'shop.order.placed' };
    const { id } = (await (await subscribe(wish)).json()) as Hook;
    const publishAndWait = async (order: string): Promise<void> => {
      const coming = new Promise<void>((resolve) => (arrived = resolve));
      await publishOrder(sluice.gateway, { id: order });
      await coming;
    };
    received.length = 0;
    await publishAndWait('first');
    assert.equal((await ask(`/${id}`, { method: 'DELETE' })).status, 204);
    await publishOrder(sluice.gateway, { id: 'between' });
    const again = (await (await subscribe(wish)).json()) as Hook;
    await publishAndWait('after');
    assert.deepEqual(received, ['{"id":"first"}', '{"id":"after"}']);
    assert.equal((await ask(`/${again.id}`, { method: 'DELETE' })).status, 204);
  });

  for (const [name, body, type] of [
    ['Zapier', '{"hookUrl":"http://127.0.0.1:9/z","event":"shop.order.placed"}', 'application/json'],
    ['resthooks.org', '{"target_url":"http://127.0.0.1:9/r","event":"shop.order.placed"}', 'application/json; charset=utf-8'],
    ['a form', 'targetUrl=http%3A%2F%2F127.0.0.1%3A9%2Ff&event_type=shop.order.placed', 'application/x-www-form-urlencoded'],
  ] as const) {
    test(`the words of ${name} are understood, and asking twice makes one hook`, async () => {
      const first = await ask('', { body, type });
      const second = await ask('', { body, type });
      assert.deepEqual([first.status, second.status], [201, 200]);
      assert.equal(((await first.json()) as Hook).id, ((await second.json()) as Hook).id);
    });
  }

  test('of many that ask for the same hook at once all are given one', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => subscribe({ url: 'http://127.0.0.1:9/same', event: 'shop.order.placed' })),
    );
    const ids = await Promise.all(answers.map(async (answer) => ((await answer.json()) as Hook).id));
    assert.equal(new Set(ids).size, 1);
  });

  test('a type that several channels send needs an address, and one that none sends is unknown', async () => {
    const event = 'shop.order.gone';
    const unclear = await subscribe({ url: 'http://127.0.0.1:9/', event });
    assert.equal(unclear.status, 400);
    assert.match(await unclear.text(), /\*\/orders, returns/);
    assert.equal((await subscribe({ url: 'http://127.0.0.1:9/', event, address: 'returns' })).status, 201);
    assert.equal((await subscribe({ url: 'http://127.0.0.1:9/', event: 'shop.ship' })).status, 404);
  });

  test('what events there are is told for a menu', async () => {
    const events = (await (await ask('/events')).json()) as { event: string; address: string; title: string }[];
    assert.deepEqual(
      events.map(({ event, address, title }) => [event, address, title]),
      [
        ['shop.order.placed', '*/orders', 'An order was placed'],
        ['shop.order.gone', '*/orders', 'shop.order.gone'],
        ['shop.order.gone', 'returns', 'shop.order.gone'],
      ],
    );
  });

  test('who may not read a channel is told nothing of its events, as if there were none', async () => {
    const events = (await (await ask('/events', { key: narrowKey })).json()) as { event: string; address: string }[];
    assert.deepEqual(
      events.map(({ event, address }) => `${event} ${address}`),
      ['shop.order.placed */orders', 'shop.order.gone */orders'],
    );
    const said = async (answer: Promise<Response>): Promise<string> => `${(await answer).status} ${await (await answer).text()}`;
    const event = 'shop.order.gone';
    const [hidden, missing] = [
      await said(ask(`/samples?event=${event}&address=returns`, { key: narrowKey })),
      await said(ask(`/samples?event=${event}&address=nowhere`, { key: narrowKey })),
    ];
    assert.match(hidden, /^404 .*CHANNEL_NOT_FOUND/);
    assert.equal(hidden.replaceAll('returns', 'nowhere'), missing);
    const wish = { url: 'http://127.0.0.1:9/narrow', event };
    assert.match(await said(subscribe({ ...wish, address: 'returns' }, narrowKey)), /^404 /);
    const made = (await (await subscribe(wish, narrowKey)).json()) as { address: string };
    assert.equal(made.address, '*/orders', 'nor that another channel has the type too');
  });

  test('another application sees nothing of a hook and cannot delete it', async () => {
    const mine = (await (await subscribe({ url: 'http://127.0.0.1:9/mine', event: 'shop.order.placed' })).json()) as Hook;
    assert.deepEqual(await (await ask('', { key: otherKey })).json(), []);
    assert.equal((await ask(`/${mine.id}`, { key: otherKey })).status, 404);
    assert.equal((await ask(`/${mine.id}`, { key: otherKey, method: 'DELETE' })).status, 404);
    assert.equal((await ask(`/${mine.id}`)).status, 200);
    assert.equal((await ask('', { key: sluice.admin })).status, 401);
    assert.equal((await ask('', { key: 'stranger-key-0123456789' })).status, 403);
  });

  test('an endpoint that was not made as a hook is no hook', async () => {
    const { items } = (await sluice.client().get(['subscriptions'])) as { items: { id: string; application: string }[] };
    const subscription = items.find(({ application }) => application === 'platform')!.id;
    const { id } = (await sluice.client().post(['endpoints'], { subscription, name: 'own', url: 'http://127.0.0.1:9/' })) as { id: string };
    assert.equal((await ask(`/${id}`, { method: 'DELETE' })).status, 404);
  });

  for (const [what, body, status] of [
    ['no JSON', '{', 400],
    ['a list', '[]', 400],
    ['null', 'null', 400],
    ['a number for the URL', '{"url":7,"event":"shop.order.placed"}', 400],
    ['no event', '{"url":"http://127.0.0.1:9/"}', 400],
    ['no URL', '{"event":"shop.order.placed"}', 400],
    ['a URL that is none', '{"url":"nowhere","event":"shop.order.placed"}', 400],
    ['a file', '{"url":"file:///etc/passwd","event":"shop.order.placed"}', 400],
    ['a subscription of others', '{"url":"http://127.0.0.1:9/","event":"shop.order.placed","subscription":"sub_other"}', 403],
    ['a text longer than any URL', JSON.stringify({ url: `http://127.0.0.1/${'a'.repeat(5000)}`, event: 'shop.order.placed' }), 400],
  ] as const) {
    test(`${what} is refused with ${status}`, async () => {
      const response = await ask('', { body });
      assert.equal(response.status, status);
      assert.equal(typeof ((await response.json()) as { detail: unknown }).detail, 'string');
    });
  }
});

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { linksOf, TestSubscriber, websubConfig, WebSubWorld, type Delivered } from '../../testing/websub-world.ts';
import { Webhook } from 'standardwebhooks';
import { serviceKey, worldFiles } from '../../testing/gateway-world.ts';

const limit = { timeout: 60_000 };
/** Seconds: what a test does while it lasts must fit in though everything stands still for some of them. */
const shortLease = '5';

describe('what a hub distributes', () => {
  let subscriber: TestSubscriber;
  let world: WebSubWorld;
  before(async () => {
    subscriber = await TestSubscriber.open();
    world = await WebSubWorld.open(subscriber);
  });
  after(async () => {
    await world.stop();
    subscriber.close();
  });
  beforeEach(() => subscriber.forget());

  const callbackOf = (room: string): string => subscriber.callback(`/${room}`);
  const begin = async (room: string, more: Readonly<Record<string, string>> = {}): Promise<string> => {
    const topic = await world.topic(room);
    await world.subscribed(topic, { 'hub.callback': callbackOf(room), ...more });
    return topic;
  };
  const isHeld = async (room: string): Promise<boolean> => (await world.subscriptions()).some(({ url }) => url === callbackOf(room));
  const at = (room: string): readonly Delivered[] => subscriber.deliveries.filter(({ url }) => url === `/${room}`);
  const bodies = (room: string): string[] => at(room).map(({ body }) => body.toString());
  /** What failed elsewhere may be tried again meanwhile. */
  const received = async (room: string, count: number): Promise<Delivered> => {
    await subscriber.until(() => at(room).length >= count);
    return at(room)[count - 1]!;
  };

  test(
    'WS-C2: one Link header names the hub as it was discovered and the canonical URL of the topic, however it was written',
    limit,
    async () => {
      const topic = await world.topic('c2 ä');
      await world.subscribed(topic.replaceAll('%20', '%20').replace('/events', '/%65vents'), { 'hub.callback': callbackOf('c2') });
      await world.publish('c2 ä', '{}');
      const { headers } = await received('c2', 1);
      assert.deepEqual(linksOf(headers['link']), { hub: [world.hub], self: [topic] });
      assert.equal(typeof headers['link'], 'string');
      assert.equal((await world.get(linksOf(headers['link']).self[0]!)).status, 200);
    },
  );

  test('contents come one after the other in the order of the channel', limit, async () => {
    await begin('inorder');
    for (let n = 0; n < 20; n += 1) await world.publish('inorder', String(n));
    await received('inorder', 20);
    assert.deepEqual(
      bodies('inorder'),
      Array.from({ length: 20 }, (_, n) => String(n)),
    );
  });

  test('who unsubscribes and subscribes again gets nothing of what came between', limit, async () => {
    const topic = await begin('between');
    await world.ask({ 'hub.mode': 'unsubscribe', 'hub.callback': callbackOf('between'), 'hub.topic': topic });
    await world.holds((all) => all.every(({ url }) => url !== callbackOf('between')));
    await world.publish('between', '"missed"');
    await begin('between');
    await world.publish('between', '"seen"');
    await received('between', 1);
    assert.deepEqual(bodies('between'), ['"seen"']);
  });

  test('WS-C3: 410 ends the subscription, and nothing more is sent', limit, async () => {
    await begin('c3');
    subscriber.status = 410;
    await world.publish('c3', '1');
    await received('c3', 1);
    await world.holds((all) => all.every(({ url }) => url !== callbackOf('c3')));
    assert.equal(subscriber.questions.filter(({ query }) => query.get('hub.mode') === 'denied').length, 0);
    subscriber.status = 200;
    await world.publish('c3', '2');
    await begin('c3');
    await world.publish('c3', '3');
    await received('c3', 2);
    assert.deepEqual(bodies('c3'), ['1', '3']);
  });

  for (const status of [302, 400, 404, 500]) {
    test(`WS-C3, WS-C5: after ${status} the subscription holds, and the next update is tried at once`, limit, async () => {
      const room = `c5-${status}`;
      await begin(room);
      subscriber.status = status;
      await world.publish(room, '1');
      await received(room, 1);
      subscriber.status = 200;
      await world.publish(room, '2');
      await subscriber.until(() => bodies(room).includes('2'));
      // Where all this takes seconds what failed has been tried again.
      assert.deepEqual([...new Set(bodies(room))], ['1', '2']);
      assert.ok(await isHeld(room));
    });
  }

  test('WS-C5: a failed delivery is made again', limit, async () => {
    await begin('retry');
    subscriber.status = 503;
    await world.publish('retry', '"again"');
    await received('retry', 1);
    subscriber.status = 202;
    await received('retry', 2);
    assert.deepEqual(bodies('retry'), ['"again"', '"again"']);
  });

  test('WS-I3: a subscription ends with its lease, and nothing is sent after that', limit, async () => {
    const begun = Date.now();
    const topic = await begin('lease', { 'hub.lease_seconds': shortLease });
    const [held] = (await world.subscriptions()).filter(({ url }) => url === callbackOf('lease'));
    const verifiedAt = held!.websub.leaseUntil - Number(shortLease) * 1000;
    assert.ok(verifiedAt >= begun && verifiedAt <= Date.now(), 'it counts from the verification');
    await world.publish('lease', '1');
    await received('lease', 1);
    await world.holds((all) => all.every(({ url }) => url !== callbackOf('lease')));
    assert.ok(Date.now() >= held!.websub.leaseUntil);
    await world.publish('lease', '2');
    await world.subscribed(topic, { 'hub.callback': callbackOf('lease') });
    await world.publish('lease', '3');
    await received('lease', 2);
    assert.deepEqual(bodies('lease'), ['1', '3']);
  });

  test('WS-I3: who renews keeps it', limit, async () => {
    await begin('renew', { 'hub.lease_seconds': shortLease });
    await begin('renew', { 'hub.lease_seconds': '1000' });
    await begin('other', { 'hub.lease_seconds': shortLease });
    await world.holds((all) => all.every(({ url }) => url !== callbackOf('other')));
    assert.ok(await isHeld('renew'));
  });

  test('WS-V1: whom the operator ends is told', limit, async () => {
    const topic = await begin('ended');
    const [held] = (await world.subscriptions()).filter(({ url }) => url === callbackOf('ended'));
    await world.sluice.client().remove(['endpoints', held!.id]);
    await subscriber.until(() => subscriber.questions.some(({ query }) => query.get('hub.mode') === 'denied'));
    assert.equal(subscriber.questions.at(-1)!.query.get('hub.topic'), topic);
  });

  test('it is shown without its secret, is no part of the configuration, and is pruned by none', limit, async () => {
    await begin('shown', { 'hub.secret': 'do not show me' });
    const shown = JSON.stringify(await world.subscriptions());
    assert.ok(!shown.includes('do not show me') && !shown.includes('"sealed"'));
    const exported = await world.sluice.client().get(['export']);
    assert.ok(!JSON.stringify(exported).includes(callbackOf('shown')));
    await world.sluice.client().post(['apply'], { config: exported, prune: true });
    assert.ok(await isHeld('shown'));
    const audit = JSON.stringify(await world.sluice.client().get(['audit'], { limit: '100' }));
    assert.ok(audit.includes('"websub"') && !audit.includes('"sealed"'));
  });

  test("an operator pauses and starts it, and changes nothing else: that is its subscriber's", limit, async () => {
    await begin('paused');
    const client = world.sluice.client();
    const [held] = (await world.subscriptions()).filter(({ url }) => url === callbackOf('paused'));
    await client.post(['endpoints', held!.id, 'pause'], {});
    await world.publish('paused', '1');
    const { websub: _, ...rest } = (await client.get(['endpoints', held!.id])) as Record<string, unknown>;
    await assert.rejects(client.call('PUT', ['endpoints', held!.id], { body: rest, ifMatch: '*' }), /changed by its subscriber/);
    await begin('other');
    await world.publish('other', '2');
    await received('other', 1);
    assert.deepEqual(bodies('paused'), []);
    await client.post(['endpoints', held!.id, 'start'], {});
    await received('paused', 1);
    assert.deepEqual(bodies('paused'), ['1']);
  });

  test('while its API does not offer websub nothing is sent, and afterwards what has come meanwhile', limit, async () => {
    await begin('offered');
    const withEntrypoints = (list: string): string =>
      websubConfig().replace('    path: /world\n', `    path: /world\n    entrypoints: [${list}]\n`);
    await world.sluice.apply(withEntrypoints('publish, sse'));
    await world.publish('offered', '1');
    const [held] = (await world.subscriptions()).filter(({ url }) => url === callbackOf('offered'));
    const why = async (): Promise<string> => JSON.stringify(await world.sluice.client().get(['endpoints', held!.id, 'status']));
    while (!/does not offer websub/.test(await why())) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(bodies('offered'), []);
    const asked = await world.ask({ 'hub.mode': 'publish', 'hub.url': 'https://x.example/' });
    assert.deepEqual([asked.status, /it offers .*sse/.test(await asked.text())], [406, true]);
    await world.sluice.apply(withEntrypoints('publish, websub, poll'));
    await received('offered', 1);
    assert.deepEqual(bodies('offered'), ['1']);
  });

  test('N5: with a secret of Standard Webhooks it is signed in that way besides', limit, async () => {
    await begin('both', { 'hub.secret': 'of WebSub' });
    const [held] = (await world.subscriptions()).filter(({ url }) => url === callbackOf('both'));
    const { secret } = (await world.sluice.client().post(['endpoints', held!.id, 'rotate'], {})) as { secret: string };
    await world.publish('both', '{}');
    const { body, headers } = await received('both', 1);
    new Webhook(secret).verify(body.toString(), headers as Record<string, string>);
    assert.equal(headers['x-hub-signature'], `sha256=${createHmac('sha256', 'of WebSub').update(body).digest('hex')}`);
  });

  test('where there are workers, links and hub are the same', limit, async () => {
    const other = await WebSubWorld.open(subscriber, { fixture: { workers: 2, files: worldFiles(), openOutgoing: ['127.0.0.0/8'] } });
    try {
      const topic = await other.topic('workers');
      await other.subscribed(topic, { 'hub.callback': callbackOf('workers') });
      await other.publish('workers', '"over two threads"');
      const { body, headers } = await received('workers', 1);
      assert.deepEqual(Buffer.from(await (await other.get(topic)).bytes()), body);
      assert.deepEqual(linksOf(headers['link']), { hub: [other.hub], self: [topic] });
      assert.equal((await other.get(topic, serviceKey)).status, 403);
    } finally {
      await other.stop();
    }
  });
});

for (const method of ['sha1', 'sha384', 'sha512'] as const) {
  test(`WS-A1: an operator may have deliveries signed with ${method}`, limit, async () => {
    const subscriber = await TestSubscriber.open();
    const world = await WebSubWorld.open(subscriber, { websub: `{ signature: ${method} }` });
    try {
      await world.subscribed(await world.topic('signed'), { 'hub.secret': 'geheim ß' });
      await world.publish('signed', '{ }');
      const { headers, body } = await subscriber.received(1);
      assert.equal(headers['x-hub-signature'], `${method}=${createHmac(method, 'geheim ß').update(body).digest('hex')}`);
    } finally {
      await world.stop();
      subscriber.close();
    }
  });
}

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { linksOf, TestSubscriber, WebSubWorld, type Delivered } from '../../testing/websub-world.ts';

const limit = { timeout: 60_000 };
const lease = 864_000;

/** The hub tests of websub.rocks by their numbers, with the checks that it makes of each step. */
describe('the hub tests of websub.rocks', () => {
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

  /** Subscribes, sees the verification, and waits until it holds. */
  async function begin(room: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
    const topic = await world.topic(room);
    await world.subscribed(topic, { 'hub.callback': subscriber.callback(`/${room}`), 'hub.lease_seconds': String(lease), ...more });
    const { query } = subscriber.questions.at(-1)!;
    assert.equal(query.get('hub.mode'), 'subscribe');
    assert.equal(query.get('hub.topic'), topic);
    assert.match(query.get('hub.challenge') ?? '', /^[\w-]{32,}$/);
    assert.equal(query.get('hub.lease_seconds'), String(lease));
    return topic;
  }

  /** What each notification is held against. */
  async function check({ body, headers }: Delivered, topic: string): Promise<void> {
    const fresh = await world.get(topic);
    assert.ok(body.length > 0);
    assert.deepEqual(body, Buffer.from(await fresh.bytes()));
    assert.equal(headers['content-type'], fresh.headers.get('content-type'));
    assert.deepEqual(linksOf(headers['link']), { hub: [world.hub], self: [topic] });
  }

  test('100: a typical subscription is verified and gets unsigned notifications', limit, async () => {
    const topic = await begin('r100');
    await world.publish('r100', '{"n":1}');
    const delivery = await subscriber.received(1);
    await check(delivery, topic);
    assert.equal(delivery.headers['x-hub-signature'], undefined);
  });

  test('101: with a secret notifications are signed', limit, async () => {
    const topic = await begin('r101', { 'hub.secret': 'a secret of mine' });
    await world.publish('r101', '{"n":1}');
    const delivery = await subscriber.received(1);
    await check(delivery, topic);
    const expected = createHmac('sha256', 'a secret of mine').update(delivery.body).digest('hex');
    assert.equal(delivery.headers['x-hub-signature'], `sha256=${expected}`);
  });

  test('102: parameters that it does not know are ignored', limit, async () => {
    const topic = await begin('r102', { foo: 'bar', 'hub.foo': 'hub.bar' });
    await world.publish('r102', '{"n":1}');
    await check(await subscriber.received(1), topic);
  });

  test('103: who subscribes again before the end gets each notification once', limit, async () => {
    const topic = await begin('r103');
    await begin('r103');
    await world.publish('r103', '{"n":1}');
    await world.publish('r103', '{"n":2}');
    await check(await subscriber.received(2), topic);
    assert.deepEqual(
      subscriber.deliveries.map(({ body }) => body.toString()),
      ['{"n":1}', '{"n":2}'],
    );
    assert.equal((await world.subscriptions()).filter(({ url }) => url === subscriber.callback('/r103')).length, 1);
  });

  test('104: who unsubscribes is asked, and then gets nothing any more', limit, async () => {
    const topic = await begin('r104');
    const callback = subscriber.callback('/r104');
    const response = await world.ask({ 'hub.mode': 'unsubscribe', 'hub.callback': callback, 'hub.topic': topic });
    assert.equal(response.status, 202);
    const { query } = await subscriber.asked(2);
    assert.equal(query.get('hub.mode'), 'unsubscribe');
    assert.equal(query.get('hub.topic'), topic);
    await world.holds((all) => all.every(({ url }) => url !== callback));
    await world.publish('r104', '{"n":1}');
    // Somebody else gets it, and by then so would have whoever is gone.
    await world.subscribed(topic, { 'hub.callback': subscriber.callback('/other') });
    await world.publish('r104', '{"n":2}');
    await subscriber.received(1);
    assert.deepEqual(
      subscriber.deliveries.map(({ url, body }) => [url, body.toString()]),
      [['/other', '{"n":2}']],
    );
  });

  test('105: a topic of text/plain is distributed as such', limit, async () => {
    const topic = await begin('r105');
    await world.publish('r105', 'größer als gestern', 'text/plain; charset=UTF-8');
    const delivery = await subscriber.received(1);
    await check(delivery, topic);
    assert.equal(delivery.headers['content-type'], 'text/plain; charset=UTF-8');
  });

  test('106: a topic of application/json is distributed as such', limit, async () => {
    const topic = await begin('r106');
    await world.publish('r106', '{ "spaces" : [1.0, 1e2] }', 'application/json');
    const delivery = await subscriber.received(1);
    await check(delivery, topic);
    assert.equal(delivery.body.toString(), '{ "spaces" : [1.0, 1e2] }');
  });

  test('a topic may be of any bytes, and its type is kept to the letter', limit, async () => {
    const topic = await begin('bytes');
    await world.publish('bytes', Buffer.from([0, 255, 254, 10, 13]), 'Image/PNG; Weird="yes, it is"');
    const delivery = await subscriber.received(1);
    await check(delivery, topic);
    assert.equal(delivery.headers['content-type'], 'Image/PNG; Weird="yes, it is"');
  });
});

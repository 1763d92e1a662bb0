import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { steadyPort } from '../../testing/steady-port.ts';
import { confirming, TestSubscriber, WebSubWorld, type Question } from '../../testing/websub-world.ts';

const limit = { timeout: 60_000 };
const signed = (secret: string, body: Buffer): string => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

describe('verifying what a subscriber asked for', () => {
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
  const ask = async (room: string, more: Readonly<Record<string, string>> = {}): Promise<void> =>
    world.subscribe(await world.topic(room), { 'hub.callback': callbackOf(room), ...more });
  const heldBy = async (room: string): Promise<number> =>
    (await world.subscriptions()).filter(({ url }) => url === callbackOf(room)).length;
  /** Resolves when whatever was confirmed has taken effect. */
  async function settled(): Promise<void> {
    // One effect is written after the other: what was confirmed before this would be there when this is.
    const room = `last${Math.random()}`.replace('.', '');
    subscriber.answer = confirming;
    await world.subscribed(await world.topic(room), { 'hub.callback': callbackOf(room) });
  }

  const wrong: Readonly<Record<string, (question: Question, response: ServerResponse) => void>> = {
    'a redirect to where it would be confirmed': ({ url }, response) =>
      response.writeHead(302, { location: subscriber.callback(`/elsewhere${url}`) }).end(),
    'a 2xx with another body': (_, response) => response.writeHead(200).end('yes'),
    'the challenge and more': ({ query }, response) => response.writeHead(200).end(`${query.get('hub.challenge')}\n`),
    'the beginning of the challenge': ({ query }, response) => response.writeHead(200).end(query.get('hub.challenge')?.slice(0, -1)),
    'a 404 with the challenge': ({ query }, response) => response.writeHead(404).end(query.get('hub.challenge')),
    'a 500 with the challenge': ({ query }, response) => response.writeHead(500).end(query.get('hub.challenge')),
    'nothing in it': (_, response) => response.writeHead(204).end(),
    'the challenge and a megabyte': ({ query }, response) =>
      response.writeHead(200).end((query.get('hub.challenge') ?? '') + 'x'.repeat(1_000_000)),
  };
  for (const [index, [what, answer]] of Object.entries(wrong).entries()) {
    test(`WS-I2: ${what} is no confirmation`, limit, async () => {
      const room = `wrong${index}`;
      subscriber.answer = answer;
      await ask(room);
      await subscriber.asked(1);
      await settled();
      assert.equal(await heldBy(room), 0);
      assert.ok(subscriber.questions.every(({ url }) => !url.startsWith('/elsewhere')));
    });
  }

  test('WS-I1, WS-X1: each question has a challenge of its own', limit, async () => {
    await ask('once');
    await ask('once');
    await ask('once', { 'hub.mode': 'unsubscribe' });
    await subscriber.asked(3);
    assert.equal(new Set(subscriber.questions.map(({ query }) => query.get('hub.challenge'))).size, 3);
  });

  test('WS-X1: the challenge of one question confirms no other', limit, async () => {
    await ask('replay');
    const old = (await subscriber.asked(1)).query.get('hub.challenge') ?? '';
    await world.holds((all) => all.some(({ url }) => url === callbackOf('replay')));
    subscriber.answer = (_, response) => response.end(old);
    await ask('replay', { 'hub.mode': 'unsubscribe' });
    await subscriber.asked(2);
    await settled();
    assert.equal(await heldBy('replay'), 1);
  });

  test('WS-S5: a renewal that is not confirmed changes nothing: the old secret goes on signing, the old lease holds', limit, async () => {
    await world.subscribed(await world.topic('s5'), { 'hub.callback': callbackOf('s5'), 'hub.secret': 'old', 'hub.lease_seconds': '1000' });
    const [before] = (await world.subscriptions()).filter(({ url }) => url === callbackOf('s5'));
    subscriber.answer = (_, response) => response.writeHead(404).end();
    await ask('s5', { 'hub.secret': 'new', 'hub.lease_seconds': '2000' });
    await subscriber.asked(2);
    await world.publish('s5', '{"n":1}');
    const first = await subscriber.received(1);
    assert.equal(first.headers['x-hub-signature'], signed('old', first.body));
    await settled();
    assert.deepEqual(
      (await world.subscriptions()).filter(({ url }) => url === callbackOf('s5')),
      [before],
    );
    await world.subscribed(await world.topic('s5'), { 'hub.callback': callbackOf('s5'), 'hub.secret': 'new', 'hub.lease_seconds': '2000' });
    await world.publish('s5', '{"n":2}');
    const second = await subscriber.received(2);
    assert.equal(second.headers['x-hub-signature'], signed('new', second.body));
  });

  test('WS-S5: a renewal without a secret takes the old one away', limit, async () => {
    await world.subscribed(await world.topic('bare'), { 'hub.callback': callbackOf('bare'), 'hub.secret': 'old' });
    await world.subscribed(await world.topic('bare'), { 'hub.callback': callbackOf('bare') });
    await world.publish('bare', '{}');
    assert.equal((await subscriber.received(1)).headers['x-hub-signature'], undefined);
  });

  test('WS-S5: an end that is not confirmed ends nothing', limit, async () => {
    await world.subscribed(await world.topic('stay'), { 'hub.callback': callbackOf('stay') });
    subscriber.answer = (_, response) => response.writeHead(200).end('no');
    await ask('stay', { 'hub.mode': 'unsubscribe' });
    await subscriber.asked(2);
    await settled();
    assert.equal(await heldBy('stay'), 1);
  });

  test('a callback that cannot be reached is asked again', limit, async () => {
    const late = createServer();
    const port = await steadyPort();
    const callback = `http://127.0.0.1:${port}/late`;
    await world.subscribe(await world.topic('late'), { 'hub.callback': callback });
    late.on('request', ({ url = '' }, response) => response.end(new URLSearchParams(url.split('?')[1]).get('hub.challenge')));
    late.listen(port, '127.0.0.1');
    await world.holds((all) => all.some(({ url }) => url === callback));
    late.closeAllConnections();
    late.close();
  });

  test('of several requests the one accepted last counts, whichever is confirmed first', limit, async () => {
    const held: [Question, ServerResponse][] = [];
    subscriber.answer = (question, response) => void held.push([question, response]);
    await ask('order', { 'hub.secret': 'first' });
    await ask('order', { 'hub.secret': 'second' });
    await subscriber.asked(2);
    confirming(...held[1]!);
    await world.holds((all) => all.some(({ url }) => url === callbackOf('order')));
    confirming(...held[0]!);
    await settled();
    await world.publish('order', '{}');
    const delivery = await subscriber.received(1);
    assert.equal(delivery.headers['x-hub-signature'], signed('second', delivery.body));
  });

  test('WS-V1: who may not have a topic any more when he would confirm is denied, with the reason', limit, async () => {
    await world.subscribed(await world.topic('held'), { 'hub.callback': callbackOf('held') });
    const held: [Question, ServerResponse][] = [];
    subscriber.answer = (question, response) => void held.push([question, response]);
    const topic = await world.topic('v1');
    await world.subscribe(topic, { 'hub.callback': callbackOf('v1') });
    await subscriber.asked(2);
    const { items } = (await world.sluice.client().get(['subscriptions'], { application: 'reader' })) as { items: { id: string }[] };
    await world.sluice.client().post(['subscriptions', items[0]?.id ?? '', 'close'], {});
    subscriber.answer = confirming;
    confirming(...held[0]!);
    const denial = (): Question | undefined => subscriber.questions.find(({ url }) => url.startsWith('/v1?hub.mode=denied'));
    await subscriber.until(() => denial() !== undefined);
    const { query } = denial()!;
    assert.equal(query.get('hub.topic'), topic);
    assert.match(query.get('hub.reason') ?? '', /\w+ \w+/);
    assert.equal(await heldBy('v1'), 0);
    // What holds ends with it, and is told as well.
    await subscriber.until(() => subscriber.questions.some((one) => one.url.startsWith('/held?hub.mode=denied')));
  });
});

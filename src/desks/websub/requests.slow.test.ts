import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { worldFiles } from '../../testing/gateway-world.ts';
import { linksOf, TestSubscriber, WebSubWorld, type Question } from '../../testing/websub-world.ts';

const limit = { timeout: 60_000 };
const form = 'application/x-www-form-urlencoded';
const nobody = '';

describe('asking a hub', () => {
  let subscriber: TestSubscriber;
  let world: WebSubWorld;
  before(async () => {
    subscriber = await TestSubscriber.open();
    world = await WebSubWorld.open(subscriber, { websub: '{ anonymous: public, lease: { default: 1h, min: 1m, max: 1d } }' });
  });
  after(async () => {
    await world.stop();
    subscriber.close();
  });
  beforeEach(() => subscriber.forget());

  async function wish(room: string, more: Readonly<Record<string, string>> = {}): Promise<Record<string, string>> {
    const topic = await world.topic(room);
    return { 'hub.mode': 'subscribe', 'hub.callback': subscriber.callback(`/${room}`), 'hub.topic': topic, ...more };
  }

  /** What was asked at this callback: one that did not answer is asked again while the next tests run. */
  const askedAt = (path: RegExp): readonly Question[] => subscriber.questions.filter(({ url }) => path.test(url));

  /** Refused at once, with a sentence, and nobody is asked anything. */
  async function refused(response: Response, status: number, sentence: RegExp): Promise<void> {
    const text = await response.text();
    assert.equal(response.status, status, text);
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain/);
    assert.match(text, sentence);
  }

  test('WS-R1, WS-R3: is answered 202 before the callback has said anything', limit, async () => {
    subscriber.answer = () => undefined;
    const response = await world.ask(await wish('async'));
    assert.equal(response.status, 202);
    await subscriber.asked(1);
    assert.ok((await world.subscriptions()).every(({ url }) => url !== subscriber.callback('/async')));
  });

  test('WS-S1: takes a form in UTF-8 with mode, callback and topic, and nothing else', limit, async () => {
    const whole = await wish('s1');
    const text = new URLSearchParams(whole).toString();
    await refused(await world.post(JSON.stringify(whole), { 'content-type': 'application/json' }), 415, /form-urlencoded/);
    await refused(await world.post(text, { 'content-type': `${form}; charset=iso-8859-1` }), 415, /UTF-8/);
    for (const name of Object.keys(whole)) {
      const { [name]: _, ...rest } = whole;
      await refused(await world.ask(rest), 400, new RegExp(`${name} is missing`));
    }
    await refused(await world.ask({ ...whole, 'hub.mode': 'dance' }), 400, /hub\.mode/);
    await refused(await world.ask([...Object.entries(whole), ['hub.topic', 'https://other.example/']]), 400, /more than once/);
    await refused(
      await world.post(Buffer.alloc(100_000, 'a'), { 'content-type': form, 'x-api-key': 'reader-key-0123456789' }),
      413,
      /bytes/,
    );
    assert.deepEqual(askedAt(/^\/s1\?/), []);
  });

  test('other methods mean nothing at a hub, and it says which does', limit, async () => {
    await world.topic('methods');
    const response = await fetch(world.hub);
    assert.equal(response.headers.get('allow'), 'POST');
    await refused(response, 405, /POST/);
  });

  test('WS-S2: a lease is granted within the bounds of the API, and ignored when unsubscribing', limit, async () => {
    for (const [asked, granted] of [
      ['1', 60],
      ['120', 120],
      ['99999999999999999999', 86_400],
      [undefined, 3600],
    ] as const) {
      await world.ask(await wish(`lease${granted}`, asked === undefined ? {} : { 'hub.lease_seconds': asked }));
      const question = (): Question | undefined => askedAt(new RegExp(`^/lease${granted}\\?`))[0];
      await subscriber.until(() => question() !== undefined);
      assert.equal(question()?.query.get('hub.lease_seconds'), String(granted));
    }
    for (const wrong of ['0', '-1', 'ten', '1.5', '1e3'])
      await refused(await world.ask(await wish('lease', { 'hub.lease_seconds': wrong })), 400, /lease/);
    const end = await wish('lease120', { 'hub.mode': 'unsubscribe', 'hub.lease_seconds': 'whatever' });
    assert.equal((await world.ask(end)).status, 202);
  });

  test('WS-S3: a secret has less than 200 bytes, however few characters that are', limit, async () => {
    assert.equal((await world.ask(await wish('s3', { 'hub.secret': 'x'.repeat(199) }))).status, 202);
    await refused(await world.ask(await wish('s3', { 'hub.secret': 'x'.repeat(200) })), 400, /200 bytes/);
    await refused(await world.ask(await wish('s3', { 'hub.secret': 'ß'.repeat(100) })), 400, /200 bytes/);
  });

  test('WS-S6: what is escaped without need names the same topic and callback', limit, async () => {
    const topic = await world.topic('s6');
    const plain = subscriber.callback('/a~b');
    await world.subscribed(topic, { 'hub.callback': plain });
    const written = topic.replace('/s6/', '/%736/');
    await world.subscribe(written, { 'hub.callback': plain.replace('~', '%7E') });
    const questions = (): readonly Question[] => askedAt(/^\/a(~|%7E)b\?/);
    await subscriber.until(() => questions().length >= 2);
    const { url, query } = questions()[1]!;
    assert.match(url, /^\/a~b\?hub/);
    assert.equal(query.get('hub.topic'), written, 'the subscriber is told the topic as it wrote it');
    await world.holds((all) => all.filter((one) => one.url === plain && one.version > 1).length === 1);
    assert.equal((await world.subscriptions()).filter(({ url: callback }) => callback === plain).length, 1);
  });

  test('WS-S7: the query of a callback stays as it is, in questions and deliveries', limit, async () => {
    const callback = subscriber.callback('/s7?id=1&hub.topic=mine&empty=&x=%C3%A4+b');
    await world.subscribed(await world.topic('s7'), { 'hub.callback': callback });
    assert.match(askedAt(/^\/s7\?/)[0]!.url, /^\/s7\?id=1&hub\.topic=mine&empty=&x=%C3%A4\+b&hub\.mode=subscribe&hub\.topic=http/);
    await world.publish('s7', '{}');
    assert.equal((await subscriber.received(1)).url, '/s7?id=1&hub.topic=mine&empty=&x=%C3%A4+b');
  });

  test(
    'WS-R2: a topic is refused that the hub does not distribute, does not know, or must not give to this application',
    limit,
    async () => {
      const topic = await world.topic('r2');
      const refusedTopic = async (url: string, status: number, sentence: RegExp): Promise<void> =>
        refused(await world.ask(await wish('r2', { 'hub.topic': url })), status, sentence);
      await refusedTopic('https://elsewhere.example/feed', 404, /does not distribute/);
      await refusedTopic(topic.replace('?latest', ''), 404, /The topic of this channel is http.*\?latest/);
      await refusedTopic(topic.replace('/r2/', '/*/'), 404, /one channel/);
      await refusedTopic(topic.replace('/r2/events', '/-/websub'), 404, /one channel/);
      // Outside its scope nobody is told which of them there are.
      await refusedTopic(topic.replace('/events', '/nothing'), 403, /may not read "r2\/nothing"/);
      await refusedTopic(topic.replace('/events', '/commands'), 403, /may not read "r2\/commands"/);
      await refusedTopic('nonsense', 400, /hub\.topic/);
      assert.deepEqual(askedAt(/^\/r2\?/), []);
    },
  );

  test('WS-R2: a callback is refused that is no address of the public internet, whatever it looks like', limit, async () => {
    for (const callback of [
      'http://10.0.0.1/',
      'http://169.254.169.254/',
      'http://[::1]/',
      'http://0xa.1/',
      'ftp://x.example/',
      'http://a b/',
    ])
      await refused(await world.ask(await wish('r2', { 'hub.callback': callback })), 400, /hub\.callback/);
    await refused(await world.ask(await wish('r2', { 'hub.callback': 'http://user:secret@x.example/' })), 400, /hub\.callback/);
  });

  test('who shows no key subscribes to what everybody may, and to nothing else', limit, async () => {
    const ask = async (room: string, key: string): Promise<Response> => world.ask(await wish(room), key);
    await refused(await ask('closed', nobody), 403, /may not read|does not|allow/i);
    await refused(await ask('open', 'stranger-key-0123456789'), 403, /subscription/);
    await refused(await ask('open', 'a-key-nobody-has-123'), 401, /not known/);
    assert.equal((await ask('open', nobody)).status, 202);
    await world.holds((all) => all.some(({ url }) => url === subscriber.callback('/open')));
    await world.publish('open', '{"for":"everybody"}');
    assert.equal((await subscriber.received(1)).body.toString(), '{"for":"everybody"}');
    const { headers, bytes } = await fetch(await world.topic('open')).then(async (response) => ({
      headers: response.headers,
      bytes: await response.text(),
    }));
    assert.deepEqual([headers.get('content-type'), bytes], ['application/json', '{"for":"everybody"}']);
  });

  test('who asks hundreds of times a second is told to come back', limit, async () => {
    const fields = await wish('many', { 'hub.topic': 'https://elsewhere.example/' });
    // More than a burst and what is allowed in the time they take, also where that is many seconds.
    const statuses = await Promise.all(Array.from({ length: 600 }, async () => (await world.ask(fields)).status));
    assert.ok(statuses.filter((status) => status === 404).length >= 100, 'a burst is taken');
    assert.ok(statuses.includes(503));
    assert.equal((await world.ask(await wish('open'), nobody)).status, 202, 'and nobody else is');
  });

  test('WS-P1: pings by hub.url and hub.topic for its own topics are taken; there is nothing to do', limit, async () => {
    const topic = await world.topic('p1');
    for (const name of ['hub.url', 'hub.topic'])
      assert.equal(
        (
          await world.ask(
            [
              ['hub.mode', 'publish'],
              [name, topic],
              [name, await world.topic('p2')],
            ],
            nobody,
          )
        ).status,
        202,
      );
    await refused(await world.ask({ 'hub.mode': 'publish', 'hub.url': 'https://elsewhere.example/' }, nobody), 404, /does not distribute/);
    await refused(await world.ask({ 'hub.mode': 'publish' }, nobody), 400, /missing/);
  });
});

test('behind a proxy hub and topics have the public URL, whatever host a request names, with workers too', limit, async () => {
  const subscriber = await TestSubscriber.open();
  const fixture = { files: worldFiles(), openOutgoing: ['127.0.0.0/8'], publicUrl: 'https://events.example.com', workers: 2 };
  const world = await WebSubWorld.open(subscriber, { fixture });
  try {
    const topic = await world.topic('r');
    assert.deepEqual([world.hub, topic], ['https://events.example.com/world/-/websub', 'https://events.example.com/world/r/events?latest']);
    world.hub = `${world.sluice.gateway}/world/-/websub`;
    await world.subscribed(topic);
    await world.publish('r', '{}');
    const { headers } = await subscriber.received(1);
    assert.deepEqual(linksOf(headers['link']), { hub: ['https://events.example.com/world/-/websub'], self: [topic] });
  } finally {
    await world.stop();
    subscriber.close();
  }
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { readerKey, worldFiles } from '../../testing/gateway-world.ts';
import { linksOf, TestSubscriber, WebSubWorld } from '../../testing/websub-world.ts';

const limit = { timeout: 60_000 };

/** A publisher elsewhere, whose topics this hub distributes. */
class Publisher {
  readonly requests: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
  answer: (response: ServerResponse, headers: IncomingHttpHeaders) => void = (response) => response.end();
  readonly #server = createServer((request, response) => {
    this.requests.push({ url: request.url ?? '', headers: request.headers });
    this.answer(response, request.headers);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  });
  readonly #waiting = new Set<() => void>();

  async open(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  async asked(path: string, count: number): Promise<IncomingHttpHeaders> {
    const of = (): readonly { readonly headers: IncomingHttpHeaders }[] => this.requests.filter(({ url }) => url === path);
    while (of().length < count) await new Promise<void>((resolve) => this.#waiting.add(resolve));
    return of()[count - 1]!.headers;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

describe('topics of others', () => {
  const publisher = new Publisher();
  let subscriber: TestSubscriber;
  let world: WebSubWorld;
  const lines: Record<string, unknown>[] = [];
  before(async () => {
    await publisher.open();
    subscriber = await TestSubscriber.open();
    const rooms = ['feed', 'same', 'large', 'moved', 'rate', 'gone', 'odd'];
    const topics = rooms.map((room) => `'${publisher.url(`/${room}`)}': ${room}/events`).join(', ');
    world = await WebSubWorld.open(subscriber, {
      websub: `{ topics: { ${topics}, 'http://10.1.2.3/inside': inside/events, '${publisher.url('/nowhere')}': no/such } }`,
      fixture: {
        files: worldFiles(),
        openOutgoing: ['127.0.0.0/8'],
        onLog: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
      },
    });
    await world.topic('any');
  });
  after(async () => {
    await world.stop();
    subscriber.close();
    publisher.close();
  });
  beforeEach(() => {
    subscriber.forget();
    publisher.requests.length = 0;
  });

  const ping = async (name: 'hub.url' | 'hub.topic', ...urls: readonly string[]): Promise<void> => {
    const response = await world.ask([['hub.mode', 'publish'], ...urls.map((url) => [name, url] as const)], '');
    assert.equal(response.status, 202, await response.text());
  };
  const published = async (room: string): Promise<readonly Record<string, unknown>[]> => {
    const response = await fetch(`${world.sluice.gateway}/world/${room}/events?from=earliest`, { headers: { 'x-api-key': readerKey } });
    return (await response.json()) as Record<string, unknown>[];
  };
  const logged = async (pattern: RegExp): Promise<void> => {
    while (!lines.some((line) => pattern.test(JSON.stringify(line)))) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  test('WS-P1: what a publisher pings for is fetched and distributed under its own URL, its type to the letter', limit, async () => {
    const topic = publisher.url('/feed');
    await world.subscribed(topic, { 'hub.callback': subscriber.callback('/feed') });
    assert.equal(subscriber.questions[0]?.query.get('hub.topic'), topic);
    const type = 'application/atom+xml; charset="UTF-8"';
    publisher.answer = (response) => response.writeHead(200, { 'content-type': type, link: '<x>; rel="self"' }).end('<feed>größer</feed>');
    await ping('hub.url', topic);
    const { headers, body } = await subscriber.received(1);
    assert.equal(body.toString(), '<feed>größer</feed>');
    assert.equal(headers['content-type'], type);
    assert.deepEqual(linksOf(headers['link']), { hub: [world.hub], self: [topic] });
    const [event] = await published('feed');
    assert.deepEqual([event?.['source'], event?.['type']], [topic, 'test.event']);
  });

  test('what has not changed is not distributed again, and not fetched where the publisher says so', limit, async () => {
    const topic = publisher.url('/same');
    publisher.answer = (response, headers) => {
      if (headers['if-none-match'] === '"v1"') response.writeHead(304).end();
      else
        response
          .writeHead(200, { etag: '"v1"', 'last-modified': 'Sun, 01 Nov 2026 00:00:00 GMT', 'content-type': 'text/plain' })
          .end('one');
    };
    await ping('hub.topic', topic);
    await publisher.asked('/same', 1);
    await ping('hub.topic', topic);
    const again = await publisher.asked('/same', 2);
    assert.deepEqual([again['if-none-match'], again['if-modified-since']], ['"v1"', 'Sun, 01 Nov 2026 00:00:00 GMT']);
    publisher.answer = (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('one');
    await ping('hub.topic', topic);
    await publisher.asked('/same', 3);
    publisher.answer = (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('two');
    await ping('hub.topic', topic);
    await publisher.asked('/same', 4);
    while ((await published('same')).length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    // And back to what it was: that is new again.
    publisher.answer = (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('one');
    await ping('hub.topic', topic);
    while ((await published('same')).length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(
      (await published('same')).map(({ data }) => data),
      ['one', 'two', 'one'],
    );
  });

  test('however often a publisher pings, its topic is fetched once in a while, and once more after the last ping', limit, async () => {
    publisher.answer = (response) => response.writeHead(204).end();
    const begun = Date.now();
    for (let n = 0; n < 50; n += 1) await ping('hub.url', publisher.url('/rate'), publisher.url('/rate'));
    await publisher.asked('/rate', 2);
    assert.ok(publisher.requests.filter(({ url }) => url === '/rate').length <= 2 + (Date.now() - begun) / 2000);
  });

  test('a redirect is not followed, and what is too large, refused or inside is not taken', limit, async () => {
    publisher.answer = (response) => response.writeHead(302, { location: publisher.url('/elsewhere') }).end();
    await ping('hub.url', publisher.url('/moved'));
    await logged(/moved.*answered 302/);
    assert.ok(publisher.requests.every(({ url }) => url !== '/elsewhere'));
    publisher.answer = (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end(Buffer.alloc(2_000_000, 'x'));
    await ping('hub.url', publisher.url('/large'));
    await logged(/large.*more than 1048576 bytes/);
    await ping('hub.url', 'http://10.1.2.3/inside');
    await logged(/inside.*not on the public internet/);
    publisher.answer = (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('x');
    await ping('hub.url', publisher.url('/nowhere'));
    await logged(/nowhere.*no channel/);
    for (const room of ['moved', 'large', 'inside']) assert.deepEqual(await published(room), []);
  });

  test('content whose type no event may have is distributed as bytes', limit, async () => {
    publisher.answer = (response) => response.writeHead(200, { 'content-type': 'not a type' }).end('odd');
    await ping('hub.url', publisher.url('/odd'));
    while ((await published('odd')).length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal((await published('odd'))[0]?.['datacontenttype'], 'application/octet-stream');
  });

  test('who may not read the channel may not have its topic', limit, async () => {
    const fields = { 'hub.mode': 'subscribe', 'hub.callback': subscriber.callback(), 'hub.topic': publisher.url('/feed') };
    assert.equal((await world.ask(fields, 'stranger-key-0123456789')).status, 403);
    assert.equal((await world.ask(fields, '')).status, 401);
    const said = async (path: string): Promise<string> => {
      const answer = await world.ask({ ...fields, 'hub.topic': publisher.url(path) });
      return `${answer.status} ${await answer.text()}`;
    };
    assert.equal(await said('/nowhere'), await said('/what-is-no-topic'), 'nor is it told which channel that would be');
  });
});

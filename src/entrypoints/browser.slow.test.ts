import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { assertNoConnections, keyOf, numbered, openChat, say, type ChatUser } from '../testing/chat-world.ts';
import { noChromium, openChromium, PageOrigin } from '../testing/chromium.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';
import { until } from '../testing/until.ts';

const limit = { timeout: 60_000 };

/** What a page collected, as it lies in its window. */
interface Collected {
  readonly messages: { readonly id: string; readonly text: string }[];
  readonly errors: string[];
  readonly opened: number;
  readonly state: number;
  readonly closes: { readonly code: number; readonly reason: string }[];
}

describe('pages in Chromium', { skip: noChromium }, () => {
  let world: SluiceFixture;
  let browser: Browser;
  let allowed: PageOrigin;
  let stranger: PageOrigin;

  before(async () => {
    [allowed, stranger] = [await PageOrigin.open(), await PageOrigin.open()];
    world = await openChat({ origins: [allowed.origin] });
    browser = await openChromium();
  });

  after(async () => {
    await browser.close();
    allowed.close();
    stranger.close();
    await assertNoConnections(world);
    await world.stop();
  });

  const ticket = async (user: ChatUser = 'open'): Promise<string> => {
    const response = await fetch(`${world.control}/api/v1/tickets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keyOf(user)}`, 'content-type': 'application/json' },
      body: '{}',
    });
    return ((await response.json()) as { ticket: string }).ticket;
  };

  /** Begins to collect what an EventSource says, in the page's window. */
  const listen = (page: Page, url: string, types: readonly string[] = ['message']): Promise<void> =>
    page.evaluate(
      ([target, names]) => {
        const source = new EventSource(target);
        const collected = { messages: [] as unknown[], errors: [] as string[], opened: 0, closes: [] };
        source.onopen = () => (collected.opened += 1);
        const hear = (name: string, heard: (message: { data: string; lastEventId: string }) => void): void =>
          source.addEventListener(name, (event) => heard(event as unknown as { data: string; lastEventId: string }));
        for (const name of names as string[])
          hear(name, ({ lastEventId, data }) => collected.messages.push({ id: lastEventId, text: data }));
        hear('sluice.error', ({ data }) => collected.errors.push((JSON.parse(data) as { code: string }).code));
        Object.assign(globalThis, { collected: () => ({ ...collected, state: source.readyState }), source });
      },
      [url, types] as const,
    );
  const open = (page: Page, url: string, protocols: readonly string[]): Promise<void> =>
    page.evaluate(
      ([target, names]) => {
        const socket = new WebSocket(target, names as string[]);
        const collected = { messages: [] as unknown[], errors: [] as string[], opened: 0, closes: [] as unknown[] };
        socket.onopen = () => (collected.opened += 1);
        socket.onerror = () => collected.errors.push('error');
        socket.onmessage = (event) => collected.messages.push({ id: socket.protocol, text: event.data as string });
        socket.onclose = ({ code, reason }) => collected.closes.push({ code, reason });
        Object.assign(globalThis, { collected: () => ({ ...collected, state: socket.readyState }), socket });
      },
      [url, protocols] as const,
    );
  const collected = (page: Page): Promise<Collected> =>
    page.evaluate(() => (globalThis as unknown as { collected: () => Collected }).collected());
  const becomes = async (page: Page, isTrue: (collected: Collected) => boolean): Promise<Collected> => {
    let last: Collected | undefined;
    await until(
      async () => isTrue((last = await collected(page))),
      () => JSON.stringify(last),
    );
    return last as Collected;
  };
  const idsIn = ({ messages }: Collected): readonly string[] => messages.map(({ text }) => (JSON.parse(text) as { id: string }).id);
  const socketUrl = (): string => world.gateway.replace('http', 'ws');

  test('hear events by EventSource with a ticket, from another origin', limit, async () => {
    const page = await allowed.visit(browser);
    await listen(page, `${world.gateway}/chat/a/said?ticket=${await ticket()}`);
    await becomes(page, ({ opened }) => opened === 1);
    const positions = await say(world, '/chat/a/said', [...numbered('', 2), { id: 'text', data: { text: 'a\r\nb\u0000\u2028 grün' } }]);
    const heard = await becomes(page, ({ messages }) => messages.length === 3);
    assert.deepEqual(
      heard.messages.map(({ id }) => id),
      positions,
    );
    assert.deepEqual((JSON.parse(heard.messages[2]?.text ?? '') as { data: unknown }).data, { text: 'a\r\nb\u0000\u2028 grün' });
    await page.context().close();
  });

  test('are told when their ticket is used up, stop, and go on with a new one', limit, async () => {
    const page = await allowed.visit(browser);
    // Before it is opened: it lasts 0.3 seconds.
    await say(world, '/chat/b/said', numbered('', 1));
    await listen(page, `${world.gateway}/chat/b/said?from=earliest&ticket=${await ticket('brief')}`);
    const stopped = await becomes(page, ({ state }) => state === 2);
    assert.deepEqual([stopped.opened > 0, idsIn(stopped)], [true, ['1']]);
    assert.deepEqual(stopped.errors, ['DURATION_OVER', 'UNAUTHENTICATED']);
    await say(world, '/chat/b/said', numbered('', 1, 2));
    await listen(page, `${world.gateway}/chat/b/said?ticket=${await ticket()}&after=${stopped.messages.at(-1)?.id}`);
    assert.deepEqual(idsIn(await becomes(page, ({ messages }) => messages.length === 1)), ['2']);
    await page.context().close();
  });

  test('come back by themselves with Last-Event-ID after a restart and miss nothing', limit, async () => {
    const page = await allowed.visit(browser, { 'x-api-key': keyOf('open') });
    await listen(page, `${world.gateway}/chat/c/said`);
    await becomes(page, ({ opened }) => opened === 1);
    await say(world, '/chat/c/said', numbered('', 2));
    await becomes(page, ({ messages }) => messages.length === 2);
    await world.restart({ grace: 1000 });
    await say(world, '/chat/c/said', numbered('', 2, 3));
    assert.deepEqual(idsIn(await becomes(page, ({ messages }) => messages.length === 4)), ['1', '2', '3', '4']);
    await page.context().close();
  });

  test('hear events by their type', limit, async () => {
    const page = await allowed.visit(browser, { 'x-api-key': keyOf('open') });
    await listen(page, `${world.gateway}/chat/d/said?event=type`, ['com.example.said']);
    await becomes(page, ({ opened }) => opened === 1);
    await say(world, '/chat/d/said', numbered('', 1));
    await becomes(page, ({ messages }) => messages.length === 1);
    await page.context().close();
  });

  for (const protocol of ['', 'cloudevents.json', 'sluice.v1.json']) {
    test(`publish and read by WebSocket ${protocol === '' ? 'without a subprotocol' : protocol}`, limit, async () => {
      const page = await allowed.visit(browser);
      await open(page, `${socketUrl()}/chat/e${protocol.length}/both?ticket=${await ticket()}`, protocol === '' ? [] : [protocol]);
      await becomes(page, ({ opened }) => opened === 1);
      assert.match(
        await page.evaluate(() => (globalThis as unknown as { socket: WebSocket }).socket.extensions),
        /^permessage-deflate/,
        'long messages are to be compressed both ways',
      );
      const data = { text: 'grün '.repeat(1000) };
      const event = { specversion: '1.0', id: 'x', source: `/browser/${protocol}`, type: 'com.example.both', data };
      const text = JSON.stringify(protocol === 'sluice.v1.json' ? { op: 'publish', ref: 1, event } : event);
      await page.evaluate((message) => (globalThis as unknown as { socket: WebSocket }).socket.send(message), text);
      const heard = await becomes(page, ({ messages }) => messages.some((message) => message.text.includes('"position":')));
      assert.equal(heard.messages[0]?.id, protocol);
      assert.ok(heard.messages.some((message) => message.text.includes(data.text)));
      await page.context().close();
    });
  }

  test('see by close code why a WebSocket was not let in, and when it is over', limit, async () => {
    const page = await allowed.visit(browser);
    await open(page, `${socketUrl()}/chat/f/said?ticket=tkt_nobody`, []);
    const refused = await becomes(page, ({ closes }) => closes.length === 1);
    assert.equal(refused.closes[0]?.code, 4401);
    assert.match(refused.closes[0]?.reason ?? '', /^UNAUTHENTICATED: /);
    await open(page, `${socketUrl()}/chat/f/said?ticket=${await ticket('brief')}`, []);
    assert.equal((await becomes(page, ({ closes }) => closes.length === 1)).closes[0]?.code, 4408);
    await page.context().close();
  });

  test('publish by fetch after a preflight, and read the limits from the headers', limit, async () => {
    const page = await allowed.visit(browser);
    const answer = await page.evaluate(
      async ([url, key]) => {
        const event = { specversion: '1.0', id: 'f', source: '/fetch', type: 'com.example.both', data: {} };
        const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/cloudevents+json' };
        const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(event) });
        const refused = await fetch(url, { method: 'POST', headers, body: '{' });
        return {
          status: response.status,
          limit: response.headers.get('ratelimit'),
          refused: ((await refused.json()) as { code: string }).code,
        };
      },
      [`${world.gateway}/chat/g/both`, keyOf('talker')] as const,
    );
    assert.equal(answer.status, 202);
    assert.match(String(answer.limit), /^"eventCount-publish";r=1;/);
    assert.equal(answer.refused, 'INVALID_EVENT');
    await page.context().close();
  });

  test('of an origin the API does not name get nothing', limit, async () => {
    const page = await stranger.visit(browser, { 'x-api-key': keyOf('open') });
    const failed = await page.evaluate(async (url) => {
      try {
        await fetch(url);
        return 'read';
      } catch (error) {
        return (error as Error).name;
      }
    }, `${world.gateway}/chat/h/said`);
    assert.equal(failed, 'TypeError');
    await listen(page, `${world.gateway}/chat/h/said`);
    const source = await becomes(page, ({ state }) => state === 2);
    assert.equal(source.opened, 0);
    await open(page, `${socketUrl()}/chat/h/said?ticket=${await ticket()}`, []);
    const socket = await becomes(page, ({ closes }) => closes.length === 1);
    assert.deepEqual([socket.opened, socket.closes[0]?.code], [0, 1006]);
    await page.context().close();
  });
});

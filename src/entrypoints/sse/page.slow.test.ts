import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { fetch } from 'undici';
import { assertNoConnections, keyOf, numbered, openChat, say, type ChatUser } from '../../testing/chat-world.ts';
import { noChromium, openChromium, PageOrigin } from '../../testing/chromium.ts';
import { selfSigned } from '../../testing/self-signed.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';
import { until } from '../../testing/until.ts';

const limit = { timeout: 60_000 };
const guide = new URL('../../../docs/guides/https-and-browsers.md', import.meta.url);

async function ticketFor(world: SluiceFixture, user: ChatUser): Promise<string> {
  const headers = { authorization: `Bearer ${keyOf(user)}`, 'content-type': 'application/json' };
  const response = await fetch(`${world.control}/api/v1/tickets`, { method: 'POST', headers, body: '{}' });
  return ((await response.json()) as { ticket: string }).ticket;
}

async function visit(browser: Browser, { origin }: PageOrigin): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(origin);
  return { context, page };
}

describe('a page in Chromium', { skip: noChromium }, () => {
  let browser: Browser;
  let origin: PageOrigin;

  before(async () => {
    origin = await PageOrigin.open();
    browser = await openChromium();
  });

  after(async () => {
    await browser.close();
    origin.close();
  });

  test('follows more than six channels of one host at once by HTTP/2', limit, async (t) => {
    const world = await openChat({ origins: [origin.origin], tls: selfSigned({ names: ['127.0.0.1'] }) });
    t.after(() => world.stop());
    const { context, page } = await visit(browser, origin);
    const urls = [];
    for (let n = 0; n < 12; n += 1) urls.push(`${world.gateway}/chat/p${n}/both?ticket=${await ticketFor(world, 'open')}`);
    await page.evaluate((targets) => {
      const heard = targets.map(() => 0);
      for (const [index, target] of targets.entries()) new EventSource(target).onmessage = () => (heard[index] = (heard[index] ?? 0) + 1);
      Object.assign(globalThis, { heard });
    }, urls);
    await until(
      async () => (await world.connections()) === 12,
      () => 'not all twelve streams began',
    );
    await page.evaluate(
      async ([base, key]) => {
        for (let n = 0; n < 12; n += 1) {
          const event = { specversion: '1.0', id: `${n}`, source: '/page', type: 'com.example.both', data: {} };
          const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/cloudevents+json' };
          await fetch(`${base}/chat/p${n}/both`, { method: 'POST', headers, body: JSON.stringify(event) });
        }
      },
      [world.gateway, keyOf('open')] as const,
    );
    await until(
      async () => (await page.evaluate(() => (globalThis as unknown as { heard: number[] }).heard)).every((count) => count === 1),
      () => 'not every stream heard its event',
    );
    await context.close();
    await assertNoConnections(world);
  });

  test('comes back with a new ticket and misses nothing, by the code of the guide', limit, async (t) => {
    const world = await openChat({ origins: [origin.origin] });
    t.after(() => world.stop());
    const code = /```js page\n([^]*?)```/.exec(await readFile(guide, 'utf8'))?.[1] ?? '';
    assert.match(code, /^\/\*\*[^]*export function follow/);
    const { context, page } = await visit(browser, origin);
    let tickets = 0;
    await page.exposeFunction('ticket', () => {
      tickets += 1;
      return ticketFor(world, 'brief');
    });
    await page.addScriptTag({ type: 'module', content: `${code}\nglobalThis.follow = follow;` });
    await page.waitForFunction(() => 'follow' in globalThis);
    const begin = (after: string | undefined): Promise<void> =>
      page.evaluate(
        ([channel, position]) => {
          const scope = globalThis as unknown as {
            follow: (channel: string, options: object) => () => void;
            ticket: () => Promise<string>;
          };
          const collected = { ids: [] as string[], ended: [] as string[] };
          const stop = scope.follow(channel, {
            ticket: scope.ticket,
            onEvent: ({ id }: { id: string }) => collected.ids.push(id),
            onEnd: ({ code: reason }: { code: string }) => collected.ended.push(reason),
            after: position,
          });
          Object.assign(globalThis, { collected, stop });
        },
        [`${world.gateway}/chat/follow/said?from=earliest`, after] as const,
      );
    await begin(undefined);
    const collected = (): Promise<{ ids: string[]; ended: string[] }> =>
      page.evaluate(() => (globalThis as unknown as { collected: { ids: string[]; ended: string[] } }).collected);
    for (let n = 1; n <= 4; n += 1) {
      // Each connection lasts 0.3 seconds: its end comes between these.
      await say(world, '/chat/follow/said', numbered('', 1, n));
      await until(
        async () => (await collected()).ids.length === n && tickets > n,
        () => `${tickets} tickets were asked for`,
      );
      if (n === 2) await world.restart({ grace: 1000 });
    }
    assert.deepEqual(await collected(), { ids: ['1', '2', '3', '4'], ended: [] });
    await page.evaluate(() => (globalThis as unknown as { stop: () => void }).stop());
    await begin('zzzzzz-9');
    await until(
      async () => (await collected()).ended.length === 1,
      () => 'it comes back again and again with a position that is lost',
    );
    assert.deepEqual(await collected(), { ids: [], ended: ['POSITION_LOST'] });
    await context.close();
    await assertNoConnections(world);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertNoConnections, keyOf, numbered, openChat, say, type ChatUser } from '../../testing/chat-world.ts';
import { RawHttp } from '../../testing/raw-http.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';
import { until } from '../../testing/until.ts';

const limit = { timeout: 60_000 };

interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly ids: readonly string[];
  /** Target of the next page. */
  readonly next: string;
  readonly milliseconds: number;
}

describe('polling', () => {
  let world: SluiceFixture;
  const warnings: string[] = [];
  const onWarning = ({ name, message }: Error): void => void warnings.push(`${name}: ${message}`);

  before(async () => {
    process.on('warning', onWarning);
    world = await openChat();
  });

  after(async () => {
    await assertNoConnections(world);
    await world.stop();
    process.off('warning', onWarning);
    assert.deepEqual(warnings, []);
  });

  const get = async (target: string, as: ChatUser = 'open', signal?: AbortSignal): Promise<Page> => {
    const begun = performance.now();
    const response = await fetch(`${world.gateway}${target}`, { headers: { 'x-api-key': keyOf(as) }, signal: signal ?? null });
    const body = (await response.json()) as { id: string }[];
    const next = /^<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1] ?? '';
    const ids = Array.isArray(body) ? body.map(({ id }) => id) : [];
    return { status: response.status, headers: response.headers, ids, next, milliseconds: performance.now() - begun };
  };

  test('answers a page of structured events and where the next one is', limit, async () => {
    await say(world, '/chat/a/said', numbered('', 5));
    const first = await get('/chat/a/said?from=earliest&limit=2&filter=data.n%20%3C%205');
    assert.equal(first.headers.get('content-type'), 'application/cloudevents-batch+json');
    assert.equal(first.headers.get('cache-control'), 'no-store');
    assert.deepEqual(first.ids, ['1', '2']);
    assert.match(first.next, /^\/chat\/a\/said\?limit=2&filter=data\.n\+%3C\+5&after=\w{6}-2$/);
    const second = await get(first.next);
    assert.deepEqual(second.ids, ['3', '4']);
    const third = await get(second.next);
    assert.deepEqual(third.ids, []);
    await say(world, '/chat/a/said', [{ id: 'late', data: { n: 0 } }]);
    assert.deepEqual((await get(third.next)).ids, ['late']);
  });

  test('goes on from a page as often as it is asked, with the same answer', limit, async () => {
    await say(world, '/chat/b/said', numbered('', 4));
    const first = await get('/chat/b/said?from=earliest&limit=2');
    const again = [await get(first.next), await get(first.next)];
    assert.deepEqual(
      again.map(({ ids }) => ids),
      [
        ['3', '4'],
        ['3', '4'],
      ],
    );
  });

  test('answers at once when there is something, however long it may wait', limit, async () => {
    await say(world, '/chat/c/said', numbered('', 1));
    const page = await get('/chat/c/said?from=earliest&wait=60s');
    assert.deepEqual(page.ids, ['1']);
    assert.ok(page.milliseconds < 30_000, `it took ${page.milliseconds} ms`);
  });

  test('waits no longer than it may, and then answers an empty page', limit, async () => {
    const page = await get('/chat/d/said?wait=250ms');
    assert.deepEqual([page.status, page.ids], [200, []]);
    assert.ok(page.milliseconds >= 249, `it took ${page.milliseconds} ms`);
    await say(world, '/chat/d/said', numbered('', 1));
    assert.deepEqual((await get(page.next)).ids, ['1']);
  });

  test('answers five hundred that wait with the same event at once', limit, async () => {
    const { next } = await get('/chat/e/said');
    const waiting = Array.from({ length: 500 }, () => get(`${next}&wait=60s`));
    await until(
      async () => (await world.connections()) === 500,
      () => 'not all of them wait',
    );
    await say(world, '/chat/e/said', numbered('', 1));
    for (const page of await Promise.all(waiting)) assert.deepEqual(page.ids, ['1']);
    await assertNoConnections(world);
  });

  test('waits on when what came was filtered out', limit, async () => {
    const { next } = await get('/chat/f/said?filter=data.n%20%3E%202');
    const waiting = get(`${next}&wait=60s`);
    await until(
      async () => (await world.connections()) === 1,
      () => 'it does not wait',
    );
    for (const n of [1, 2, 3]) await say(world, '/chat/f/said', numbered('', 1, n));
    assert.deepEqual((await waiting).ids, ['3']);
  });

  test('frees what waits for a client that goes away', limit, async () => {
    const { next } = await get('/chat/g/said');
    const gone = new AbortController();
    const waiting = Array.from({ length: 50 }, () => get(`${next}&wait=60s`, 'open', gone.signal).catch(() => undefined));
    await until(
      async () => (await world.connections()) === 50,
      () => 'not all of them wait',
    );
    gone.abort();
    await Promise.all(waiting);
    await assertNoConnections(world);
  });

  test('keeps nothing on a connection over which many pages went', limit, async () => {
    const http = new RawHttp(world.gateway);
    for (let n = 0; n < 50; n += 1) http.send('GET', `/chat/h/said?wait=1ms`, { 'x-api-key': keyOf('open') });
    await until(
      async () => http.body.toString('latin1').split('HTTP/1.1 200').length === 50,
      () => 'not all were answered',
    );
    http.socket.destroy();
  });

  test('confirms a named reader by asking for the next page, and by a request of its own', limit, async () => {
    const positions = await say(world, '/chat/i/said', numbered('', 6));
    const named = '/chat/i/said?reader=pages&from=earliest&limit=2';
    const first = await get(named);
    assert.deepEqual((await get(named)).ids, ['1', '2'], 'nothing was confirmed yet');
    assert.deepEqual((await get(first.next)).ids, ['3', '4']);
    assert.deepEqual((await get(named)).ids, ['3', '4'], 'asking for the second page confirmed the first');
    const headers = { 'x-api-key': keyOf('open'), ack: positions[3] ?? '' };
    const response = await fetch(`${world.gateway}/chat/i/said?reader=pages`, { method: 'POST', headers });
    assert.deepEqual([response.status, await response.json()], [200, { confirmed: positions[3] }]);
    assert.deepEqual((await get(named)).ids, ['5', '6']);
  });

  test('answers a limit with what is left and when it starts anew', limit, async () => {
    await say(world, '/chat/j/said', numbered('', 4));
    const first = await get('/chat/j/said?from=earliest', 'tiny');
    assert.deepEqual(first.ids, ['1', '2', '3']);
    assert.match(String(first.headers.get('ratelimit')), /^"eventCount-deliver";r=0;t=\d+$/);
    const second = await get(first.next, 'tiny');
    assert.equal(second.status, 429);
    assert.ok(Number(second.headers.get('retry-after')) > 0);
    assert.match(String(second.headers.get('ratelimit')), /^"eventCount-deliver";r=0;t=\d+$/);
  });

  for (const query of [
    'limit=0',
    'limit=-1',
    'limit=1001',
    'limit=1e2',
    'limit=',
    'limit=ten',
    'wait=5',
    'wait=-1s',
    'wait=1h',
    'wait=',
    'wait=1.5s',
    'from=2026-13-01T00:00:00Z',
    'from=%00',
    'after=not%20a%20position',
  ]) {
    test(`refuses ?${query}`, limit, async () => {
      assert.equal((await get(`/chat/k/said?${query}`)).status, 400);
    });
  }

  test('takes the longest wait for a longer one', limit, async () => {
    const gone = new AbortController();
    const page = get('/chat/l/said?wait=999m', 'open', gone.signal);
    await until(
      async () => (await world.connections()) === 1,
      () => 'it does not wait',
    );
    await say(world, '/chat/l/said', numbered('', 1));
    assert.deepEqual((await page).ids, ['1']);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { applyPatch, type Operation } from 'rfc6902';
import { assertNoConnections, keyOf, numbered, openChat, say } from '../testing/chat-world.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';
import { openSse, openWebSocket, type Received, type StreamClient } from '../testing/stream-client.ts';

const limit = { timeout: 60_000 };
const key = keyOf('open');

interface Seen {
  readonly id: string;
  readonly data: unknown;
}

/** The values that events and changes stand for: all that a client has to do. */
function applied(events: readonly Received[]): readonly unknown[] {
  const values = new Map<unknown, unknown>();
  for (const { position, base, data } of events) {
    if (base === undefined) {
      values.set(position, data);
      continue;
    }
    assert.ok(values.has(base), `what ${position} is a change of did not come`);
    const value = structuredClone(values.get(base));
    assert.ok(applyPatch(value, data as Operation[]).every((failure) => failure === null));
    values.set(position, value);
  }
  return [...values.values()];
}

describe('what a reader asks to see', () => {
  let world: SluiceFixture;

  before(async () => {
    world = await openChat();
  });

  after(async () => {
    await assertNoConnections(world);
    await world.stop();
  });

  /** The first events, by every protocol there is. */
  const everywhere = async (target: string, count: number): Promise<readonly (readonly Seen[])[]> => {
    const url = `${world.gateway}${target}`;
    const ofStream = async (opening: Promise<StreamClient>): Promise<readonly Seen[]> => {
      const client = await opening;
      await client.atLeast(count);
      client.close();
      return client.received as unknown as readonly Seen[];
    };
    const ofPage = async (): Promise<readonly Seen[]> =>
      (await (await fetch(url, { headers: { 'x-api-key': key } })).json()) as readonly Seen[];
    const ws = url.replace('http', 'ws');
    return Promise.all([
      ofStream(openSse(url, { key })),
      ofStream(openWebSocket(ws, { key })),
      ofStream(openWebSocket(ws, { key, subprotocol: 'sluice.v1.json' })),
      ofPage(),
    ]);
  };
  const refusal = async (query: string): Promise<{ readonly status: number; readonly code: string; readonly detail: string }> =>
    (await (await fetch(`${world.gateway}/chat/x/said?${query}`, { headers: { 'x-api-key': key } })).json()) as never;

  test('is some members of the data only, in every protocol', limit, async () => {
    await say(world, '/chat/fields/said', [
      { id: '1', data: { n: 1, who: { name: 'A', age: 7 }, tags: [{ t: 1, u: 2 }, 'x'] } },
      { id: '2', data: { m: 2 } },
    ]);
    for (const seen of await everywhere('/chat/fields/said?from=earliest&fields=tags.t,who.name,n', 2)) {
      assert.deepEqual(
        seen.map(({ id, data }) => [id, data]),
        [
          ['1', { n: 1, who: { name: 'A' }, tags: [{ t: 1 }] }],
          ['2', {}],
        ],
      );
    }
  });

  test('is a sample, the same in every protocol and after resuming', limit, async () => {
    const positions = await say(world, '/chat/sample/said', numbered('s-', 200));
    const [first, ...others] = await everywhere('/chat/sample/said?from=earliest&sample=1/4&limit=1000', 20);
    const ids = (first as readonly Seen[]).map(({ id }) => id);
    assert.ok(ids.length >= 30 && ids.length <= 70, `${ids.length} of 200`);
    for (const seen of others) assert.deepEqual(seen.map(({ id }) => id).slice(0, 20), ids.slice(0, 20));
    const place = positions[99] as string;
    const [resumed] = await everywhere(`/chat/sample/said?after=${place}&sample=0.25`, 5);
    assert.deepEqual(
      (resumed as readonly Seen[]).slice(0, 5).map(({ id }) => id),
      ids.filter((id) => Number(id.slice(2)) > 100).slice(0, 5),
    );
  });

  test('goes together with a filter and comes live', limit, async () => {
    const url = `${world.gateway}/chat/live/said?filter=data.n%20%3E%201&fields=n`;
    const clients = await Promise.all([openSse(url, { key }), openWebSocket(url.replace('http', 'ws'), { key })]);
    await say(
      world,
      '/chat/live/said',
      [1, 2, 3].map((n) => ({ id: `${n}`, data: { n, secret: 'x' } })),
    );
    for (const client of clients) {
      await client.atLeast(2);
      assert.deepEqual(
        client.received.map(({ data }) => data),
        [{ n: 2 }, { n: 3 }],
      );
      client.close();
    }
  });

  test('is the newest of each key within an interval, and everything once that is over', limit, async () => {
    const url = `${world.gateway}/chat/ticker/said?conflate=200ms&by=data.symbol&fields=symbol,n`;
    const clients = await Promise.all([openSse(url, { key }), openWebSocket(url.replace('http', 'ws'), { key })]);
    const tick = (n: number, symbol: string) => ({ id: `${n}`, data: { symbol, n, more: 'x' } });
    await say(world, '/chat/ticker/said', [tick(1, 'A')]);
    for (const client of clients) await client.atLeast(1);
    // Of what comes in one batch some is passed over, however slowly the batches follow each other.
    for (let n = 2; n < 12; n += 5)
      await say(
        world,
        '/chat/ticker/said',
        [0, 1, 2, 3, 4].map((more) => tick(n + more, (n + more) % 2 === 0 ? 'A' : 'B')),
      );
    for (const client of clients) {
      await client.until(() => client.received.at(-1)?.id === '11');
      const ids = client.received.map(({ id }) => id);
      assert.deepEqual(ids.slice(-2), ['10', '11'], 'the newest of both');
      assert.ok(ids.length < 11, `${ids.length} of 11`);
      assert.deepEqual(client.received.at(-1)?.['data'], { symbol: 'B', n: 11 });
      client.close();
    }
    const [, , , page] = await everywhere('/chat/ticker/said?from=earliest&conflate=1s&by=data.symbol', 2);
    assert.deepEqual(
      (page as readonly Seen[]).map(({ id }) => id),
      ['10', '11'],
    );
    const { ok, overcharges, compared } = (await world.client().get(['usage', 'verify'])) as Record<string, unknown>;
    assert.deepEqual([ok, overcharges, Number(compared) > 0], [true, [], true]);
  });

  test('is what changed since the last event of the key, whole after a cut', limit, async () => {
    const target = '/chat/stock/said?delta=patch&by=data.symbol&fields=symbol,n,same';
    const url = `${world.gateway}${target}`;
    const tick = (n: number) => ({ id: `${n}`, data: { symbol: n % 2 === 0 ? 'A' : 'B', n, same: 'x'.repeat(200), more: n } });
    const clients = await Promise.all([openSse(url, { key }), openWebSocket(url.replace('http', 'ws'), { key })]);
    for (let n = 1; n <= 6; n += 1) await say(world, '/chat/stock/said', [tick(n)]);
    for (const client of clients) {
      await client.atLeast(6);
      assert.deepEqual(
        client.received.map(({ base }) => base !== undefined),
        [false, false, true, true, true, true],
      );
      assert.deepEqual(
        applied(client.received),
        [1, 2, 3, 4, 5, 6].map((n) => ({ symbol: n % 2 === 0 ? 'A' : 'B', n, same: 'x'.repeat(200) })),
      );
      client.close();
    }
    const after = clients[0].received[3]?.position as string;
    const back = await Promise.all([openSse(url, { key, after }), openWebSocket(`${url.replace('http', 'ws')}&after=${after}`, { key })]);
    for (const client of back) await client.atLeast(2);
    for (const n of [7, 8, 9, 10]) await say(world, '/chat/stock/said', [tick(n)]);
    for (const client of back) {
      await client.atLeast(6);
      assert.deepEqual(
        client.received.map(({ id, base }) => `${id}${base === undefined ? '' : ' changed'}`),
        ['5', '6', '7', '8', '9 changed', '10 changed'],
      );
      assert.deepEqual(
        (applied(client.received) as { n: number }[]).map(({ n }) => n),
        [5, 6, 7, 8, 9, 10],
      );
      client.close();
    }
    const [, , , page] = await everywhere(`${target}&from=earliest`, 10);
    assert.deepEqual(
      (applied(page as unknown as readonly Received[]) as { n: number }[]).map(({ n }) => n),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
  });

  test('is not more for the same money when it is read again in smaller pieces', limit, async () => {
    await say(
      world,
      '/chat/again/said',
      Array.from({ length: 30 }, (_, n) => ({ id: `${n}`, subject: `s${n % 2}`, data: { n } })),
    );
    const headers = { 'x-api-key': key };
    const ids = async (target: string): Promise<readonly string[]> => {
      const all: string[] = [];
      for (let next = target; ;) {
        const page = await fetch(`${world.gateway}${next}`, { headers });
        const events = (await page.json()) as readonly Seen[];
        if (events.length === 0) return all;
        all.push(...events.map(({ id }) => id));
        next = /^<([^>]+)>/.exec(page.headers.get('link') ?? '')?.[1] ?? '';
      }
    };
    assert.deepEqual(await ids('/chat/again/said?from=earliest&conflate=1h&limit=1000'), ['28', '29']);
    assert.deepEqual(await ids('/chat/again/said?from=earliest&conflate=1h&limit=1'), ['28', '29']);
    assert.deepEqual(await ids('/chat/again/said?from=earliest&conflate=1h&limit=1&delta=patch&fields=n'), ['28', '29']);
  });

  test('is what a limit counts, and no more', limit, async () => {
    await say(
      world,
      '/chat/limited/said',
      Array.from({ length: 40 }, (_, n) => ({ id: `${n}`, subject: `s${n % 2}`, data: { n } })),
    );
    const headers = { 'x-api-key': keyOf('tiny') };
    const page = await fetch(`${world.gateway}/chat/limited/said?from=earliest&conflate=1s`, { headers });
    assert.equal(((await page.json()) as unknown[]).length, 2);
    assert.match(page.headers.get('ratelimit') ?? '', /r=1\b/);
    const stream = await openSse(`${world.gateway}/chat/limited/said?from=earliest&conflate=1s`, { key: keyOf('tiny') });
    await stream.until(() => stream.received.length === 1 && stream.said.length > 0);
    assert.deepEqual(
      stream.received.map(({ id }) => id),
      ['38'],
    );
    stream.close();
  });

  test('stays the same for a durable reader', limit, async () => {
    const read = (query: string) =>
      fetch(`${world.gateway}/chat/named/said?reader=r&from=earliest${query}`, { headers: { 'x-api-key': key } });
    assert.equal((await read('&fields=a,b&sample=1/2')).status, 200);
    assert.equal((await read('&sample=0.5&fields=b,a')).status, 200);
    for (const other of ['', '&fields=a&sample=0.5', '&fields=a,b', '&fields=a,b&sample=0.5&filter=true']) {
      const response = await read(other);
      assert.equal(response.status, 409, other);
      assert.match(((await response.json()) as { detail: string }).detail, /sample=0\.5&fields=a%2Cb/);
    }
  });

  test('is refused with what may be asked for', limit, async () => {
    for (const [query, sentence] of [
      ['fields=', /^fields .*a name is missing/],
      ['fields=a..b', /^fields .*a name is missing/],
      [`fields=${'a'.repeat(1025)}`, /^\?fields= has 1025 characters; at most 1024/],
      ['sample=0', /^sample takes .* as 0\.1 or 1\/10/],
      ['sample=1.5', /^sample takes/],
      ['conflate=1', /^conflate takes an interval from 50ms to 1h/],
      ['conflate=1s&by=name', /^by takes subject, type/],
      ['delta=diff', /^delta takes the word patch/],
      ['delta=', /^delta takes the word patch/],
      ['by=subject', /^by says what to conflate or compare by/],
    ] as const) {
      const { status, code, detail } = await refusal(query);
      assert.deepEqual([status, code], [400, 'BAD_REQUEST'], query);
      assert.match(detail, sentence);
    }
  });
});

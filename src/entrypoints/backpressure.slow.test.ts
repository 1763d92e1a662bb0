import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertNoConnections, keyOf, noise, openChat, say, type ChatUser } from '../testing/chat-world.ts';
import { readingBySse } from '../testing/reading-by-sse.ts';
import { readingBySseHttp2 } from '../testing/reading-by-sse-http2.ts';
import { readingByDeflatedWebSocket, readingBySluiceWebSocket, readingByWebSocket } from '../testing/reading-by-websocket.ts';
import type { Reading, Told } from '../testing/reading-client.ts';
import { eventsOf } from '../testing/reading-world.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';

const limit = { timeout: 300_000 };

const count = 1500;
const keys = 10;
/** As much as makes the events of all keys fit into what may wait, where only the newest of each are kept. */
const padding = noise(16_000);
/** Stalled clients at once; were what they do not read kept for each, it would be a gigabyte. */
const stalled = 40;
/** Of those, so many read on to see what they get. */
const resuming = 3;
/** Growth of the process allowed meanwhile, in bytes: sockets, shared frames and garbage that waits to be collected. */
const maxGrowth = 250 * 1024 * 1024;

interface Seen {
  /** Numbers of the events, in order. */
  readonly numbers: readonly number[];
  readonly gaps: readonly Extract<Told, { kind: 'gap' }>[];
}

function numberOf(told: Extract<Told, { kind: 'event' }>): number {
  return (told.data as { n: number }).n;
}

/** Everything up to the last event published. */
async function readToTheEnd(reading: Reading): Promise<Seen> {
  const numbers: number[] = [];
  const gaps: Extract<Told, { kind: 'gap' }>[] = [];
  while (numbers.at(-1) !== count) {
    const told = await reading.next();
    if (told.kind === 'gap') gaps.push(told);
    else if (told.kind === 'event') numbers.push(numberOf(told));
    else assert.fail(`told ${JSON.stringify(told)}`);
  }
  return { numbers, gaps };
}

function missed({ gaps }: Seen): number {
  return gaps.reduce((sum, { events }) => sum + events, 0);
}

const modes: Partial<Record<ChatUser, (seen: Seen) => void>> = {
  patient: ({ numbers, gaps }) => {
    assert.deepEqual(gaps, []);
    assert.deepEqual(
      numbers,
      Array.from({ length: count }, (_, index) => index + 1),
    );
  },
  forgetful: (seen) => {
    assert.ok(missed(seen) > 0, 'nothing was dropped');
    assert.equal(seen.numbers.length + missed(seen), count);
    assert.deepEqual(
      seen.numbers,
      seen.numbers.toSorted((a, b) => a - b),
    );
    assert.ok(seen.gaps.every(({ reason }) => reason === 'dropped'));
  },
  latest: (seen) => {
    assert.ok(missed(seen) > 0, 'nothing was conflated');
    assert.equal(seen.numbers.length + missed(seen), count);
    // The newest of every key is never given up.
    assert.deepEqual(
      seen.numbers.filter((n) => n > count - keys),
      Array.from({ length: keys }, (_, index) => count - keys + 1 + index),
    );
  },
};

const suites = [
  ...[readingBySse, readingBySseHttp2, readingByWebSocket, readingByDeflatedWebSocket, readingBySluiceWebSocket].map((protocol) => ({
    protocol,
    options: {},
  })),
  ...[readingBySse, readingByWebSocket].map((protocol) => ({ protocol, options: { workers: 2 } })),
];

for (const { protocol, options } of suites) {
  describe(`clients of ${protocol.name}${'workers' in options ? ' over two workers' : ''} that stop reading`, () => {
    let world: SluiceFixture;
    const open: Reading[] = [];

    before(async () => {
      world = await openChat(options);
    });

    after(async () => {
      for (const reading of open) reading.close();
      await assertNoConnections(world);
      await world.stop();
    });

    const join = async (room: string, as: ChatUser): Promise<Reading> => {
      const reading = protocol.read({ gateway: world.gateway, path: room, key: keyOf(as) });
      open.push(reading);
      await reading.ready;
      return reading;
    };

    /** Publishes everything while a neighbour reads along; resolves to the neighbour's delays in milliseconds, the longest first. */
    const publishBeside = async (room: string): Promise<readonly number[]> => {
      const neighbour = await join(room, 'open');
      const delays: number[] = [];
      for (let n = 1; n <= count; n += 5) {
        const events = Array.from({ length: 5 }, (_, index) => ({
          id: `${n + index}`,
          subject: `key-${(n + index) % keys}`,
          data: { n: n + index, padding },
        }));
        const began = performance.now();
        await say(world, room, events);
        assert.equal((await eventsOf(neighbour, 5)).length, 5);
        delays.push(performance.now() - began);
      }
      neighbour.close();
      return delays.toSorted((a, b) => b - a);
    };

    for (const [user, check] of Object.entries(modes) as [ChatUser, (seen: Seen) => void][]) {
      test(`under the plan ${user} cost bounded memory and their neighbour nothing, and are told what they missed`, limit, async () => {
        const room = `/chat/${user}-${protocol.name.replaceAll(/\W/g, '-')}/said`;
        const readings = await Promise.all(Array.from({ length: stalled }, () => join(room, user)));
        for (const reading of readings) reading.stall();
        const before = process.memoryUsage.rss();
        const [longest = 0, , third = 0] = await publishBeside(room);
        const growth = process.memoryUsage.rss() - before;
        assert.ok(growth < maxGrowth, `the process grew by ${growth >> 20} MiB`);
        // The machine may stand still for seconds once, and for long nobody waits.
        assert.ok(third < 2000 && longest < 30_000, `the neighbour waited ${longest} ms`);
        for (const reading of readings.slice(resuming)) reading.close();
        for (const reading of readings.slice(0, resuming)) {
          reading.unstall();
          check(await readToTheEnd(reading));
          reading.close();
        }
      });
    }

    test('under the plan strict are disconnected and told so', limit, async () => {
      const room = `/chat/strict-${protocol.name.replaceAll(/\W/g, '-')}/said`;
      await assertNoConnections(world);
      const reading = await join(room, 'strict');
      reading.stall();
      for (let n = 1; (await world.connections()) > 0; n += 1) {
        assert.ok(n < count, 'it was never disconnected');
        await say(world, room, [{ id: `${n}`, data: { n, padding } }]);
      }
      reading.unstall();
      let told = await reading.next();
      while (told.kind === 'event') told = await reading.next();
      assert.equal(told.kind, 'end');
      const { code, retryAfter } = told;
      assert.deepEqual([code, (retryAfter ?? 0) > 0], ['TOO_SLOW', true]);
    });
  });
}

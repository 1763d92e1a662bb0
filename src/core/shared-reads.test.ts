import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { Event } from './event.ts';
import { LogSlice } from './log-slice.ts';
import type { Position } from './position.ts';
import { SharedReads } from './shared-reads.ts';

const at = (place: number): Position => `p-${place}` as Position;

function eventAt(place: number): Event {
  const draft = { id: `${place}`, source: '/t', type: 't', extensions: {}, data: undefined, dataKind: 'json' as const };
  return new Event(draft, 'a', at(place), 0);
}

/** A log of 1,000 events read in slices of 100. */
function log(): { readonly reads: SharedReads; readonly asked: Position[] } {
  const asked: Position[] = [];
  const reads = new SharedReads(async (after) => {
    asked.push(after);
    await new Promise((resolve) => setImmediate(resolve));
    const from = Number(after.slice(2));
    const events = Array.from({ length: Math.min(100, 1000 - from) }, (_, index) => eventAt(from + index + 1));
    return { events, position: at(Math.min(1000, from + 100)) };
  });
  return { reads, asked };
}

async function follow(reads: SharedReads, from: number): Promise<number[]> {
  const seen: number[] = [];
  let after = at(from);
  reads.enter();
  while (after !== at(1000)) {
    const { events, position } = await reads.next(after);
    seen.push(...events.map(({ id }) => Number(id)));
    after = position;
  }
  reads.exit();
  return seen;
}

describe('shared reads', () => {
  test('many readers at one place read the log once', async () => {
    const { reads, asked } = log();
    const all = await Promise.all(Array.from({ length: 200 }, () => follow(reads, 0)));
    for (const seen of all)
      assert.deepEqual(
        seen,
        Array.from({ length: 1000 }, (_, index) => index + 1),
      );
    assert.equal(asked.length, 10);
  });

  test('where nothing follows, many readers at one place find that out with one read', async () => {
    let asked = 0;
    const reads = new SharedReads(async () => {
      asked += 1;
      await new Promise((resolve) => setImmediate(resolve));
      return { events: [], position: at(7) };
    });
    const reached = await Promise.all(
      Array.from({ length: 200 }, async () => {
        reads.enter();
        const { position } = await reads.next(at(3));
        reads.exit();
        return position;
      }),
    );
    assert.deepEqual(new Set(reached), new Set([at(7)]));
    assert.equal(asked, 1);
  });

  test('readers at different places meet and go on together', async () => {
    const { reads, asked } = log();
    const starts = Array.from({ length: 90 }, (_, index) => index);
    const all = await Promise.all(
      starts.map(async (start) => {
        await new Promise((resolve) => setTimeout(resolve, start === 0 ? 0 : 1));
        return follow(reads, start);
      }),
    );
    for (const [start, seen] of all.entries())
      assert.deepEqual(
        seen,
        Array.from({ length: 1000 - start }, (_, index) => start + index + 1),
      );
    assert.ok(asked.length < 300, `${asked.length} reads, where each for itself would be 900`);
  });

  test('readers that drift apart still share what the first of them read', async () => {
    const { reads, asked } = log();
    reads.enter();
    const fast = follow(reads, 0);
    let after = at(0);
    await fast;
    while (after !== at(1000)) after = (await reads.next(after)).position;
    reads.exit();
    assert.equal(asked.length, 10);
    reads.close();
  });

  test('readers that come back one after another share what the first ones read, from near places too', async (context) => {
    // However long it takes, it is no while.
    context.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
    const { reads, asked } = log();
    for (let turn = 0; turn < 10_000; turn += 1) {
      const from = 990 - (turn % 5);
      const seen = await follow(reads, from);
      assert.equal(seen.length, 1000 - from);
      assert.equal(seen[0], from + 1);
    }
    assert.ok(asked.length <= 7, `${asked.length} reads`);
    reads.close();
  });

  test('a reader that comes back alone, or a while later, finds nothing kept', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const { reads, asked } = log();
      for (let turn = 1; turn <= 3; turn += 1) {
        await follow(reads, 990);
        await follow(reads, 990);
        await follow(reads, 990);
        assert.equal(asked.length, 2 * turn, 'the second keeps what the third finds');
        mock.timers.tick(250);
      }
    } finally {
      mock.timers.reset();
    }
  });

  test('long slices do not outlive those who read them', async () => {
    const asked: Position[] = [];
    const draft = { id: 'x', source: '/t', type: 't', extensions: {}, data: new Uint8Array(70_000), dataKind: 'json' as const };
    const reads = new SharedReads(async (after) => {
      asked.push(after);
      return { events: [new Event(draft, 'a', at(1000), 0)], position: at(1000) };
    });
    for (let turn = 0; turn < 5; turn += 1) await follow(reads, 999);
    assert.equal(asked.length, 5);
    reads.close();
  });

  test('what nobody has used for a while is not kept for those who never come for it', async (context) => {
    context.mock.timers.enable({ apis: ['setInterval'] });
    const { reads, asked } = log();
    for (let stuck = 0; stuck < 2; stuck += 1) reads.enter();
    await follow(reads, 0);
    context.mock.timers.tick(5000);
    await follow(reads, 900);
    assert.equal(asked.length, 10, 'all of it was used a moment ago');
    context.mock.timers.tick(5000);
    await follow(reads, 900);
    assert.equal(asked.length, 10, 'the last of it was used a moment ago');
    await reads.next(at(0));
    assert.equal(asked.length, 11);
    reads.close();
  });

  test('what came in live is not read back by those who waited for it, and is forgotten when the next comes', async () => {
    const { reads, asked } = log();
    const live = (place: number): LogSlice => new LogSlice(at(place), { events: [eventAt(place + 1)], position: at(place + 1) });
    reads.offer(live(7));
    const [one, two] = await Promise.all([reads.next(at(7)), reads.next(at(7))]);
    assert.deepEqual([one.events[0]?.id, two], ['8', one]);
    reads.offer(live(8));
    assert.equal((await reads.next(at(8))).position, at(9));
    assert.deepEqual(asked, []);
    await reads.next(at(7));
    assert.deepEqual(asked, [at(7)]);
    reads.close();
  });

  test('frames are joined once for each format in a row', async () => {
    const { reads } = log();
    let encoded = 0;
    const format = { name: 'count', encode: () => Buffer.from(`${(encoded += 1)}`), encodeGap: () => Buffer.alloc(0) };
    reads.enter();
    reads.enter();
    const [one, two] = [await reads.next(at(0)), await reads.next(at(0))];
    assert.equal(one, two);
    assert.equal(one.frames(format), two.frames(format));
    assert.equal((await reads.next(at(50))).frames(format), (await reads.next(at(50))).frames(format));
    assert.equal(encoded, 100);
    reads.close();
  });

  test('a read that fails fails for those who wait for it, and is tried again by the next', async () => {
    let fails = true;
    const reads = new SharedReads(async (after) => {
      if (fails) throw new Error('no disk');
      return { events: [eventAt(1)], position: after };
    });
    reads.enter();
    await assert.rejects(async () => reads.next(at(0)), /no disk/);
    fails = false;
    assert.equal((await reads.next(at(0))).events.length, 1);
    reads.exit();
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Event } from './event.ts';
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

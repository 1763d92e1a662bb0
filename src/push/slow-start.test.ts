import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualTime } from '../testing/manual-time.ts';
import { SlowStart } from './slow-start.ts';

/** How many go out in each of the next seconds to a sender that always has more. */
function perSecond(slowStart: SlowStart, time: ManualTime, seconds: number): readonly number[] {
  const counts: number[] = [];
  for (let index = 0; index < seconds; index += 1) {
    const end = time.now() + 1_000;
    let count = 0;
    while (time.now() < end) {
      const wait = slowStart.take();
      if (wait === 0) count += 1;
      time.advance(Math.min(wait === 0 && !slowStart.isActive ? 1_000 : wait, end - time.now()));
    }
    counts.push(count);
  }
  return counts;
}

describe('slow start', () => {
  it('holds nothing back before it begins', () => {
    const slowStart = new SlowStart(new ManualTime());
    assert.equal(slowStart.isActive, false);
    for (let index = 0; index < 1_000; index += 1) assert.equal(slowStart.take(), 0);
  });

  const table: readonly (readonly [ceiling: number | undefined, counts: readonly number[]])[] = [
    [undefined, [1, 2, 4, 8, 16, 32, 64, 128]],
    [100, [1, 2, 4, 8, 16, 32, 64]],
    [5, [1, 2, 4]],
    [2, [1]],
    [0.5, []],
  ];
  for (const [ceiling, counts] of table) {
    it(`lets ${counts.join(', ') || 'all'} through per second up to ${ceiling ?? 'the default'}`, () => {
      const time = new ManualTime();
      const slowStart = new SlowStart(time, ceiling);
      slowStart.begin();
      assert.deepEqual(perSecond(slowStart, time, counts.length), counts);
      assert.equal(slowStart.isActive, false);
      assert.deepEqual([slowStart.take(), slowStart.take()], [0, 0]);
    });
  }

  it('spreads what it lets through over the second', () => {
    const time = new ManualTime();
    const slowStart = new SlowStart(time);
    slowStart.begin();
    time.advance(2_000);
    assert.deepEqual([slowStart.take(), slowStart.take()], [0, 249]);
    time.advance(249);
    assert.deepEqual([slowStart.take(), slowStart.take()], [0, 250]);
  });

  it('saves nothing up while nothing is to be sent', () => {
    const time = new ManualTime();
    const slowStart = new SlowStart(time);
    slowStart.begin();
    time.advance(3_900);
    assert.equal(slowStart.take(), 0);
    assert.equal(slowStart.take(), 124);
  });

  it('begins again from one a second', () => {
    const time = new ManualTime();
    const slowStart = new SlowStart(time);
    slowStart.begin();
    perSecond(slowStart, time, 4);
    slowStart.begin();
    assert.deepEqual(perSecond(slowStart, time, 3), [1, 2, 4]);
  });

  it('does not wait for a clock that was set back', () => {
    const time = new ManualTime();
    const slowStart = new SlowStart(time);
    slowStart.begin();
    slowStart.take();
    time.advance(-86_400_000);
    assert.ok(slowStart.isActive);
    assert.deepEqual(perSecond(slowStart, time, 3), [1, 2, 4]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ManualTime } from '../testing/manual-time.ts';
import { RateLimit } from './rate-limit.ts';

/** How many go out at once. */
function drain(limit: RateLimit): number {
  let taken = 0;
  while (limit.take() === 0) taken += 1;
  return taken;
}

describe('the rate limit of an endpoint', () => {
  const table: readonly (readonly [perSecond: number, burst: number | undefined, atOnce: number, wait: number])[] = [
    [1, undefined, 1, 1_000],
    [10, undefined, 10, 100],
    [10, 1, 1, 100],
    [10, 25, 25, 100],
    [3, 1, 1, 334],
    [0.5, undefined, 1, 2_000],
    [1 / 60, undefined, 1, 60_000],
    [5_000, 1, 1, 1],
    [10, 0, 1, 100],
  ];
  for (const [perSecond, burst, atOnce, wait] of table) {
    it(`of ${perSecond.toFixed(2)} per second${burst === undefined ? '' : `, burst ${burst}`}: ${atOnce} at once, then one in ${wait} ms`, () => {
      const time = new ManualTime();
      const limit = new RateLimit(time, perSecond, burst);
      assert.equal(limit.wait, 0);
      assert.equal(drain(limit), atOnce);
      assert.equal(limit.wait, wait);
      if (wait > 1) {
        time.advance(wait - 1);
        assert.equal(limit.take(), 1);
        time.advance(1);
      } else time.advance(wait);
      assert.equal(limit.take(), 0);
    });
  }

  it('saves up no more than the burst', () => {
    const time = new ManualTime();
    const limit = new RateLimit(time, 10);
    drain(limit);
    time.advance(86_400_000);
    assert.equal(drain(limit), 10);
  });

  it('neither gives nor loses when the clock is set back', () => {
    const time = new ManualTime();
    const limit = new RateLimit(time, 10);
    drain(limit);
    time.advance(-3_600_000);
    assert.equal(limit.wait, 100);
    time.advance(100);
    assert.equal(limit.take(), 0);
  });

  const seed = Date.now() & 0x7fff_ffff;
  it(`never lets more through than the rate and one burst, nor fewer when always asked in time (seed ${seed})`, () => {
    const rate = fc.integer({ min: 1, max: 2_000 });
    fc.assert(
      fc.property(rate, fc.integer({ min: 1, max: 50 }), fc.array(fc.nat(3_000), { maxLength: 40 }), (perSecond, burst, pauses) => {
        const time = new ManualTime();
        const began = time.now();
        const limit = new RateLimit(time, perSecond, burst);
        let taken = drain(limit);
        for (const pause of pauses) {
          time.advance(pause);
          taken += drain(limit);
          const { wait } = limit;
          time.advance(wait);
          assert.equal(limit.wait, 0, 'the wait is what it said');
          assert.ok(taken <= burst + ((time.now() - began) * perSecond) / 1_000 + 0.01);
        }
      }),
      { seed },
    );
  });
});

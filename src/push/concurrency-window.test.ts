import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ConcurrencyWindow } from './concurrency-window.ts';

function grow(window: ConcurrencyWindow, successes: number): number {
  for (let index = 0; index < successes; index += 1) window.grow();
  return window.size;
}

describe('the window of an endpoint', () => {
  const starts: readonly (readonly [ConstructorParameters<typeof ConcurrencyWindow>[0], number])[] = [
    [undefined, 4],
    [{ maxAttempts: 2 }, 2],
    [{ maxAttempts: 1 }, 1],
    [{ maxAttempts: 0 }, 1],
    [{ minAttempts: 8 }, 8],
    [{ startAttempts: 0 }, 1],
    [{ startAttempts: 99 }, 32],
  ];
  for (const [options, size] of starts) {
    it(`starts with ${size} given ${JSON.stringify(options ?? {})}`, () => assert.equal(new ConcurrencyWindow(options).size, size));
  }

  it('grows by one after a whole window of successes', () => {
    const window = new ConcurrencyWindow();
    assert.deepEqual([grow(window, 3), grow(window, 1), grow(window, 4), grow(window, 1)], [4, 5, 5, 6]);
  });

  it('grows to 32', () => assert.equal(grow(new ConcurrencyWindow(), 10_000), 32));

  it('begins to count anew when it is halved', () => {
    const window = new ConcurrencyWindow();
    grow(window, 3);
    window.halve(1, 2);
    assert.deepEqual([window.size, grow(window, 1), grow(window, 1)], [2, 2, 3]);
  });

  it('is halved down to one', () => {
    const window = new ConcurrencyWindow({ startAttempts: 32 });
    const sizes = [1, 2, 3, 4, 5, 6, 7].map((at) => {
      window.halve(at * 10, at * 10 + 5);
      return window.size;
    });
    assert.deepEqual(sizes, [16, 8, 4, 2, 1, 1, 1]);
  });

  it('is halved once by all attempts that were under way together', () => {
    const window = new ConcurrencyWindow({ startAttempts: 32 });
    for (let index = 0; index < 32; index += 1) window.halve(index, 100 + index);
    assert.equal(window.size, 16);
    window.halve(101, 200);
    assert.equal(window.size, 8);
  });

  it('is halved also when the clock was set back', () => {
    const window = new ConcurrencyWindow({ startAttempts: 32 });
    window.halve(1_000_000, 1_000_100);
    window.halve(10, 20);
    assert.equal(window.size, 8);
    window.halve(15, 25);
    assert.equal(window.size, 8);
    window.halve(30, 40);
    assert.equal(window.size, 4);
  });

  const seed = Date.now() & 0x7fff_ffff;
  it(`stays within its bounds whatever happens (seed ${seed})`, () => {
    const step = fc.record({ isGood: fc.boolean(), times: fc.nat(100), startedAt: fc.nat(1_000), took: fc.nat(100) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), fc.integer({ min: 1, max: 8 }), fc.integer({ min: 8, max: 64 }), (steps, min, max) => {
        const window = new ConcurrencyWindow({ minAttempts: min, maxAttempts: max });
        for (const { isGood, times, startedAt, took } of steps) {
          const before = window.size;
          if (isGood) grow(window, times);
          else window.halve(startedAt, startedAt + took);
          assert.ok(Number.isInteger(window.size) && window.size >= min && window.size <= max);
          assert.ok(isGood ? window.size >= before : window.size >= Math.floor(before / 2));
        }
      }),
      { seed },
    );
  });
});

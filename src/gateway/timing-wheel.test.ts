import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';

import fc from 'fast-check';

import { TimingWheel } from './timing-wheel.ts';

class ManualClock {
  time = 1_000_000;
  now(): number {
    return this.time;
  }
}

function setUp(
  test: TestContext,
  options: { tick?: number; slots?: number } = {},
): { clock: ManualClock; wheel: TimingWheel; advance: (to: number) => void } {
  const clock = new ManualClock();
  const wheel = new TimingWheel({ clock, ...options });
  test.after(() => wheel.close());
  const advance = (to: number): void => {
    clock.time = to;
    wheel.turn();
  };
  return { clock, wheel, advance };
}

describe('the timing wheel', () => {
  it('calls back once, not early and at most a tick late', (test) => {
    const { wheel, advance } = setUp(test);
    let calls = 0;
    wheel.schedule(1_000_300, () => calls++);
    advance(1_000_299);
    assert.equal(calls, 0);
    advance(1_000_499);
    assert.equal(calls, 0);
    advance(1_000_500);
    assert.equal(calls, 1);
    advance(2_000_000);
    assert.equal(calls, 1);
  });

  it('calls what is due already on the next tick, never at once', (test) => {
    const { wheel, advance } = setUp(test);
    let calls = 0;
    wheel.schedule(5, () => calls++);
    wheel.turn();
    assert.equal(calls, 0);
    advance(1_000_250);
    assert.equal(calls, 1);
  });

  it('forgets what is cancelled, also from within a callback of the same tick', (test) => {
    const { wheel, advance } = setUp(test);
    const called: string[] = [];
    const second = { handle: wheel.schedule(1_000_750, () => called.push('early')) };
    wheel.schedule(1_000_500, () => {
      called.push('first');
      wheel.cancel(second.handle);
    });
    wheel.cancel(second.handle);
    wheel.cancel(second.handle);
    second.handle = wheel.schedule(1_000_500, () => called.push('second'));
    assert.equal(second.handle.scheduled, true);
    advance(1_000_500);
    assert.deepEqual(called, ['first']);
    assert.equal(second.handle.scheduled, false);
    assert.equal(wheel.size, 0);
  });

  it('lets a callback schedule again', (test) => {
    const { wheel, clock, advance } = setUp(test, { slots: 4 });
    let beats = 0;
    const beat = (): void => {
      beats += 1;
      if (beats < 3) wheel.schedule(clock.now() + 1_000, beat);
    };
    wheel.schedule(clock.now() + 1_000, beat);
    for (let step = 1; step <= 20; step++) advance(1_000_000 + step * 250);
    assert.equal(beats, 3);
  });

  it('keeps what is further away than one turn', (test) => {
    const { wheel, advance } = setUp(test, { tick: 10, slots: 8 });
    let calls = 0;
    wheel.schedule(1_000_000 + 10 * 8 * 3, () => calls++);
    for (let time = 1_000_010; time < 1_000_240; time += 10) advance(time);
    assert.equal(calls, 0);
    advance(1_000_240);
    assert.equal(calls, 1);
  });

  it('misses nothing when the clock leaps ahead, and waits when it goes back', (test) => {
    const { wheel, advance } = setUp(test, { tick: 10, slots: 8 });
    const called: number[] = [];
    for (const after of [10, 75, 85, 400, 5_000]) wheel.schedule(1_000_000 + after, () => called.push(after));
    advance(999_000);
    assert.deepEqual(called, []);
    advance(1_000_100);
    assert.deepEqual(
      called.toSorted((a, b) => a - b),
      [10, 75, 85],
    );
    advance(1_100_000);
    assert.equal(called.length, 5);
  });

  it('goes on with the rest after a callback that throws', (test) => {
    const { wheel, advance } = setUp(test);
    let calls = 0;
    wheel.schedule(1_000_250, () => {
      throw new Error('a bug');
    });
    wheel.schedule(1_000_250, () => calls++);
    assert.throws(() => advance(1_000_250), /a bug/);
    wheel.turn();
    assert.equal(calls, 1);
  });

  it('runs its timer only while something is scheduled, and by itself', async (test) => {
    const wheel = new TimingWheel({ clock: { now: Date.now }, tick: 5 });
    test.after(() => wheel.close());
    assert.equal(wheel.running, false);
    const handle = wheel.schedule(Date.now() + 60_000, () => undefined);
    assert.equal(wheel.running, true);
    wheel.cancel(handle);
    assert.equal(wheel.running, false);
    // The wheel's own timer keeps no process alive, so this one must.
    const alive = setInterval(() => undefined, 1_000);
    await new Promise<void>((resolve) => wheel.schedule(Date.now() + 10, resolve));
    clearInterval(alive);
    assert.equal(wheel.running, false);
    wheel.schedule(Date.now() + 60_000, () => undefined);
    wheel.close();
    assert.deepEqual([wheel.running, wheel.size], [false, 0]);
  });

  it('fires each callback exactly once, whatever is scheduled and cancelled in between', (test) => {
    const seed = Date.now() & 0x7fff_ffff;
    test.diagnostic(`seed ${seed}`);
    const step = fc.oneof(
      fc.record({ op: fc.constant('schedule' as const), after: fc.integer({ min: -50, max: 1_000 }) }),
      fc.record({ op: fc.constant('cancel' as const), pick: fc.nat() }),
      fc.record({ op: fc.constant('advance' as const), by: fc.integer({ min: 0, max: 300 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), (steps, slots) => {
        const clock = new ManualClock();
        const wheel = new TimingWheel({ clock, tick: 10, slots });
        const entries: { at: number; fired: number; cancelled: boolean; handle: ReturnType<TimingWheel['schedule']> }[] = [];
        const advance = (by: number): void => {
          clock.time += by;
          wheel.turn();
          for (const entry of entries) {
            if (entry.cancelled) continue;
            assert.ok(entry.fired <= 1);
            if (entry.fired === 1) assert.ok(entry.at <= clock.time, 'fired early');
            else assert.ok(entry.at > clock.time - 20, `late by ${clock.time - entry.at}`);
          }
        };
        for (const one of steps) {
          if (one.op === 'advance') advance(one.by);
          else if (one.op === 'cancel') {
            const entry = entries[one.pick % Math.max(1, entries.length)];
            if (entry === undefined || entry.fired > 0) continue;
            wheel.cancel(entry.handle);
            entry.cancelled = true;
          } else {
            const entry = { at: clock.time + one.after, fired: 0, cancelled: false, handle: undefined as never };
            entries.push(Object.assign(entry, { handle: wheel.schedule(entry.at, () => (entry.fired += 1)) }));
            entry.at = Math.max(entry.at, clock.time);
          }
        }
        advance(2_000);
        assert.ok(entries.every(({ fired, cancelled }) => fired === (cancelled ? 0 : 1)));
        assert.deepEqual([wheel.size, wheel.running], [0, false]);
      }),
      { seed, numRuns: 500 },
    );
  });
});

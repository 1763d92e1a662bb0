import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualTime } from '../testing/manual-time.ts';
import { EndpointPause } from './endpoint-pause.ts';
import type { PauseSnapshot } from './endpoint-pause.ts';

const day = 86_400_000;

describe('the pause of an endpoint', () => {
  it('is not there at first', () => {
    const pause = new EndpointPause(new ManualTime());
    assert.deepEqual([pause.wait, pause.reason], [0, undefined]);
  });

  it('CE-5: lasts as long as the receiver asked, and ends by itself', () => {
    const time = new ManualTime();
    const pause = new EndpointPause(time);
    pause.askedUntil(time.now() + 5_000);
    assert.deepEqual([pause.wait, pause.reason], [5_000, 'PAUSED_BY_RECEIVER']);
    time.advance(4_999);
    assert.equal(pause.wait, 1);
    time.advance(1);
    assert.deepEqual([pause.wait, pause.reason], [0, undefined]);
  });

  const asked: readonly (readonly [first: number, second: number, wait: number])[] = [
    [60_000, 5_000, 60_000],
    [5_000, 60_000, 60_000],
    [-5_000, 1_000, 1_000],
    [1_000, -5_000, 1_000],
    [3 * day, 0, day],
  ];
  for (const [first, second, wait] of asked) {
    it(`is the longest of ${first} and ${second} ms, up to a day`, () => {
      const time = new ManualTime();
      const pause = new EndpointPause(time);
      pause.askedUntil(time.now() + first);
      pause.askedUntil(time.now() + second);
      assert.equal(pause.wait, wait);
    });
  }

  it('is no longer because the clock was set back', () => {
    const time = new ManualTime();
    const pause = new EndpointPause(time);
    pause.askedUntil(time.now() + 5_000);
    time.advance(-30 * day);
    assert.equal(pause.wait, day);
  });

  it('by a person ends only by a person, also when the receiver asked for one', () => {
    const time = new ManualTime();
    const pause = new EndpointPause(time);
    pause.pause();
    pause.askedUntil(time.now() + 5_000);
    assert.deepEqual([pause.wait, pause.reason], [Infinity, 'PAUSED_BY_OPERATOR']);
    time.advance(30 * day);
    assert.equal(pause.reason, 'PAUSED_BY_OPERATOR');
    pause.askedUntil(time.now() + 5_000);
    pause.resume();
    assert.deepEqual([pause.wait, pause.reason], [0, undefined]);
  });

  it('P5: is the same after a restart', () => {
    const time = new ManualTime();
    const pause = new EndpointPause(time);
    pause.askedUntil(time.now() + 5_000);
    const again = (): EndpointPause => new EndpointPause(time, JSON.parse(JSON.stringify(pause.snapshot())) as PauseSnapshot);
    assert.equal(again().wait, 5_000);
    pause.pause();
    assert.equal(again().reason, 'PAUSED_BY_OPERATOR');
  });
});

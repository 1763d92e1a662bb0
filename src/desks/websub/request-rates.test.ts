import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualTime } from '../../testing/manual-time.ts';
import { RequestRates } from './request-rates.ts';

describe('requests under a push subscription', () => {
  test('are 200 at once and 20 a second, each subscription by itself', () => {
    const time = new ManualTime();
    const rates = new RequestRates(time);
    for (let n = 0; n < 200; n += 1) assert.equal(rates.take('a'), 0);
    assert.deepEqual([rates.take('a'), rates.take('b')], [50, 0]);
    time.advance(50);
    assert.deepEqual([rates.take('a'), rates.take('a')], [0, 50]);
  });

  test('are remembered as long as they count, and no longer', () => {
    const time = new ManualTime();
    const rates = new RequestRates(time);
    for (let n = 0; n < 201; n += 1) rates.take('busy');
    for (let n = 0; n < 100; n += 1) rates.take(`gone ${n}`);
    assert.equal(rates.size, 101);
    time.advance(1000);
    rates.take('busy');
    // The others have all their tokens again.
    assert.equal(rates.size, 1);
    time.advance(10_000);
    rates.take('another');
    assert.equal(rates.size, 1);
  });

  test('are forgotten of who was quiet for longest, when there are too many subscriptions', () => {
    const time = new ManualTime();
    const rates = new RequestRates(time, 2);
    for (const name of ['a', 'b', 'c']) for (let n = 0; n < 201; n += 1) rates.take(name);
    assert.equal(rates.size, 2);
    assert.deepEqual([rates.take('b'), rates.take('a')], [50, 0]);
  });
});

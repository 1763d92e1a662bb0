import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Resource } from '../../store/resources.ts';
import { ManualTime } from '../../testing/manual-time.ts';
import { EndpointHealth } from '../endpoint-health.ts';
import { HeldWatch } from './held-watch.ts';

const minute = 60_000;

describe('The watch for endpoints that are held back for long', () => {
  function worldOf() {
    const time = new ManualTime();
    const health = new EndpointHealth(time, undefined);
    const told: number[] = [];
    const watch = new HeldWatch({
      endpoints: () => [{ id: 'ep_1' } as Resource<'endpoint'>],
      healthOf: (id) => (id === 'ep_1' ? health : undefined),
      clock: time,
      schedule: time.schedule,
      onHeld: (_, since) => told.push(since),
    });
    const fail = (): void => {
      for (let n = 0; n < 5; n += 1) health.breaker.record('send', 'unreached');
      health.failing.failed('e1');
    };
    return { time, health, told, watch, fail };
  }

  it('tells of one once it has failed for ten minutes, and once only', () => {
    const { time, told, fail } = worldOf();
    const since = time.now();
    fail();
    time.advance(9 * minute);
    assert.deepEqual(told, []);
    time.advance(30 * minute);
    assert.deepEqual(told, [since]);
  });

  it('tells of it again when it has worked in between', () => {
    const { time, health, told, fail } = worldOf();
    fail();
    time.advance(20 * minute);
    health.breaker.reset();
    health.failing.succeeded();
    time.advance(minute);
    const again = time.now();
    fail();
    time.advance(20 * minute);
    assert.deepEqual(told.slice(1), [again]);
  });

  it('says nothing of one that was stopped, which has a notice of its own, nor when it is closed', () => {
    const { time, health, told, watch, fail } = worldOf();
    fail();
    health.failing.stop('GONE');
    time.advance(20 * minute);
    assert.deepEqual(told, []);
    watch.close();
    assert.equal(time.pending, 0);
  });
});

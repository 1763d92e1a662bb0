import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';

import fc from 'fast-check';

import type { ConnectionContext, Stages, SubscriptionContext } from '../../core/policy.ts';
import { WindowBook } from '../../metering/window-book.ts';
import { duration } from './duration.ts';
import type { DurationOptions } from './duration.ts';

const subscription: SubscriptionContext = {
  tenant: 'default',
  id: 's1',
  application: 'a',
  api: 'x',
  plan: 'p',
  as: 'client',
  allow: { publish: ['*'], read: ['*'] },
};
const noon = Date.UTC(2026, 4, 14, 12, 0, 0);

class World {
  readonly clock = { time: noon, now: (): number => this.clock.time };
  readonly counters = new WindowBook(this.clock);

  stages(options: readonly DurationOptions[]): Stages {
    return duration.prepare(options, this)(subscription);
  }

  connection(stream = true): ConnectionContext {
    return { protocol: 'sse', subscription, stream, connectedAt: this.clock.time };
  }
}

describe('a duration per connection', () => {
  it('ends each connection after its time, with what, how much and when to come back', () => {
    const world = new World();
    const stages = world.stages([{ limit: 3_600_000, per: 'connection' }]);
    const end = stages.expiry?.(world.connection());
    assert.equal(stages.expiryMoves, false, 'nothing moves the end of a connection of its own');
    assert.equal(end?.at, noon + 3_600_000);
    assert.equal(end.error.code, 'DURATION_OVER');
    assert.equal(end.error.message, 'A connection may stay open for 1 hour; connect again to go on.');
    assert.equal(end.error.retryAfter, 1_000);
    assert.equal(stages.onConnect, undefined);
    assert.equal(stages.expiry?.(world.connection(false)), undefined);
  });
});

describe('a duration until a date', () => {
  for (const until of ['2026-05-15T00:00:00Z', '2026-05-15']) {
    it(`ends what is open at ${until} and refuses everything after it`, () => {
      const world = new World();
      const stages = world.stages([{ until }]);
      assert.equal(stages.onConnect?.(world.connection(false)), undefined);
      const end = stages.expiry?.(world.connection(false));
      assert.equal(end?.at, Date.UTC(2026, 4, 15));
      assert.equal(end.error.code, 'DURATION_OVER');
      world.clock.time = end.at;
      const refusal = stages.onConnect?.(world.connection(false));
      assert.equal(refusal?.code, 'SUBSCRIPTION_INACTIVE');
      assert.equal(refusal?.message, 'Access under this plan ended at 2026-05-15T00:00:00.000Z; ask for another plan.');
    });
  }

  it('must be a date', () => assert.throws(() => new World().stages([{ until: 'someday' }]), TypeError));
});

describe('a duration per window', () => {
  const perDay: readonly DurationOptions[] = [{ limit: 60_000, per: 'day' }];

  it('is used up by all connections together', () => {
    const world = new World();
    const stages = world.stages(perDay);
    assert.equal(stages.expiryMoves, true);
    const first = world.connection();
    stages.onConnect?.(first);
    assert.equal(stages.expiry?.(first)?.at, noon + 60_000);
    world.clock.time += 20_000;
    const second = world.connection();
    stages.onConnect?.(second);
    assert.equal(stages.expiry?.(first)?.at, noon + 40_000, 'two connections use twice the time');
    world.clock.time += 10_000;
    stages.onDisconnect?.(second);
    assert.deepEqual(stages.status?.(), [
      { limit: 'duration', counts: 'seconds', quota: 60, remaining: 20, window: 86_400, resetsIn: 12 * 3_600_000 - 30_000 },
    ]);
    const end = stages.expiry?.(first);
    assert.equal(end?.at, noon + 50_000);
    world.clock.time = end.at;
    assert.equal(stages.expiry?.(first)?.at, end.at, 'and has come then');
    stages.onDisconnect?.(first);
    const refusal = stages.onConnect?.(world.connection());
    assert.equal(refusal?.code, 'DURATION_OVER');
    assert.equal(refusal?.retryAfter, 12 * 3_600_000 - 50_000);
    assert.equal(refusal?.message, 'The connected time of 1 minute per day is used up; it starts anew at 2026-05-15T00:00:00.000Z.');
  });

  it('starts anew with the window, also for connections that stay open', () => {
    const world = new World();
    const stages = world.stages([{ limit: 90_000, per: 'minute' }]);
    const [first, second] = [world.connection(), world.connection()];
    stages.onConnect?.(first);
    stages.onConnect?.(second);
    assert.equal(stages.expiry?.(first)?.at, noon + 45_000);
    stages.onDisconnect?.(second);
    assert.equal(stages.expiry?.(first), undefined, 'one connection alone never uses it up');
    world.clock.time += 60_000 * 5 + 10_000;
    assert.equal(stages.status?.()[0]?.remaining, 80, 'only the part in this window counts');
  });

  it('knows an end that lies in the next window', () => {
    const world = new World();
    const stages = world.stages([{ limit: 50_000, per: 'minute' }]);
    world.clock.time += 30_000;
    const open = world.connection();
    stages.onConnect?.(open);
    const end = stages.expiry?.(open);
    assert.equal(end?.at, noon + 60_000 + 50_000);
    assert.equal(end.error.retryAfter, 10_000);
  });

  it('does not touch single requests', () => {
    const world = new World();
    const stages = world.stages([{ limit: 1, per: 'day' }]);
    const open = world.connection();
    stages.onConnect?.(open);
    world.clock.time += 10;
    assert.equal(stages.onConnect?.(world.connection(false)), undefined);
    assert.equal(stages.expiry?.(world.connection(false)), undefined);
    assert.equal(stages.onConnect?.(world.connection())?.code, 'DURATION_OVER');
  });

  it('goes on when the plan changes', () => {
    const world = new World();
    const old = world.stages(perDay);
    const open = world.connection();
    old.onConnect?.(open);
    world.clock.time += 45_000;
    old.onDisconnect?.(open);
    const fresh = world.stages(perDay);
    fresh.onConnect?.(open);
    assert.equal(fresh.expiry?.(open)?.at, noon + 60_000);
  });

  it('takes the earliest end of several rules, and charges one window once', () => {
    const world = new World();
    const stages = world.stages([
      ...perDay,
      { limit: 30_000, per: 'day' },
      { limit: 90_000, per: 'connection' },
      { until: '2026-05-14T12:00:20Z' },
    ]);
    const open = world.connection();
    assert.equal(stages.onConnect?.(open), undefined);
    assert.equal(stages.expiry?.(open)?.at, noon + 20_000);
    world.clock.time += 10_000;
    assert.deepEqual(
      stages.status?.().map(({ remaining }) => remaining),
      [20],
    );
  });

  it('counts every millisecond of every connection once, for any order of events', (test: TestContext) => {
    const seed = Date.now() & 0x7fff_ffff;
    test.diagnostic(`seed ${seed}`);
    const step = fc.record({ op: fc.constantFrom('open', 'close', 'ask'), pick: fc.nat(), wait: fc.integer({ min: 0, max: 40_000 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const world = new World();
        const stages = world.stages([{ limit: 100_000_000, per: 'minute' }]);
        const open: ConnectionContext[] = [];
        let expected = 0;
        for (const { op, pick, wait } of steps) {
          const from = world.clock.time;
          world.clock.time += wait;
          const minute = Math.floor(world.clock.time / 60_000) * 60_000;
          expected = (minute > from ? 0 : expected) + open.length * (world.clock.time - Math.max(from, minute));
          if (op === 'open') {
            const connection = world.connection();
            if (stages.onConnect?.(connection) === undefined) open.push(connection);
          } else if (op === 'close' && open.length > 0) {
            const [gone] = open.splice(pick % open.length, 1);
            if (gone !== undefined) stages.onDisconnect?.(gone);
          }
          stages.status?.();
          assert.equal(world.counters.window('s1:duration', 'minute').used(), expected);
        }
      }),
      { seed, numRuns: 300 },
    );
  });
});

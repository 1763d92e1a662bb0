import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';

import fc from 'fast-check';

import type { EventDraft } from '../../core/event.ts';
import type { ConnectionContext, LimitAnswer, Stages, SubscriptionContext, WindowUnit } from '../../core/policy.ts';
import { WindowBook } from '../../metering/window-book.ts';
import { eventCount } from './event-count.ts';
import type { EventLimitOptions } from './event-limit.ts';

const subscription: SubscriptionContext = {
  tenant: 'default',
  id: 's1',
  application: 'a',
  api: 'x',
  plan: 'p',
  as: 'client',
  allow: { publish: ['*'], read: ['*'] },
};
const connection: ConnectionContext = { protocol: 'sse', subscription, stream: true, connectedAt: 0 };
const noon = Date.UTC(2026, 4, 14, 12, 0, 0);

class World {
  readonly clock = { time: noon, now: (): number => this.clock.time };
  readonly counters = new WindowBook(this.clock);

  stages(options: readonly EventLimitOptions[]): Stages {
    return eventCount.prepare(options, this)(subscription);
  }
}

function publish(stages: Stages, n: number): ReturnType<NonNullable<Stages['onPublish']>> {
  return stages.onPublish?.(
    connection,
    'a',
    Array.from({ length: n }, () => ({}) as EventDraft),
  );
}

function answer(stages: Stages): LimitAnswer {
  return stages.onLimit?.() ?? assert.fail('no answer');
}

describe('the delivery limit', () => {
  it('gives what is left and not one more, over all limits', () => {
    const stages = new World().stages([
      { limit: 10, per: 'minute', counts: 'deliver' },
      { limit: 15, per: 'day', counts: 'deliver' },
    ]);
    assert.equal(stages.onFlush?.(4, 400), 4);
    assert.equal(stages.onFlush?.(40, 4_000), 10, 'asking takes nothing');
    stages.onDelivered?.(7, 700);
    assert.equal(stages.onFlush?.(5, 500), 3);
    stages.onDelivered?.(3, 300);
    assert.equal(stages.onFlush?.(1, 100), 0);
  });

  it('starts anew with the window', () => {
    const world = new World();
    const stages = world.stages([
      { limit: 10, per: 'minute', counts: 'deliver' },
      { limit: 15, per: 'day', counts: 'deliver' },
    ]);
    stages.onDelivered?.(10, 0);
    world.clock.time += 59_999;
    assert.equal(stages.onFlush?.(20, 0), 0);
    world.clock.time += 1;
    assert.equal(stages.onFlush?.(20, 0), 5);
  });

  it('says which window, how much and when, and holds short windows only', () => {
    const world = new World();
    const cases: readonly [WindowUnit, LimitAnswer['action'], number, string][] = [
      ['second', 'pause', 1_000, '2026-05-14T12:00:01.000Z'],
      ['minute', 'pause', 60_000, '2026-05-14T12:01:00.000Z'],
      ['hour', 'disconnect', 3_600_000, '2026-05-14T13:00:00.000Z'],
      ['day', 'disconnect', 12 * 3_600_000, '2026-05-15T00:00:00.000Z'],
      ['week', 'disconnect', 3.5 * 86_400_000, '2026-05-18T00:00:00.000Z'],
      ['month', 'disconnect', 17.5 * 86_400_000, '2026-06-01T00:00:00.000Z'],
    ];
    for (const [per, action, after, at] of cases) {
      const stages = new World().stages([{ limit: 3, per, counts: 'deliver' }]);
      stages.onDelivered?.(3, 0);
      const { error, action: taken, until } = answer(stages);
      assert.equal(taken, action, per);
      assert.equal(until, world.clock.time + after, per);
      assert.equal(error.code, 'LIMIT_REACHED');
      assert.equal(error.retryAfter, after);
      assert.equal(error.message, `The limit of 3 delivered events per ${per} is used up; it starts anew at ${at}.`);
      assert.deepEqual(error.details, { limit: 'eventCount', counts: 'deliver', quota: 3, per, remaining: 0, resetsAt: at });
    }
  });

  it('does what the plan says at the limit', () => {
    const stages = new World().stages([{ limit: 1, per: 'second', counts: 'deliver', onLimit: 'disconnect' }]);
    assert.equal(answer(stages).action, 'disconnect');
    assert.equal(answer(new World().stages([{ limit: 1, per: 'month', counts: 'deliver', onLimit: 'pause' }])).action, 'pause');
  });

  it('names the limit that holds longest when several are used up', () => {
    const stages = new World().stages([
      { limit: 3, per: 'day', counts: 'deliver' },
      { limit: 3, per: 'second', counts: 'deliver' },
    ]);
    stages.onDelivered?.(3, 0);
    assert.equal(answer(stages).error.details['per'], 'day');
  });

  it('leaves publishing alone, and the other way round', () => {
    const world = new World();
    assert.deepEqual(Object.keys(world.stages([{ limit: 1, per: 'day', counts: 'deliver' }])).toSorted(), [
      'onDelivered',
      'onFlush',
      'onLimit',
      'status',
    ]);
    assert.deepEqual(Object.keys(world.stages([{ limit: 1, per: 'day', counts: 'publish' }])).toSorted(), [
      'onPublish',
      'onPublished',
      'status',
    ]);
  });
});

describe('the publishing limit', () => {
  it('takes a whole batch or nothing, and gives back what was not accepted', () => {
    const stages = new World().stages([{ limit: 10, per: 'day', counts: 'publish' }]);
    assert.equal(publish(stages, 6), undefined);
    assert.equal(publish(stages, 5)?.code, 'LIMIT_REACHED');
    stages.onPublished?.(6, 5);
    assert.equal(publish(stages, 5), undefined);
    const refusal = publish(stages, 1);
    assert.equal(refusal?.code, 'LIMIT_REACHED');
    assert.equal(refusal?.retryAfter, 12 * 3_600_000);
    stages.onPublished?.(5, 0);
    assert.equal(publish(stages, 5), undefined);
  });

  it('tells a batch that can never fit so', () => {
    const refusal = publish(new World().stages([{ limit: 10, per: 'hour', counts: 'publish' }]), 11);
    assert.equal(refusal?.code, 'TOO_LARGE');
    assert.match(
      refusal?.message ?? '',
      /A batch of 11 events never fits the limit of 10 published events per hour: send at most 10 at once\./,
    );
  });

  it('reserves in all windows or in none', () => {
    const stages = new World().stages([
      { limit: 10, per: 'day', counts: 'publish' },
      { limit: 4, per: 'second', counts: 'publish' },
    ]);
    assert.equal(publish(stages, 4), undefined);
    assert.equal(publish(stages, 1)?.details['per'], 'second');
    assert.deepEqual(
      stages.status?.().map(({ remaining }) => remaining),
      [6, 0],
    );
  });

  it('does not give back to a new window what an old one had reserved', () => {
    const world = new World();
    const stages = world.stages([{ limit: 10, per: 'second', counts: 'publish' }]);
    assert.equal(publish(stages, 10), undefined);
    world.clock.time += 1_000;
    assert.equal(publish(stages, 10), undefined);
    stages.onPublished?.(10, 0);
    assert.equal(publish(stages, 1)?.code, 'LIMIT_REACHED');
  });

  it('shares one count with delivery where both count', () => {
    const stages = new World().stages([{ limit: 10, per: 'day', counts: 'both' }]);
    assert.equal(publish(stages, 4), undefined);
    stages.onDelivered?.(3, 0);
    assert.equal(stages.onFlush?.(9, 0), 3);
    assert.equal(publish(stages, 4)?.code, 'LIMIT_REACHED');
  });
});

describe('the count', () => {
  it('goes on when the plan changes', () => {
    const world = new World();
    world.stages([{ limit: 10, per: 'day', counts: 'deliver' }]).onDelivered?.(8, 0);
    assert.equal(world.stages([{ limit: 12, per: 'day', counts: 'deliver' }]).onFlush?.(9, 0), 4);
    assert.equal(world.stages([{ limit: 5, per: 'day', counts: 'deliver' }]).onFlush?.(9, 0), 0);
  });

  it('is charged once where two limits are over the same window', () => {
    const stages = new World().stages([
      { limit: 10, per: 'day', counts: 'deliver' },
      { limit: 6, per: 'day', counts: 'deliver' },
    ]);
    stages.onDelivered?.(2, 0);
    assert.equal(stages.onFlush?.(20, 0), 4);
    assert.equal(stages.status?.().length, 1);
  });

  it('is told with quota, rest and window', () => {
    const world = new World();
    const stages = world.stages([
      { limit: 100, per: 'minute', counts: 'deliver' },
      { limit: 5, per: 'month', counts: 'publish' },
    ]);
    world.clock.time += 10_500;
    stages.onDelivered?.(30, 0);
    assert.deepEqual(stages.status?.(), [
      { limit: 'eventCount', counts: 'deliver', quota: 100, remaining: 70, window: 60, resetsIn: 49_500 },
      { limit: 'eventCount', counts: 'publish', quota: 5, remaining: 5, window: 31 * 86_400, resetsIn: 17.5 * 86_400_000 - 10_500 },
    ]);
  });
});

type Step =
  | { readonly op: 'publish'; readonly n: number }
  | { readonly op: 'settle'; readonly pick: number; readonly accept: number }
  | { readonly op: 'deliver'; readonly n: number }
  | { readonly op: 'tick'; readonly by: number }
  | { readonly op: 'replan' };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('publish' as const), n: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('settle' as const), pick: fc.nat(), accept: fc.constantFrom(0, 1, 2, 3, 4) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('deliver' as const), n: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('tick' as const), by: fc.constantFrom(1, 400, 1_000) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('replan' as const) }) },
);

describe('never one event too many', () => {
  for (const counts of ['publish', 'deliver', 'both'] as const) {
    it(`counting ${counts}, for any order of reserving, accepting, rejecting, delivering, windows that end and plans that change`, (test: TestContext) => {
      const seed = Date.now() & 0x7fff_ffff;
      test.diagnostic(`seed ${seed}`);
      fc.assert(
        fc.property(fc.array(anyStep, { maxLength: 200, size: 'max' }), fc.integer({ min: 3, max: 8 }), (steps, limit) =>
          check(steps, { limit, per: 'second', counts }),
        ),
        { seed, numRuns: 400 },
      );
    });
  }
});

/** Counts beside the policy: an accepted event belongs to the window in which it was reserved. */
function check(steps: readonly Step[], options: EventLimitOptions): void {
  const world = new World();
  let stages = world.stages([options]);
  const passed = new Map<number, number>();
  const underWay: { readonly stages: Stages; readonly n: number; readonly window: number }[] = [];
  const window = (): number => Math.floor(world.clock.time / 1_000);
  const pass = (at: number, n: number): void => {
    passed.set(at, (passed.get(at) ?? 0) + n);
    assert.ok((passed.get(at) ?? 0) <= options.limit, 'one event too many');
  };
  const settle = (index: number, accepted: number): void => {
    const [one] = underWay.splice(index, 1);
    if (one === undefined) return;
    one.stages.onPublished?.(one.n, accepted);
    if (options.counts !== 'deliver') pass(one.window, accepted);
  };
  for (const step of steps) {
    if (step.op === 'tick') world.clock.time += step.by;
    else if (step.op === 'replan') stages = world.stages([options]);
    else if (step.op === 'deliver') {
      const allowed = stages.onFlush?.(step.n, 0) ?? step.n;
      stages.onDelivered?.(allowed, 0);
      if (options.counts !== 'publish') pass(window(), allowed);
    } else if (step.op === 'publish') {
      if (publish(stages, step.n) === undefined) underWay.push({ stages, n: step.n, window: window() });
    } else if (underWay.length > 0) {
      const index = step.pick % underWay.length;
      settle(index, Math.min(step.accept, underWay[index]?.n ?? 0));
    }
  }
  while (underWay.length > 0) settle(0, underWay[0]?.n ?? 0);
  world.clock.time += 1_000;
  if (stages.onFlush !== undefined) assert.equal(stages.onFlush(100, 0), options.limit, 'a new window is whole');
  if (stages.onPublish !== undefined) assert.equal(publish(stages, options.limit), undefined, 'a new window is whole');
}

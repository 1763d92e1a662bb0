import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { GatewayError } from '../core/errors.ts';
import type { PlanSpec } from '../store/resources.ts';
import type { PolicyEnvironment, SubscriptionContext } from '../core/policy.ts';
import { combineStages } from './compile.ts';
import { limitsOf, policiesOf } from './plan-policies.ts';
import { planBinder } from './plan-stages.ts';
import { policies } from './registry.ts';

function plan(spec: Partial<PlanSpec>): PlanSpec {
  return { state: 'published', security: ['api-key'], approval: 'auto', limits: {}, ...spec };
}

describe('the policies of a plan', () => {
  it('are identity, scope, backpressure and flush where it names no limits', () => {
    assert.deepEqual(policiesOf(plan({})), [
      { kind: 'api-key', options: {} },
      { kind: 'channel-scope', options: {} },
      { kind: 'backpressure', options: {} },
      { kind: 'flush', options: {} },
    ]);
  });

  it('follow its limits', () => {
    const limits = {
      eventCount: [{ limit: 1, per: 'day', counts: 'both' }],
      connectionCount: { limit: 5 },
      duration: [{ limit: 3_600_000, per: 'connection' }],
      backpressure: { maxBuffered: 65_536, overflow: 'conflate' },
    } as const;
    const flush = { maxDelay: 20, maxBytes: 65_536 };
    assert.deepEqual(policiesOf(plan({ security: [], limits, flush })), [
      { kind: 'channel-scope', options: {} },
      { kind: 'event-count', options: limits.eventCount },
      { kind: 'connection-count', options: limits.connectionCount },
      { kind: 'duration', options: limits.duration },
      { kind: 'backpressure', options: limits.backpressure },
      { kind: 'flush', options: flush },
    ]);
  });

  it('bring its flush, and the defaults of what it leaves out, to its readers', () => {
    const bind = planBinder(policies, {} as PolicyEnvironment);
    const stages = bind(plan({ flush: { maxDelay: 20, maxEvents: 7 } })).map((stagesOf) =>
      stagesOf({ allow: { publish: [], read: [] } } as unknown as SubscriptionContext),
    );
    assert.deepEqual(combineStages(stages).flush, { maxDelay: 20, maxBytes: 262_144, maxEvents: 7 });
  });

  it('are only scope, backpressure and flush for a provider without a plan', () => {
    assert.deepEqual(
      policiesOf(undefined).map(({ kind }) => kind),
      ['channel-scope', 'backpressure', 'flush'],
    );
  });

  for (const [preset, limit] of [
    ['gold', 50_000],
    ['silver', 25_000],
    ['bronze', 5_000],
  ] as const) {
    it(`come from the preset ${preset}`, () => {
      assert.deepEqual(limitsOf(plan({ preset })), { eventCount: [{ limit, per: 'day', counts: 'deliver' }] });
    });
  }

  it('let a plan go before its preset, limit by limit', () => {
    const eventCount = [{ limit: 7, per: 'hour', counts: 'deliver' }] as const;
    assert.deepEqual(limitsOf(plan({ preset: 'gold', limits: { eventCount } })), { eventCount });
    assert.deepEqual(limitsOf(plan({ preset: 'gold', limits: { connectionCount: { limit: 2 } } })).eventCount?.[0]?.limit, 50_000);
    assert.deepEqual(limitsOf(plan({ preset: 'unlimited' })), {});
    assert.equal(limitsOf(plan({ preset: 'gold', limits: { eventCount: undefined } })).eventCount?.[0]?.limit, 50_000);
  });

  for (const preset of ['platinum', 'constructor', '__proto__', '']) {
    it(`refuse the preset ${JSON.stringify(preset)}`, () => {
      assert.throws(
        () => policiesOf(plan({ preset })),
        (error) =>
          error instanceof GatewayError && error.code === 'INVALID_CONFIGURATION' && /gold, silver, bronze, unlimited/.test(error.message),
      );
    });
  }
});

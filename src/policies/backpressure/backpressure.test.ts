import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { OutboxBound, PolicyEnvironment, SubscriptionContext } from '../../core/policy.ts';
import { backpressure } from './backpressure.ts';
import type { BackpressureOptions } from './backpressure.ts';

describe('the backpressure policy', () => {
  const cases: readonly [BackpressureOptions, OutboxBound][] = [
    [{}, { maxBytes: 1_048_576, maxEvents: undefined, overflow: 'pause' }],
    [{ overflow: 'disconnect' }, { maxBytes: 1_048_576, maxEvents: undefined, overflow: 'disconnect' }],
    [
      { maxBuffered: 65_536, overflow: 'conflate' },
      { maxBytes: 65_536, maxEvents: undefined, overflow: 'conflate' },
    ],
    [
      { maxEvents: 100, overflow: 'drop-oldest' },
      { maxBytes: undefined, maxEvents: 100, overflow: 'drop-oldest' },
    ],
    [
      { maxBuffered: 65_536, maxEvents: 100 },
      { maxBytes: 65_536, maxEvents: 100, overflow: 'pause' },
    ],
  ];
  for (const [options, outbox] of cases) {
    it(`makes of ${JSON.stringify(options)} ${JSON.stringify(outbox)}`, () => {
      const bind = backpressure.prepare(options, undefined as unknown as PolicyEnvironment);
      assert.deepEqual(bind({} as SubscriptionContext), { outbox });
    });
  }
});

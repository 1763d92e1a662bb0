import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { FlushBound, PolicyEnvironment, SubscriptionContext } from '../../core/policy.ts';
import { flush } from './flush.ts';
import type { FlushOptions } from './flush.ts';

describe('the flush policy', () => {
  const cases: readonly [FlushOptions, FlushBound][] = [
    [{}, { maxDelay: 25, maxBytes: 262_144, maxEvents: 1_000 }],
    [{ maxDelay: 0 }, { maxDelay: 0, maxBytes: 262_144, maxEvents: 1_000 }],
    [
      { maxBytes: 4_096, maxEvents: 1 },
      { maxDelay: 25, maxBytes: 4_096, maxEvents: 1 },
    ],
    [
      { maxDelay: 1_000, maxBytes: 16_777_216, maxEvents: 100_000 },
      { maxDelay: 1_000, maxBytes: 16_777_216, maxEvents: 100_000 },
    ],
  ];
  for (const [options, bound] of cases) {
    it(`makes of ${JSON.stringify(options)} ${JSON.stringify(bound)}`, () => {
      const bind = flush.prepare(options, undefined as unknown as PolicyEnvironment);
      assert.deepEqual(bind({} as SubscriptionContext), { flush: bound });
    });
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../core/errors.ts';
import {
  apiTransitions,
  checkTransition,
  isReachable,
  planTransitions,
  subscriptionActions,
  subscriptionTransitions,
} from './lifecycle.ts';

const tables = { API: apiTransitions, plan: planTransitions, subscription: subscriptionTransitions } as const;

describe('Lifecycles', () => {
  for (const [what, table] of Object.entries(tables) as [string, Readonly<Record<string, readonly string[]>>][]) {
    for (const from of Object.keys(table)) {
      for (const to of Object.keys(table)) {
        const allowed = table[from]!.includes(to);
        it(`${what}: ${from} to ${to} is ${allowed ? 'allowed' : 'refused'}`, () => {
          if (allowed) {
            checkTransition(table, 'It', from, to);
            return;
          }
          assert.throws(
            () => checkTransition(table, 'It', from, to),
            (error) =>
              error instanceof GatewayError && error.code === 'CONFLICT' && table[from]!.every((state) => error.message.includes(state)),
          );
        });
      }
    }
  }

  it('end for good where they end', () => {
    assert.equal(isReachable(apiTransitions, 'retired', 'published'), false);
    assert.equal(isReachable(planTransitions, 'closed', 'published'), false);
    assert.equal(isReachable(subscriptionTransitions, 'rejected', 'accepted'), false);
    assert.equal(isReachable(apiTransitions, 'created', 'retired'), true);
    assert.equal(isReachable(subscriptionTransitions, 'pending', 'paused'), true);
  });

  it('of subscriptions have an operation for every step', () => {
    const steps = Object.values(subscriptionActions).flatMap(({ from, to }) => from.map((state) => `${state} ${to}`));
    const wanted = Object.entries(subscriptionTransitions).flatMap(([from, states]) => states.map((to) => `${from} ${to}`));
    assert.deepEqual(steps.toSorted(), wanted.toSorted());
  });
});

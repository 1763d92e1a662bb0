import type { Policy, PolicyEnvironment, Stages, SubscriptionContext } from '../core/policy.ts';
import type { PlanSpec } from '../store/resources.ts';
import { policiesOf } from './plan-policies.ts';

/** Makes the function that prepares a plan's policies once, to be bound to each of its subscriptions. */
export function planBinder(
  policies: readonly Policy<never>[],
  environment: PolicyEnvironment,
): (plan: PlanSpec | undefined) => readonly ((subscription: SubscriptionContext) => Stages)[] {
  const byKind = new Map(policies.map((policy) => [policy.kind, policy]));
  return (plan) =>
    policiesOf(plan).map(({ kind, options }) => {
      const policy = byKind.get(kind);
      if (policy === undefined) throw new Error(`The plan names a policy that does not exist: ${kind}.`);
      return policy.prepare(options as never, environment);
    });
}

import { matchesAddress } from '../core/address.ts';
import type { GatewayError } from '../core/errors.ts';
import { outOfScope } from '../policies/out-of-scope.ts';
import type { BoundSubscription } from './catalogue.ts';

export type Access = 'read' | 'publish';

/**
 * Why no accepted subscription of these has any of the wanted access to an address, or pattern; undefined when one has, or none is accepted.
 * To be asked before the contract is: what is out of bounds is refused in the same words whether there is such a channel or not.
 */
export function scopeRefusal(
  mine: readonly Pick<BoundSubscription, 'resource' | 'context'>[],
  wanted: readonly [Access, ...Access[]],
  address: string,
): GatewayError | undefined {
  const open = mine.filter(({ resource }) => resource.spec.state === 'accepted');
  if (open.length === 0) return undefined;
  for (const { context } of open)
    for (const access of wanted) if (context.allow[access].some((pattern) => matchesAddress(pattern, address))) return undefined;
  const [access] = wanted;
  return outOfScope(access, address, [...new Set(open.flatMap(({ context }) => context.allow[access]))]);
}

import type { ContractChannel } from '../contracts/contract.ts';
import { isPattern } from '../core/address.ts';
import type { SubscriptionContext } from '../core/policy.ts';
import type { ContractRuntime } from './contract-runtime.ts';

type Scope = Pick<SubscriptionContext, 'as' | 'allow'>;

/** The channels with an address that may be read or published to under one of these scopes: of others nothing is said to whoever has them. */
export function visibleChannels(
  contract: Pick<ContractRuntime, 'find' | 'findAll'>,
  scopes: readonly Scope[],
): ReadonlySet<ContractChannel> {
  const under = (patterns: readonly string[]): readonly ContractChannel[] =>
    patterns.flatMap((pattern) => (isPattern(pattern) ? contract.findAll(pattern) : (contract.find(pattern) ?? [])));
  return new Set(
    scopes.flatMap(({ as, allow }) => {
      const [read, publish] = [under(allow.read), under(allow.publish)];
      const [sent, received] = as === 'client' ? [read, publish] : [publish, read];
      return [...sent.filter(({ send }) => send), ...received.filter(({ receive }) => receive)];
    }),
  );
}

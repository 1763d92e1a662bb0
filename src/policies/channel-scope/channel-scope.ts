import { matchesAddress } from '../../core/address.ts';
import type { Policy, Stages, SubscriptionContext } from '../../core/policy.ts';
import { outOfScope } from '../out-of-scope.ts';

/** Narrows what the contract permits to the address patterns of the subscription, publishing and reading apart. */
export const channelScope: Policy<Record<string, never>> = {
  kind: 'channel-scope',
  schema: {
    title: 'Channel scope',
    description:
      "Keeps a subscription to the addresses in its `allow.publish` and `allow.read`. Takes no options: the patterns are the subscription's.",
    type: 'object',
    additionalProperties: false,
    properties: {},
  },
  prepare: () => stagesOf,
};

function stagesOf({ allow }: SubscriptionContext): Stages {
  return {
    ...(allow.read.includes('*')
      ? {}
      : {
          onRead: (_, address) =>
            allow.read.some((pattern) => matchesAddress(pattern, address)) ? undefined : outOfScope('read', address, allow.read),
        }),
    ...(allow.publish.includes('*')
      ? {}
      : {
          onPublish: (_, address) =>
            allow.publish.some((pattern) => matchesAddress(pattern, address)) ? undefined : outOfScope('publish', address, allow.publish),
        }),
  };
}

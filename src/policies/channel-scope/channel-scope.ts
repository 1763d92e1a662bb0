import { matchesAddress } from '../../core/address.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Policy, Stages, SubscriptionContext } from '../../core/policy.ts';

/** Most patterns and characters repeated in a sentence, so that no client can make an error large. */
const NAMED_PATTERNS = 10;
const NAMED_CHARACTERS = 200;

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
            allow.read.some((pattern) => matchesAddress(pattern, address)) ? undefined : refusal('read', address, allow.read),
        }),
    ...(allow.publish.includes('*')
      ? {}
      : {
          onPublish: (_, address) =>
            allow.publish.some((pattern) => matchesAddress(pattern, address)) ? undefined : refusal('publish to', address, allow.publish),
        }),
  };
}

function refusal(verb: string, address: string, allowed: readonly string[]): GatewayError {
  const named = allowed.slice(0, NAMED_PATTERNS).map(quoted);
  if (allowed.length > named.length) named.push(`${allowed.length - named.length} more`);
  const instead = named.length === 0 ? `it may ${verb} nothing` : `it may ${verb} ${named.join(', ')}`;
  return new GatewayError('FORBIDDEN', `This subscription may not ${verb} ${quoted(address)}; ${instead}.`, {
    details: { allowed: allowed.slice(0, NAMED_PATTERNS) },
  });
}

function quoted(address: string): string {
  return JSON.stringify(address.length > NAMED_CHARACTERS ? `${address.slice(0, NAMED_CHARACTERS)}…` : address);
}

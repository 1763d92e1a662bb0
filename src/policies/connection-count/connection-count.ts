import { GatewayError } from '../../core/errors.ts';
import type { ConnectionContext, Policy, PolicyEnvironment, Stages, SubscriptionContext } from '../../core/policy.ts';

/** Nobody knows when a connection will close, so a refused client is asked to look again after this many milliseconds. */
const RETRY_AFTER = 5_000;

export interface ConnectionCountOptions {
  readonly limit: number;
}

/** How many connections of a subscription may be open at once. */
export const connectionCount: Policy<ConnectionCountOptions> = {
  kind: 'connection-count',
  schema: {
    title: 'Connection count',
    description: 'How many connections a subscription may have open at once. Single requests and long polls do not count.',
    type: 'object',
    additionalProperties: false,
    required: ['limit'],
    properties: {
      limit: { type: 'integer', minimum: 1, maximum: 1_000_000, description: 'Connections that may be open at once.' },
    },
  },
  prepare: (options, environment) => (subscription) => stagesOf(options, environment, subscription),
};

function stagesOf({ limit }: ConnectionCountOptions, { counters }: PolicyEnvironment, subscription: SubscriptionContext): Stages {
  const open = counters.gauge(`${subscription.id}:connectionCount`);
  const counted = new WeakSet<ConnectionContext>();
  return {
    onConnect: (connection) => {
      if (!connection.stream) return undefined;
      if (open.value >= limit) return refusal(limit);
      open.value += 1;
      counted.add(connection);
      return undefined;
    },
    onDisconnect: (connection) => {
      if (counted.delete(connection)) open.value -= 1;
    },
    status: () => [
      {
        limit: 'connectionCount',
        counts: 'connections',
        quota: limit,
        remaining: Math.max(0, limit - open.value),
        window: undefined,
        resetsIn: undefined,
      },
    ],
  };
}

function refusal(limit: number): GatewayError {
  const connections = limit === 1 ? 'one connection' : `${limit} connections`;
  return new GatewayError('LIMIT_REACHED', `This subscription may have ${connections} open at once; close one and connect again.`, {
    retryAfter: RETRY_AFTER,
    details: { limit: 'connectionCount', quota: limit },
  });
}

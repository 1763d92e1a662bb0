import { GatewayError } from '../../core/errors.ts';
import type { ConnectionContext, Policy, PolicyEnvironment, Stages, SubscriptionContext, WindowUnit } from '../../core/policy.ts';
import { windowUnits } from '../calendar-window.ts';
import { ConnectedTime } from './connected-time.ts';

/** Exactly one of the two: `limit` in milliseconds with `per`, or `until` as an RFC 3339 date. */
export interface DurationOptions {
  readonly limit?: number | undefined;
  readonly per?: 'connection' | WindowUnit | undefined;
  readonly until?: string | undefined;
}

type Expiry = { readonly at: number; readonly error: GatewayError } | undefined;

/** One rule about time: what it refuses, and when a connection it let in must end. */
interface Rule {
  readonly connect?: (connection: ConnectionContext) => GatewayError | undefined;
  readonly expiry: (connection: ConnectionContext) => Expiry;
  readonly time?: ConnectedTime;
}

/** A client whose connection was long enough may come back at once; a second spreads those that began together. */
const NEXT_CONNECTION = 1_000;

/** How long connections may be open: each of them, all together in a calendar window, or until a date. */
export const duration: Policy<readonly DurationOptions[]> = {
  kind: 'duration',
  schema: {
    title: 'Duration',
    description:
      'How long connections may stay open. All rules of the list hold at the same time. Single requests and long polls have no duration, only the date holds for them.',
    type: 'array',
    minItems: 1,
    maxItems: 16,
    items: {
      type: 'object',
      additionalProperties: false,
      properties: {
        limit: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'Milliseconds.' },
        per: {
          enum: ['connection', ...windowUnits],
          description:
            'What `limit` is for: every connection, or the connected time of all the connections of the subscription in a calendar window (UTC).',
        },
        until: {
          type: 'string',
          maxLength: 40,
          description: 'RFC 3339 date or date and time, from which on there is no access. A date alone means 00:00 UTC.',
        },
      },
      oneOf: [{ required: ['limit', 'per'] }, { required: ['until'] }],
    },
  },
  prepare: (options, environment) => (subscription) => stagesOf(options, environment, subscription),
};

function stagesOf(options: readonly DurationOptions[], environment: PolicyEnvironment, subscription: SubscriptionContext): Stages {
  const rules = strictest(options).map((one) => ruleOf(one, environment, subscription));
  const times = rules.flatMap(({ time }) => (time === undefined ? [] : [time]));
  const connects = rules.flatMap(({ connect }) => (connect === undefined ? [] : [connect]));
  return {
    expiry: (connection) => earliest(rules, connection),
    expiryMoves: times.length > 0,
    ...(connects.length === 0
      ? {}
      : {
          onConnect: (connection) => {
            for (const connect of connects) {
              const refusal = connect(connection);
              if (refusal !== undefined) return refusal;
            }
            for (const time of times) time.open(connection);
            return undefined;
          },
        }),
    ...(times.length === 0
      ? {}
      : {
          onDisconnect: (connection) => {
            for (const time of times) time.close(connection);
          },
          status: () => times.map((time) => time.status()),
        }),
  };
}

/** Rules for the same window share one counter, which must not be charged twice: the smallest stands for them all. */
function strictest(options: readonly DurationOptions[]): readonly DurationOptions[] {
  return options.filter((one, index) => {
    const smallest = options.reduce(
      (least, other) => (other.per === one.per && (other.limit ?? 0) < (least.limit ?? 0) ? other : least),
      one,
    );
    return (
      one.until !== undefined ||
      (smallest.limit === one.limit && options.findIndex(({ per, limit }) => per === one.per && limit === one.limit) === index)
    );
  });
}

function earliest(rules: readonly Rule[], connection: ConnectionContext): Expiry {
  let first: Expiry;
  for (const rule of rules) {
    const expiry = rule.expiry(connection);
    if (expiry !== undefined && (first === undefined || expiry.at < first.at)) first = expiry;
  }
  return first;
}

function ruleOf({ limit, per, until }: DurationOptions, environment: PolicyEnvironment, subscription: SubscriptionContext): Rule {
  if (until !== undefined) return untilRule(until, environment);
  if (limit === undefined || per === undefined) throw new TypeError('a duration is `limit` with `per`, or `until`');
  if (per === 'connection') return connectionRule(limit);
  return windowRule(new ConnectedTime(limit, per, environment.counters.window(`${subscription.id}:duration`, per), environment.clock));
}

function connectionRule(limit: number): Rule {
  const error = new GatewayError('DURATION_OVER', `A connection may stay open for ${spoken(limit)}; connect again to go on.`, {
    retryAfter: NEXT_CONNECTION,
    details: { limit: 'duration', quota: limit / 1_000, per: 'connection' },
  });
  return { expiry: ({ stream, connectedAt }) => (stream ? { at: connectedAt + limit, error } : undefined) };
}

function untilRule(until: string, { clock }: PolicyEnvironment): Rule {
  const at = Date.parse(until);
  if (Number.isNaN(at)) throw new TypeError('`until` is not an RFC 3339 date');
  const details = { limit: 'duration', until };
  const sentence = `Access under this plan ended at ${new Date(at).toISOString()}; ask for another plan.`;
  const over = new GatewayError('DURATION_OVER', sentence, { details });
  return {
    connect: () => (clock.now() >= at ? new GatewayError('SUBSCRIPTION_INACTIVE', sentence, { details }) : undefined),
    expiry: () => ({ at, error: over }),
  };
}

function windowRule(time: ConnectedTime): Rule {
  const over = (retryAt: number, now: number): GatewayError =>
    new GatewayError(
      'DURATION_OVER',
      `The connected time of ${spoken(time.limit)} per ${time.unit} is used up; it starts anew at ${new Date(retryAt).toISOString()}.`,
      {
        retryAfter: Math.max(0, retryAt - now),
        details: { limit: 'duration', quota: time.limit / 1_000, per: time.unit, resetsAt: new Date(retryAt).toISOString() },
      },
    );
  return {
    time,
    connect: ({ stream }) => (stream && time.remaining() === 0 ? over(time.resetsAt(), time.now()) : undefined),
    expiry: ({ stream }) => {
      const end = stream ? time.exhaustion() : undefined;
      return end === undefined ? undefined : { at: end.at, error: over(end.resetsAt, end.at) };
    },
  };
}

const spokenUnits = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
  ['millisecond', 1],
] as const;

/** A length of time in the largest unit that holds it a whole number of times. */
function spoken(milliseconds: number): string {
  const [unit, length] = spokenUnits.find(([, size]) => milliseconds % size === 0) ?? spokenUnits[4];
  const n = milliseconds / length;
  return n === 1 ? `1 ${unit}` : `${n} ${unit}s`;
}

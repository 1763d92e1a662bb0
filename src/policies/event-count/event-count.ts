import type { Policy, PolicyEnvironment, Stages, SubscriptionContext } from '../../core/policy.ts';
import { windowUnits } from '../calendar-window.ts';
import { EventLimit } from './event-limit.ts';
import type { EventLimitOptions } from './event-limit.ts';
import { limitAnswer, refusal } from './refusal.ts';

/** Counts events over calendar windows, published, delivered or both together, and lets not one too many pass. */
export const eventCount: Policy<readonly EventLimitOptions[]> = {
  kind: 'event-count',
  schema: {
    title: 'Event count',
    description: 'How many events may pass in calendar windows (UTC). All limits of the list hold at the same time.',
    type: 'array',
    minItems: 1,
    maxItems: 16,
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['limit', 'per', 'counts'],
      properties: {
        limit: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'Events that may pass in one window.' },
        per: { enum: windowUnits, description: 'Length of the window. Weeks begin on Monday, all windows at 00:00 UTC or the full unit.' },
        counts: {
          enum: ['publish', 'deliver', 'both'],
          description: 'Which events count: accepted ones, delivered ones, or the sum of both.',
        },
        onLimit: {
          enum: ['pause', 'disconnect'],
          description:
            'What becomes of a reader at the limit: `pause` holds it until the window ends, `disconnect` ends the connection. Default: `pause` for second and minute, else `disconnect`.',
        },
      },
    },
  },
  prepare: (options, environment) => (subscription) => stagesOf(options, environment, subscription),
};

function stagesOf(
  options: readonly EventLimitOptions[],
  { clock, counters }: PolicyEnvironment,
  subscription: SubscriptionContext,
): Stages {
  const limits = strictest(options).map(
    (one) => new EventLimit(one, counters.window(`${subscription.id}:eventCount:${one.counts}`, one.per), clock),
  );
  const delivery = limits.filter((one) => one.options.counts !== 'publish');
  const publishing = limits.filter((one) => one.options.counts !== 'deliver');
  return {
    ...(delivery.length === 0 ? {} : deliveryStages(delivery)),
    ...(publishing.length === 0 ? {} : publishStages(publishing)),
    status: () => limits.map((one) => one.status()),
  };
}

/** Limits over the same events and window share one counter, which must not be charged twice: the smallest stands for them all. */
function strictest(options: readonly EventLimitOptions[]): readonly EventLimitOptions[] {
  const byCounter = new Map<string, EventLimitOptions>();
  for (const one of options) {
    const key = `${one.counts}:${one.per}`;
    const other = byCounter.get(key);
    if (other === undefined || one.limit < other.limit) byCounter.set(key, one);
  }
  return [...byCounter.values()];
}

function deliveryStages(limits: readonly EventLimit[]): Stages {
  return {
    onFlush: (n) => {
      let allowed = n;
      for (let index = 0; index < limits.length; index++) {
        const remaining = (limits[index] as EventLimit).remaining();
        if (remaining < allowed) allowed = remaining;
      }
      return allowed;
    },
    onDelivered: (n) => {
      for (let index = 0; index < limits.length; index++) (limits[index] as EventLimit).count(n);
    },
    onLimit: () => limitAnswer(tightest(limits)),
  };
}

/** The limit with the least left; of several the one that lasts longest. */
function tightest(limits: readonly EventLimit[]): EventLimit {
  return limits.reduce((best, one) => {
    const difference = one.remaining() - best.remaining();
    return difference < 0 || (difference === 0 && one.resetsAt() > best.resetsAt()) ? one : best;
  });
}

function publishStages(limits: readonly EventLimit[]): Stages {
  return {
    onPublish: (_connection, _address, { length }) => {
      const short = limits.filter((one) => one.remaining() < length);
      if (short.length > 0) return refusal(worst(short, length), length);
      for (const one of limits) one.reserve(length);
      return undefined;
    },
    onPublished: (offered, accepted) => {
      for (const one of limits) one.settle(offered, accepted);
    },
  };
}

/** Of the limits that refuse the one to tell: one that can never hold the batch, else the one that lasts longest. */
function worst(short: readonly EventLimit[], length: number): EventLimit {
  const never = short.find((one) => one.options.limit < length);
  return never ?? short.reduce((best, one) => (one.resetsAt() > best.resetsAt() ? one : best));
}

import type { TopicStatus } from '../../control/services.ts';

/** A subscription of ours at somebody's hub, as it is remembered. */
export interface TopicSubscription {
  /** What nobody can guess of its callback; names it for life. */
  readonly token: string;
  /** Id of the source. */
  readonly source: string;
  readonly application: string;
  readonly name: string;
  /** Where the hub is told to call. */
  readonly callback: string;
  /** The topic as configured. */
  readonly url: string;
  /** Milliseconds that are asked for. */
  readonly lease: number;
  /** Tells apart what secrets it was asked with. */
  readonly secret: string;
  readonly wanted: 'subscribe' | 'unsubscribe';
  /** The topic and the hub as they were found; undefined until then. */
  readonly topic: string | undefined;
  readonly hub: string | undefined;
  /** Until when it lasts, in wall milliseconds; undefined until the hub has verified it. */
  readonly leaseUntil: number | undefined;
  /** When the hub is to be asked next, in wall milliseconds. */
  readonly dueAt: number;
  /** Times in a row that asking came to nothing. */
  readonly failures: number;
  /** Why the last one did. */
  readonly reason: string | undefined;
}

const texts = ['token', 'source', 'application', 'name', 'callback', 'url', 'secret'] as const;
const numbers = ['lease', 'dueAt', 'failures'] as const;
const optionalTexts = ['topic', 'hub', 'reason'] as const;

/** Whether this is one, as it comes back from JSON. */
export function isTopicSubscription(value: unknown): value is TopicSubscription {
  if (typeof value !== 'object' || value === null) return false;
  const kept = value as Readonly<Record<string, unknown>>;
  return (
    (kept['wanted'] === 'subscribe' || kept['wanted'] === 'unsubscribe') &&
    texts.every((member) => typeof kept[member] === 'string') &&
    numbers.every((member) => typeof kept[member] === 'number') &&
    optionalTexts.every((member) => ['string', 'undefined'].includes(typeof kept[member])) &&
    ['number', 'undefined'].includes(typeof kept['leaseUntil'])
  );
}

/** The reason as long as a hub that was asked has said nothing else. */
export const notVerified = 'The hub has not verified it yet.';

/** Milliseconds from a failure to the next try, doubled with each in a row. */
const firstDelay = 5_000;
const longestDelay = 3_600_000;

/** When it is asked again that came to nothing; `random` is in [0, 1). */
export function afterFailure(subscription: TopicSubscription, reason: string, now: number, random: number): TopicSubscription {
  const failures = subscription.failures + 1;
  const delay = Math.min(longestDelay, firstDelay * 2 ** Math.min(failures - 1, 20));
  return { ...subscription, failures, reason, dueAt: now + delay * (0.8 + 0.4 * random) };
}

/** Times an end is asked for before it is left to the end of the lease. */
const maxEndings = 10;

/** Whether nothing more is to be done for it: it is to end, and there is nobody to be told, or nobody listens, or it has ended by itself. */
export function isOver({ wanted, hub, failures, leaseUntil }: TopicSubscription, now: number): boolean {
  if (wanted === 'subscribe') return false;
  return hub === undefined || failures >= maxEndings || (leaseUntil !== undefined && leaseUntil <= now);
}

/** As its owner sees it: while its lease lasts it is subscribed, whatever has become of a renewal. */
export function statusOf({ topic, hub, leaseUntil, dueAt, failures, reason }: TopicSubscription, now: number): TopicStatus {
  const isVerified = leaseUntil !== undefined && leaseUntil > now;
  const state = isVerified ? 'subscribed' : failures > 1 || (reason !== undefined && reason !== notVerified) ? 'failing' : 'asking';
  return {
    state,
    topic: topic ?? null,
    hub: hub ?? null,
    leaseUntil: isVerified ? leaseUntil : null,
    nextAt: dueAt,
    reason: reason ?? null,
  };
}

import { GatewayError } from '../../core/errors.ts';
import type { LimitAnswer } from '../../core/policy.ts';
import type { EventLimit } from './event-limit.ts';

const words = { publish: 'published events', deliver: 'delivered events', both: 'published and delivered events' };

/** What a reader is told at its limit, and whether it is held or let go. */
export function limitAnswer(limit: EventLimit): LimitAnswer {
  const { per, onLimit } = limit.options;
  return {
    error: reached(limit),
    action: onLimit ?? (per === 'second' || per === 'minute' ? 'pause' : 'disconnect'),
    until: limit.resetsAt(),
  };
}

/** Why a batch of `offered` events is not taken. */
export function refusal(limit: EventLimit, offered: number): GatewayError {
  const { limit: quota, per, counts } = limit.options;
  if (offered > quota) {
    return new GatewayError(
      'TOO_LARGE',
      `A batch of ${offered} events never fits the limit of ${quota} ${words[counts]} per ${per}: send at most ${quota} at once.`,
      { details: details(limit) },
    );
  }
  return reached(limit);
}

function reached(limit: EventLimit): GatewayError {
  const { limit: quota, per, counts } = limit.options;
  const remaining = limit.remaining();
  const left = remaining === 0 ? 'is used up' : `has ${remaining} left`;
  return new GatewayError(
    'LIMIT_REACHED',
    `The limit of ${quota} ${words[counts]} per ${per} ${left}; it starts anew at ${new Date(limit.resetsAt()).toISOString()}.`,
    { retryAfter: limit.resetsIn(), details: details(limit) },
  );
}

function details(limit: EventLimit): Record<string, unknown> {
  const { limit: quota, per, counts } = limit.options;
  return { limit: 'eventCount', counts, quota, per, remaining: limit.remaining(), resetsAt: new Date(limit.resetsAt()).toISOString() };
}

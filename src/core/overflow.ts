import { GatewayError } from './errors.ts';
import type { Event } from './event.ts';
import type { OutboxBound } from './policy.ts';

/** Conflation keeps the newest event of each subject, or of each type where events have no subject. */
export function conflationKey(event: Event): string {
  return `${event.address}\n${event.subject ?? event.type}`;
}

/** What a client is told that let more wait than its plan bears. */
export function tooSlow(bytes: number, bound: OutboxBound): GatewayError {
  const most = bound.maxBytes === undefined ? `${bound.maxEvents} events` : `${bound.maxBytes} bytes`;
  return new GatewayError(
    'TOO_SLOW',
    `The client reads too slowly: more than ${most} were waiting, which the plan answers by disconnecting. Come back with the last position.`,
    {
      retryAfter: 1000,
      details: { buffered: bytes },
    },
  );
}

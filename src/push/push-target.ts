import type { Event } from '../core/event.ts';
import type { SharedSecret, SigningKey } from '../protocols/standard-webhooks/secret.ts';
import type { Authentication } from './authentication/authentication.ts';
import type { Order } from './key-order.ts';
import type { SignAs } from './provider-signature.ts';
import type { RetrySchedule } from './retry-schedule.ts';
import type { WebSubTerms } from './websub-request.ts';

/** Where a push reader delivers to and how, as its owner wants it; secrets are opened. */
export interface PushTarget {
  /** Id of the endpoint. */
  readonly id: string;
  readonly tenant: string;
  readonly url: string;
  /** Whether the endpoint wants an event. Must not throw. */
  readonly wants: (event: Event) => boolean;
  /** Sent with every attempt. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** What the receiver is shown besides: see `authenticatedSend`. */
  readonly authentication?: Authentication | undefined;
  /** All that are live at a wall time in milliseconds, the newest first; none: attempts are not signed. */
  readonly secrets: (now: number) => readonly (SharedSecret | SigningKey)[];
  /** Signs in the format of a provider instead of that of Standard Webhooks. */
  readonly signAs?: SignAs | undefined;
  /** It is a WebSub subscription: the data is distributed as its topic's content. */
  readonly websub?: WebSubTerms | undefined;
  /** CloudEvents as JSON, CloudEvents in headers, or the data alone. */
  readonly content: 'structured' | 'binary' | 'data';
  /** Milliseconds for one attempt. */
  readonly timeout: number;
  readonly schedule: RetrySchedule;
  /** Attempts a second; undefined: as many as its window lets. */
  readonly perSecond: number | undefined;
  /** Most attempts under way. */
  readonly concurrency: number;
  /** `per-key`: the key is the event's subject. */
  readonly order: Order;
  /** Several events in one attempt, at most so many, of so many bytes together, after so many milliseconds at the latest; undefined: each alone. */
  readonly batch?: { readonly events: number; readonly bytes: number; readonly wait: number } | undefined;
}

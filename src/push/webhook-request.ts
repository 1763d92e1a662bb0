import type { Event } from '../core/event.ts';
import type { OutgoingRequest } from '../outgoing/http-sender.ts';
import { encodeBinaryHeaders, encodeEvent } from '../protocols/cloudevents/encode.ts';
import { signStandardWebhook } from '../protocols/standard-webhooks/sign.ts';
import type { PushTarget } from './push-target.ts';

/** One attempt, besides the event. */
export interface Attempt {
  /** 1 for the first. */
  readonly number: number;
  /** Why there is another one. */
  readonly retryReason: string | undefined;
  /** Wall time in milliseconds. */
  readonly at: number;
}

type Headers = (readonly [name: string, value: string])[];

const nothing = Buffer.alloc(0);

/** `webhook-id` of an event: its place on the log, the same for every attempt and for no other event (SW-5, SW-7). */
export function webhookIdOf(event: Pick<Event, 'position'>): string {
  return `msg_${event.position}`;
}

/** The request of one attempt: the event in the endpoint's content mode, signed with all live secrets over exactly these bytes (SW-4, SW-6, SW-11). */
export function webhookRequest(target: PushTarget, event: Event, attempt: Attempt): OutgoingRequest {
  const { body, headers } = contentOf(target.content, event);
  const id = webhookIdOf(event);
  const timestamp = Math.floor(attempt.at / 1000);
  const secrets = target.secrets(attempt.at);
  const signed: Headers =
    secrets.length === 0
      ? [
          ['webhook-id', id],
          ['webhook-timestamp', String(timestamp)],
        ]
      : Object.entries(signStandardWebhook({ id, timestamp, body, secrets }));
  return {
    url: target.url,
    method: 'POST',
    headers: [
      ...target.headers,
      ...headers,
      ...signed,
      ['webhook-attempt', String(attempt.number)],
      ...(attempt.retryReason === undefined ? [] : [['webhook-retry-reason', attempt.retryReason] as const]),
    ],
    body,
    limits: { totalMs: target.timeout, answerMs: target.timeout },
  };
}

function contentOf(content: PushTarget['content'], event: Event): { readonly body: Uint8Array; readonly headers: Headers } {
  if (content === 'structured') {
    return { body: encodeEvent(event, event.position), headers: [['content-type', 'application/cloudevents+json; charset=utf-8']] };
  }
  const { 'content-type': type, ...attributes } = encodeBinaryHeaders(event, event.position);
  const headers: Headers = type === undefined ? [] : [['content-type', type]];
  if (content === 'binary') headers.push(...Object.entries(attributes));
  return { body: event.data ?? nothing, headers };
}

import type { Event } from '../core/event.ts';
import type { OutgoingRequest } from '../outgoing/http-sender.ts';
import type { CloudEvent } from '../protocols/cloudevents/cloud-event.ts';
import { encodeBinaryHeaders, encodeEvent } from '../protocols/cloudevents/encode.ts';
import { signStandardWebhook } from '../protocols/standard-webhooks/sign.ts';
import type { PushTarget } from './push-target.ts';
import { websubRequest } from './websub-request.ts';

/** One attempt, besides the event. */
export interface Attempt {
  /** 1 for the first. */
  readonly number: number;
  /** Why there is another one. */
  readonly retryReason: string | undefined;
  /** Wall time in milliseconds. */
  readonly at: number;
}

type Headers = readonly (readonly [name: string, value: string])[];

/** What one attempt carries. */
export interface WebhookContent {
  /** `webhook-id`: the same for every attempt, and for nothing else. */
  readonly id: string;
  readonly eventType: string;
  readonly contentType: string | undefined;
  /** Besides the content type. */
  readonly headers: Headers;
  readonly body: Uint8Array;
}

const nothing = Buffer.alloc(0);

/** `webhook-id` of an event: its place on the log, the same for every attempt and for no other event (SW-5, SW-7). */
export function webhookIdOf(event: Pick<Event, 'position'>): string {
  return `msg_${event.position}`;
}

/** The request of one attempt to deliver an event in the endpoint's content mode. */
export function webhookRequest(target: PushTarget, event: Event, attempt: Attempt): OutgoingRequest {
  const content = contentOf(target.content, event, { id: webhookIdOf(event), position: event.position });
  return target.websub === undefined ? signedRequest(target, content, attempt) : websubRequest(target, target.websub, content, attempt.at);
}

/** The request of one attempt, signed with all live secrets over exactly these bytes (SW-4, SW-6, SW-11). */
export function signedRequest(target: PushTarget, content: WebhookContent, attempt: Attempt): OutgoingRequest {
  const { contentType, headers, body } = content;
  return {
    url: target.url,
    method: 'POST',
    headers: [
      ...target.headers,
      ...(contentType === undefined ? [] : [['content-type', contentType] as const]),
      ...headers,
      ...signatureOf(target, content, attempt.at),
      ['webhook-attempt', String(attempt.number)],
      ...(attempt.retryReason === undefined ? [] : [['webhook-retry-reason', attempt.retryReason] as const]),
    ],
    body,
    limits: { totalMs: target.timeout, answerMs: target.timeout },
  };
}

/** An event in a content mode, with its place on the log where it has one; `id` is its `webhook-id`. */
export function contentOf(
  mode: PushTarget['content'],
  event: CloudEvent,
  { id, position }: { readonly id: string; readonly position?: string },
): WebhookContent {
  const common = { id, eventType: event.type };
  if (mode === 'structured') {
    const contentType = 'application/cloudevents+json; charset=utf-8';
    return { ...common, contentType, headers: [], body: encodeEvent(event, position) };
  }
  const { 'content-type': type, ...attributes } = encodeBinaryHeaders(event, position);
  const headers = mode === 'binary' ? Object.entries(attributes) : [];
  return { ...common, contentType: type, headers, body: event.data ?? nothing };
}

function signatureOf(target: PushTarget, { id, eventType, contentType, body }: WebhookContent, at: number): Headers {
  const timestamp = Math.floor(at / 1000);
  const unsigned: Headers = [
    ['webhook-id', id],
    ['webhook-timestamp', String(timestamp)],
  ];
  if (target.signAs !== undefined) {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    return [...unsigned, ...target.signAs({ id, timestamp, url: target.url, contentType, body: bytes, eventType }, at)];
  }
  const secrets = target.secrets(at);
  return secrets.length === 0 ? unsigned : Object.entries(signStandardWebhook({ id, timestamp, body, secrets }));
}

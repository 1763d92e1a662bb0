import { createHash } from 'node:crypto';
import type { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import type { OutgoingRequest } from '../outgoing/http-sender.ts';
import { encodeEvent, joinBatch } from '../protocols/cloudevents/encode.ts';
import type { PushTarget } from './push-target.ts';
import { signedRequest, webhookIdOf, webhookRequest, type Attempt } from './webhook-request.ts';

/** `webhook-id` of events that go together: made of their places, so that the same events always have the same one and others never (SW-5, SW-7); that of the event where it is alone. */
export function batchIdOf(events: readonly { readonly position: Position }[]): string {
  const [first] = events;
  if (events.length === 1 && first !== undefined) return webhookIdOf(first);
  const hash = createHash('sha256');
  for (const { position } of events) hash.update(position).update('\n');
  return `bat_${hash.digest('base64url').slice(0, 32)}`;
}

/** Bytes that an event takes in the body of a batch. */
export function bytesInBatch(event: Event): number {
  return encodeEvent(event, event.position).byteLength + 1;
}

/** The request of one attempt to deliver events: one as the endpoint's content mode says, or a CloudEvents batch where the endpoint wants batches. */
export function deliveryRequest(target: PushTarget, events: readonly Event[], attempt: Attempt): OutgoingRequest {
  const [first] = events;
  if (first === undefined) throw new Error('An attempt to deliver nothing.');
  if (target.batch === undefined) return webhookRequest(target, first, attempt);
  const content = {
    id: batchIdOf(events),
    eventType: first.type,
    contentType: 'application/cloudevents-batch+json; charset=utf-8',
    headers: [],
    body: joinBatch(events.map((event) => encodeEvent(event, event.position))),
  };
  return signedRequest(target, content, attempt);
}

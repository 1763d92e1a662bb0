import { encodeEvent } from '../cloudevents/encode.ts';
import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { gapJson } from '../cloudevents/gap.ts';
import type { Gap } from '../cloudevents/gap.ts';
import { encodeTextFrame } from './encode-frame.ts';
import type { Ref } from './sluice-v1-client-op.ts';

/** Name in Sec-WebSocket-Protocol: JSON objects with an `op`, one per text message. What the server says is encoded here as whole frames. */
export const sluiceV1 = 'sluice.v1.json';

const eventHead = Buffer.from('{"op":"event","event":');
const objectEnd = Buffer.from('}');
const renewed = encodeTextFrame(Buffer.from('{"op":"renewed"}'));

/** `{"op":"event","event":{…}}`, the event with its position. */
export function encodeEventOp(event: CloudEvent, position: string): Buffer {
  return encodeTextFrame(Buffer.concat([eventHead, encodeEvent(event, position), objectEnd]));
}

/** `{"op":"accepted",…}`: one position per published event, in order; `duplicates` of them were accepted before. */
export function encodeAcceptedOp(ref: Ref | undefined, positions: readonly string[], duplicates: number): Buffer {
  return encodeOp({ op: 'accepted', ref, positions, duplicates });
}

/** `{"op":"limits",…}`: the limits as they stand, and, when one of them holds delivery, the time until which it does. */
export function encodeLimitsOp(limits: readonly unknown[], until?: Date): Buffer {
  return encodeOp({ op: 'limits', limits, until: until?.toISOString() });
}

/** `{"op":"gap",…}`: events this reader did not get. */
export function encodeGapOp(gap: Gap): Buffer {
  return encodeTextFrame(Buffer.from(`{"op":"gap",${gapJson(gap).slice(1)}`, 'utf8'));
}

/** `{"op":"error",…}`: a problem document (RFC 9457), with the `ref` of what it answers. */
export function encodeErrorOp(problem: Readonly<Record<string, unknown>>, ref?: Ref): Buffer {
  return encodeOp({ op: 'error', ref, problem });
}

/** `{"op":"renewed"}`: the new credential holds. */
export function encodeRenewedOp(): Buffer {
  return renewed;
}

/** Members that are undefined are left out. */
function encodeOp(op: Readonly<Record<string, unknown>>): Buffer {
  return encodeTextFrame(Buffer.from(JSON.stringify(op), 'utf8'));
}

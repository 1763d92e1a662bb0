import type { Event, Gap, WireFormat } from '../../core/event.ts';
import { encodeSseEvent } from '../../protocols/sse/encode.ts';
import { encodeSseGap } from '../../protocols/sse/gap.ts';
import { eventJson } from '../event-json.ts';

/** `id:` the position, `data:` the CloudEvent, no `event:`, so that `onmessage` works (HTML, section 9.2.6). */
export const plainSse: WireFormat = {
  name: 'sse',
  encode: (event: Event) => encodeSseEvent({ id: event.position, data: event.frame(eventJson) }),
  encodeGap: (gap: Gap) => encodeSseGap(gap),
};

/** The same with the event's type as `event:`, for listeners by type. */
export const typedSse: WireFormat = {
  name: 'sse-typed',
  encode: (event: Event) => encodeSseEvent({ id: event.position, event: event.type, data: event.frame(eventJson) }),
  encodeGap: (gap: Gap) => encodeSseGap(gap),
};

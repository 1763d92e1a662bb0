import type { Event, WireFormat } from '../core/event.ts';
import { encodeEvent } from '../protocols/cloudevents/encode.ts';

/** An event as structured CloudEvents JSON with its position: what every JSON protocol wraps, encoded once for all of them. */
export const eventJson: WireFormat = {
  name: 'cloudevents-json',
  encode: (event: Event) => encodeEvent(event, event.position),
  encodeGap: () => Buffer.alloc(0),
};

import { encodeEvent } from '../cloudevents/encode.ts';
import { gapEvent } from '../cloudevents/gap.ts';
import type { Gap } from '../cloudevents/gap.ts';
import { encodeTextFrame } from './encode-frame.ts';

/** A gap for clients that are sent plain CloudEvents: an event of type `dev.sluice.gap`, as a whole text frame. */
export function encodeGapFrame(gap: Gap): Buffer {
  return encodeTextFrame(encodeEvent(gapEvent(gap), gap.upTo));
}

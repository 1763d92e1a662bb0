import { gapJson } from '../cloudevents/gap.ts';
import type { Gap } from '../cloudevents/gap.ts';
import { encodeSseEvent } from './encode.ts';

/** A gap as the event `sluice.gap`; its id is the position after the gap, so that resuming does not go back before it. */
export function encodeSseGap(gap: Gap): Buffer {
  return encodeSseEvent({ id: gap.upTo, event: 'sluice.gap', data: gapJson(gap) });
}

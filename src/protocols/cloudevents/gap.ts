import type { CloudEvent } from './cloud-event.ts';

/** Events that a reader did not get, between two positions; `events` is undefined when nobody counted them. */
export interface Gap {
  readonly after: string;
  readonly upTo: string;
  readonly events: number | undefined;
  readonly reason: string;
}

/** The event type under which a gap is told where only CloudEvents can be sent. */
export const gapType = 'dev.sluice.gap';

/** A gap as JSON, the same members in every protocol. */
export function gapJson(gap: Gap): string {
  return JSON.stringify({ after: gap.after, upTo: gap.upTo, events: gap.events, reason: gap.reason });
}

/** A gap as an event between events. To be encoded with `gap.upTo` as its position, so that resuming after it does not go back. */
export function gapEvent(gap: Gap): CloudEvent {
  return {
    id: `gap-${gap.after}-${gap.upTo}`,
    source: '/sluice',
    type: gapType,
    datacontenttype: 'application/json',
    extensions: {},
    data: Buffer.from(gapJson(gap), 'utf8'),
    dataKind: 'json',
  };
}

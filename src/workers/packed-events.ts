import { Event, type EventDraft } from '../core/event.ts';
import type { Position } from '../core/position.ts';

type Attributes = Omit<EventDraft, 'data'>;

/** Drafts with the bytes of all of them in one buffer of their own, which can move to another thread. */
export interface PackedDrafts {
  readonly attributes: readonly Attributes[];
  readonly bytes: ArrayBuffer;
  /** Where each event's data ends in `bytes`; it begins where the one before ends. Negative: none. */
  readonly ends: readonly number[];
}

/** Events of one page, in the same form. */
export interface PackedEvents {
  readonly drafts: PackedDrafts;
  readonly places: readonly { readonly address: string; readonly position: Position; readonly acceptedAt: number }[];
}

const noData = -1;

export function packDrafts(drafts: readonly EventDraft[]): PackedDrafts {
  let size = 0;
  for (const { data } of drafts) size += data?.byteLength ?? 0;
  // Never of the pool, whose buffer belongs to others too.
  const bytes = Buffer.allocUnsafeSlow(size);
  const ends: number[] = [];
  let end = 0;
  for (const { data } of drafts) {
    if (data === undefined) {
      ends.push(noData);
      continue;
    }
    bytes.set(data, end);
    end += data.byteLength;
    ends.push(end);
  }
  return { attributes: drafts.map(attributesOf), bytes: bytes.buffer, ends };
}

/** Their data are views of the one buffer. */
export function unpackDrafts({ attributes, bytes, ends }: PackedDrafts): readonly EventDraft[] {
  let start = 0;
  return attributes.map((draft, index) => {
    const end = ends[index] as number;
    if (end === noData) return { ...draft, data: undefined };
    const data = Buffer.from(bytes, start, end - start);
    start = end;
    return { ...draft, data };
  });
}

export function packEvents(events: readonly Event[]): PackedEvents {
  return {
    drafts: packDrafts(events),
    places: events.map(({ address, position, acceptedAt }) => ({ address, position, acceptedAt })),
  };
}

export function unpackEvents({ drafts, places }: PackedEvents): readonly Event[] {
  return unpackDrafts(drafts).map((draft, index) => {
    const { address, position, acceptedAt } = places[index] as PackedEvents['places'][number];
    return new Event(draft, address, position, acceptedAt);
  });
}

function attributesOf({ id, source, type, subject, time, datacontenttype, dataschema, extensions, dataKind }: EventDraft): Attributes {
  return { id, source, type, subject, time, datacontenttype, dataschema, extensions, dataKind };
}

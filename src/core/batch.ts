import type { Conflation } from './conflation.ts';
import type { Event, WireFormat } from './event.ts';
import type { Batch } from './meter.ts';
import type { Position } from './position.ts';

/** Takes out the events a reader does not want; `key` is the same for the same filter, so that cohorts can share. */
export interface Filter {
  readonly key: string;
  /** False also when the filter cannot be evaluated on the event. Never throws. */
  test(event: Event): boolean;
  /** What of the events that pass is passed over for newer ones. */
  readonly conflation?: Conflation | undefined;
}

/** Consecutive events as one batch ending at `position`, less those the filter takes out; `passedOver` more were taken out before. */
export function makeBatch(events: readonly Event[], position: Position, filter: Filter | undefined, passedOver = 0): Batch {
  const selected = filter === undefined ? events : events.filter((event) => filter.test(event));
  return { events: selected, bytes: payloadBytes(selected), position, filtered: events.length - selected.length + passedOver };
}

/** Events `from` (inclusive) to `to` (exclusive) of a batch; what was filtered is counted with the last slice, what was conflated with the first. */
export function sliceBatch(batch: Batch, from: number, to: number): Batch {
  const total = batch.events.length;
  if (from === 0 && to === total) return batch;
  const events = batch.events.slice(from, to);
  const last = events.at(-1);
  const isTail = to === total || last === undefined;
  return {
    events,
    bytes: payloadBytes(events),
    position: isTail ? batch.position : last.position,
    filtered: isTail ? batch.filtered : 0,
    conflated: from === 0 ? batch.conflated : undefined,
  };
}

/** The frames of events `from` to `to` as one buffer; a single frame is passed on as it is. */
export function joinFrames(events: readonly Event[], format: WireFormat, from = 0, to = events.length): Buffer {
  if (to - from === 1) return (events[from] as Event).frame(format);
  const frames: Buffer[] = [];
  for (let index = from; index < to; index += 1) frames.push((events[index] as Event).frame(format));
  return Buffer.concat(frames);
}

/** How many events of a batch lie at or before a place. */
export function countUpTo(events: readonly Event[], place: Position, compare: (a: Position, b: Position) => number): number {
  let count = 0;
  for (const event of events) {
    if (compare(event.position, place) > 0) break;
    count += 1;
  }
  return count;
}

function payloadBytes(events: readonly Event[]): number {
  let bytes = 0;
  for (const event of events) bytes += event.bytes;
  return bytes;
}

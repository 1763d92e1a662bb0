import { sliceBatch } from './batch.ts';
import type { Event, WireFormat } from './event.ts';
import type { Batch } from './meter.ts';
import type { OutboxBound } from './policy.ts';
import type { Position } from './position.ts';

/** Events given up to stay within the bound, and the place up to which they reach. */
export interface Forgone {
  readonly events: number;
  readonly upTo: Position;
}

/** Where a plan says nothing: 1 MiB may wait, then the reader catches up from the log instead. */
export const defaultBound: OutboxBound = { maxBytes: 1024 * 1024, maxEvents: undefined, overflow: 'pause' };

/**
 * What waits for a socket that is full: references to shared events, never copies. The bound counts framed bytes
 * and events; who adds past it must shed or leave.
 */
export class Outbox {
  readonly #format: WireFormat;
  /** May change with the plan while events wait. */
  bound: OutboxBound;
  #batches: Batch[] = [];
  #bytes = 0;
  #events = 0;

  constructor(format: WireFormat, bound: OutboxBound) {
    this.#format = format;
    this.bound = bound;
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** Framed bytes waiting. */
  get bytes(): number {
    return this.#bytes;
  }

  add(batch: Batch): void {
    append(this.#batches, batch);
    this.#events += batch.events.length;
    this.#bytes += framedBytes(batch.events, this.#format);
  }

  /** Whether the bound is passed. What the socket itself still holds is not counted: it is one write at most. */
  isOver(): boolean {
    return this.#exceeds(this.#events, this.#bytes);
  }

  /** The next events to write, at least one and about `maxBytes` framed; undefined when nothing waits. */
  take(maxBytes: number): Batch | undefined {
    const first = this.#batches[0];
    if (first === undefined) return undefined;
    let count = 0;
    let bytes = 0;
    while (count < first.events.length && (count === 0 || bytes < maxBytes)) {
      bytes += (first.events[count] as Event).frame(this.#format).length;
      count += 1;
    }
    return this.#takeFirst(first, count, bytes);
  }

  /** Gives up the oldest events until the bound holds; the newest event always stays. */
  dropOldest(): Forgone | undefined {
    let dropped = 0;
    let upTo: Position | undefined;
    while (this.isOver() && this.#events > 1) {
      const first = this.#batches[0] as Batch;
      let count = 0;
      let bytes = 0;
      while (count < first.events.length && this.#events - count > 1 && this.#exceeds(this.#events - count, this.#bytes - bytes)) {
        bytes += (first.events[count] as Event).frame(this.#format).length;
        count += 1;
      }
      const taken = this.#takeFirst(first, count, bytes);
      dropped += taken.events.length + (taken.conflated ?? 0);
      upTo = taken.position;
    }
    return upTo === undefined ? undefined : { events: dropped, upTo };
  }

  /** Keeps only the newest event of each key, each with the count of those given up before it. */
  conflate(keyOf: (event: Event) => string): void {
    const newest = newestOfEachKey(this.#batches, keyOf);
    const kept: Batch[] = [];
    let conflated = 0;
    let filtered = 0;
    for (const batch of this.#batches) {
      conflated += batch.conflated ?? 0;
      for (const event of batch.events) {
        if (newest.has(event)) {
          kept.push({ events: [event], bytes: event.bytes, position: event.position, filtered, conflated });
          conflated = 0;
          filtered = 0;
        } else conflated += 1;
      }
      filtered += batch.filtered;
    }
    this.#keep(kept, filtered);
  }

  #exceeds(events: number, bytes: number): boolean {
    const { maxBytes, maxEvents } = this.bound;
    return (maxBytes !== undefined && bytes > maxBytes) || (maxEvents !== undefined && events > maxEvents);
  }

  #keep(kept: Batch[], filtered: number): void {
    const end = this.#batches.at(-1);
    const last = kept.pop();
    if (end === undefined || last === undefined) return;
    this.#batches = [...kept, { ...last, position: end.position, filtered: last.filtered + filtered }];
    this.#events = this.#batches.length;
    this.#bytes = this.#batches.reduce((sum, batch) => sum + framedBytes(batch.events, this.#format), 0);
  }

  #takeFirst(first: Batch, count: number, bytes: number): Batch {
    const whole = count === first.events.length;
    if (whole) this.#batches.shift();
    else this.#batches[0] = sliceBatch(first, count, first.events.length);
    this.#events -= count;
    this.#bytes -= bytes;
    return whole ? first : sliceBatch(first, 0, count);
  }
}

function newestOfEachKey(batches: readonly Batch[], keyOf: (event: Event) => string): Set<Event> {
  const byKey = new Map<string, Event>();
  for (const batch of batches) for (const event of batch.events) byKey.set(keyOf(event), event);
  return new Set(byKey.values());
}

function framedBytes(events: readonly Event[], format: WireFormat): number {
  let bytes = 0;
  for (const event of events) bytes += event.frame(format).length;
  return bytes;
}

/** A batch without events only moves the place the one before it ends at, so that nothing piles up behind a filter. */
function append(batches: Batch[], batch: Batch): void {
  const last = batches.at(-1);
  if (batch.events.length > 0 || last === undefined) batches.push(batch);
  else batches[batches.length - 1] = { ...last, position: batch.position, filtered: last.filtered + batch.filtered };
}

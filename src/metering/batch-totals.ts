import type { Clock } from '../core/clock.ts';
import type { Event } from '../core/event.ts';
import type { Batch } from '../core/meter.ts';
import { minuteOf } from './calendar.ts';
import { latencyBucket } from './log-histogram.ts';

/** What all readers that take a batch whole are charged: worked out by the first of them. */
export class BatchTotals {
  /** The type of all events when they are of one type. */
  readonly type: string | undefined;
  readonly types: readonly string[];
  /** Events and bytes of `types[i]` at `2i` and `2i + 1`. */
  readonly counts: readonly number[];
  /** Wall time in milliseconds of the charge. */
  readonly at: number;
  readonly minute: number;
  /** Histogram bucket of the time from acceptance to now of its newest event. */
  readonly latency: number;

  constructor(events: readonly Event[], at: number) {
    const types: string[] = [];
    const counts: number[] = [];
    for (const event of events) {
      let index = types.indexOf(event.type);
      if (index === -1) {
        index = types.push(event.type) - 1;
        counts.push(0, 0);
      }
      counts[2 * index] = (counts[2 * index] as number) + 1;
      counts[2 * index + 1] = (counts[2 * index + 1] as number) + event.bytes;
    }
    this.types = types;
    this.counts = counts;
    this.type = types.length === 1 ? types[0] : undefined;
    this.at = at;
    this.minute = minuteOf(at);
    this.latency = latencyBucket(at - (events.at(-1)?.acceptedAt ?? at));
  }
}

/** Remembers the totals of the batch that is being delivered: a flush goes to all its readers before the next one begins. */
export class BatchTotalsCache {
  readonly #clock: Clock;
  #batch: Batch | undefined;
  #totals: BatchTotals | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(batch: Batch): BatchTotals {
    if (batch === this.#batch) return this.#totals as BatchTotals;
    this.#batch = batch;
    return (this.#totals = new BatchTotals(batch.events, this.#clock.now()));
  }

  /** Lets go of the events. */
  clear(): void {
    this.#batch = undefined;
    this.#totals = undefined;
  }
}

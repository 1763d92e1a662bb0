import { Cohort } from './cohort.ts';
import type { Event, WireFormat } from './event.ts';
import { restAfter } from './flush-rest.ts';
import type { FeedReader } from './group.ts';
import type { Tally } from './meter.ts';
import type { FlushBound } from './policy.ts';
import type { Position } from './position.ts';

/** Where a plan says nothing. */
export const defaultFlush: FlushBound = { maxDelay: 25, maxBytes: 256 * 1024, maxEvents: 1000 };

/** Events, and payload bytes, that may wait for flushes besides what one flush takes; past them the log waits. */
const mostWaitingEvents = 32_768;
const mostWaitingBytes = 16 * 1024 * 1024;

/**
 * Readers of a feed whose plans bound a flush alike. Idle, it flushes what one turn of the loop brought at once; after
 * a flush it rests one and a half times as long as that took, at most `maxDelay`, so that a busy lane writes more at once and less often.
 */
export class Lane {
  readonly #bound: FlushBound;
  readonly #openTally: () => Tally;
  readonly #cohorts = new Map<WireFormat, Map<string, Cohort>>();
  /** Everything up to here was flushed. */
  #position: Position;
  #pending: Event[] = [];
  #pendingBytes = 0;
  /** Events that were to come before the pending ones end, and will not. */
  #passedOver = 0;
  #pendingPosition: Position;
  #rest: NodeJS.Timeout | undefined;
  #isScheduled = false;
  /** Who brings events waits until fewer do here. */
  #room: PromiseWithResolvers<void> | undefined;
  #isClosed = false;
  /** Monotonic milliseconds: when the last flush ended, and how long it took. */
  #endedAt = 0;
  #took = 0;

  constructor(bound: FlushBound, position: Position, openTally: () => Tally) {
    this.#bound = bound;
    this.#openTally = openTally;
    this.#position = position;
    this.#pendingPosition = position;
  }

  get position(): Position {
    return this.#position;
  }

  get isEmpty(): boolean {
    return this.#cohorts.size === 0;
  }

  /** More came in than was flushed: no more is to be brought until there is `room`. */
  get isOver(): boolean {
    const { maxBytes, maxEvents } = this.#bound;
    return this.#pending.length > mostWaitingEvents + maxEvents || this.#pendingBytes > mostWaitingBytes + maxBytes;
  }

  /** Resolves once half of what may wait has been flushed, or nobody is here any more. */
  room(): Promise<void> {
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  add(reader: FeedReader): void {
    this.#cohortOf(reader).add(reader);
  }

  /** From now on the reader is handed each flush by itself. */
  single(reader: FeedReader): void {
    this.#cohortOf(reader).single(reader);
  }

  remove(reader: FeedReader): void {
    const byFilter = this.#cohorts.get(reader.format);
    const key = reader.filter?.key ?? '';
    const cohort = byFilter?.get(key);
    if (byFilter === undefined || cohort === undefined) return;
    cohort.remove(reader);
    if (!cohort.isEmpty) return;
    byFilter.delete(key);
    if (byFilter.size === 0) this.#cohorts.delete(reader.format);
  }

  /** `passedOver` events more lie before `position`, which these readers do not get. */
  receive(events: readonly Event[], position: Position, passedOver = 0): void {
    for (const event of events) {
      this.#pending.push(event);
      this.#pendingBytes += event.bytes;
    }
    this.#pendingPosition = position;
    this.#passedOver += passedOver;
    this.#schedule();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#rest);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#room?.resolve();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    const { maxDelay, maxBytes, maxEvents } = this.#bound;
    const isFull = this.#pending.length >= maxEvents || this.#pendingBytes >= maxBytes;
    const rest = isFull ? 0 : restAfter(this.#took, performance.now() - this.#endedAt, maxDelay);
    if (rest < 1) {
      clearTimeout(this.#rest);
      this.#rest = undefined;
      this.#isScheduled = true;
      setImmediate(() => this.#flush());
    } else this.#rest ??= setTimeout(() => this.#flush(), rest);
  }

  #flush(): void {
    this.#isScheduled = false;
    this.#rest = undefined;
    if (this.#isClosed) return;
    const begun = performance.now();
    const events = this.#take();
    const isAll = this.#pending.length === 0;
    const before = this.#position;
    this.#position = isAll ? this.#pendingPosition : (events.at(-1) as Event).position;
    const passedOver = isAll ? this.#passedOver : 0;
    if (isAll) this.#passedOver = 0;
    for (const byFilter of this.#cohorts.values()) {
      for (const cohort of byFilter.values()) cohort.flush(events, { before, position: this.#position, passedOver });
    }
    this.#endedAt = performance.now();
    this.#took = this.#endedAt - begun;
    if (this.#room !== undefined) this.#tellRoom(this.#room);
    if (this.#pending.length > 0) this.#schedule();
  }

  #tellRoom(room: PromiseWithResolvers<void>): void {
    if (this.#pending.length > mostWaitingEvents / 2 || this.#pendingBytes > mostWaitingBytes / 2) return;
    this.#room = undefined;
    room.resolve();
  }

  /** What may go at once, at least one event. */
  #take(): readonly Event[] {
    const { maxBytes, maxEvents } = this.#bound;
    const pending = this.#pending;
    if (pending.length <= maxEvents && this.#pendingBytes <= maxBytes) {
      this.#pending = [];
      this.#pendingBytes = 0;
      return pending;
    }
    let bytes = 0;
    let count = 0;
    while (count < pending.length && count < maxEvents) {
      const next = bytes + (pending[count] as Event).bytes;
      if (count > 0 && next > maxBytes) break;
      bytes = next;
      count += 1;
    }
    this.#pendingBytes -= bytes;
    return pending.splice(0, count);
  }

  #cohortOf(reader: FeedReader): Cohort {
    let byFilter = this.#cohorts.get(reader.format);
    if (byFilter === undefined) this.#cohorts.set(reader.format, (byFilter = new Map()));
    const key = reader.filter?.key ?? '';
    let cohort = byFilter.get(key);
    if (cohort === undefined) byFilter.set(key, (cohort = new Cohort(reader.format, reader.filter, this.#openTally)));
    return cohort;
  }
}

import type { Backbone, Channel, Consumer } from './backbone.ts';
import { joinFrames, makeBatch, type Filter } from './batch.ts';
import type { Sink } from './entrypoint.ts';
import type { Event, WireFormat } from './event.ts';
import type { Batch } from './meter.ts';
import type { Position } from './position.ts';
import { SharedReads } from './shared-reads.ts';

/** Events and bytes of one read of the backbone while catching up. */
const readEvents = 512;
const readBytes = 256 * 1024;

/** A reader as its feed knows it. */
export interface FeedReader {
  readonly sink: Pick<Sink, 'format'>;
  readonly filter: Filter | undefined;
  /** One flush; `buffer` holds the frames of all its events. */
  take(batch: Batch, buffer: Buffer): void;
  /** `take` threw: a bug, which ends this reader and no other. */
  fail(error: unknown): void;
}

/** Readers that share every byte: same wire format, same filter. */
class Cohort {
  readonly #format: WireFormat;
  readonly #filter: Filter | undefined;
  readonly #readers: FeedReader[] = [];
  readonly #places = new Map<FeedReader, number>();
  /** Readers left while a flush walks the list, which must not move places under it. */
  #isFlushing = false;
  #left = false;

  constructor(format: WireFormat, filter: Filter | undefined) {
    this.#format = format;
    this.#filter = filter;
  }

  get isEmpty(): boolean {
    return this.#places.size === 0;
  }

  add(reader: FeedReader): void {
    this.#places.set(reader, this.#readers.length);
    this.#readers.push(reader);
  }

  remove(reader: FeedReader): void {
    const place = this.#places.get(reader);
    if (place === undefined) return;
    this.#places.delete(reader);
    if (this.#isFlushing) {
      this.#left = true;
      return;
    }
    const last = this.#readers.pop() as FeedReader;
    if (last === reader) return;
    this.#readers[place] = last;
    this.#places.set(last, place);
  }

  flush(events: readonly Event[], position: Position): void {
    const batch = makeBatch(events, position, this.#filter);
    const buffer = joinFrames(batch.events, this.#format);
    const count = this.#readers.length;
    this.#isFlushing = true;
    for (let index = 0; index < count; index += 1) {
      const reader = this.#readers[index] as FeedReader;
      if (!this.#left || this.#places.get(reader) === index) this.#hand(reader, batch, buffer);
    }
    this.#isFlushing = false;
    if (this.#left) this.#compact();
  }

  #hand(reader: FeedReader, batch: Batch, buffer: Buffer): void {
    try {
      reader.take(batch, buffer);
    } catch (error) {
      reader.fail(error);
    }
  }

  #compact(): void {
    this.#left = false;
    let kept = 0;
    for (let index = 0; index < this.#readers.length; index += 1) {
      const reader = this.#readers[index] as FeedReader;
      if (this.#places.get(reader) !== index) continue;
      this.#readers[kept] = reader;
      this.#places.set(reader, kept);
      kept += 1;
    }
    this.#readers.length = kept;
  }
}

/**
 * The live end of one channel or pattern: one consumer of the backbone, any number of readers. Events of one turn of
 * the loop are flushed together.
 */
export class Feed {
  readonly channel: Channel;
  /** The place up to which everything was flushed. */
  position: Position;
  readonly #consumer: Consumer;
  readonly #cohorts = new Map<WireFormat, Map<string, Cohort>>();
  readonly #members = new Map<FeedReader, Cohort>();
  readonly #waiters = new Set<() => void>();
  /** What those who are behind read of the log, up to this feed's position. */
  readonly behind: SharedReads;
  #pending: Event[] = [];
  #pendingPosition: Position;
  #isScheduled = false;
  #isClosed = false;

  private constructor(backbone: Backbone, channel: Channel, consumer: Consumer, early: EarlyBatches) {
    this.channel = channel;
    this.behind = new SharedReads((after) =>
      backbone.read({ channel, after, until: this.position, limit: readEvents, maxBytes: readBytes }),
    );
    this.#consumer = consumer;
    this.position = consumer.position;
    this.#pendingPosition = consumer.position;
    early.hand((events, position) => this.#receive(events, position));
  }

  static async open(backbone: Backbone, channel: Channel): Promise<Feed> {
    const early = new EarlyBatches();
    const consumer = await backbone.consume(channel, (events, position) => early.receive(events, position));
    return new Feed(backbone, channel, consumer, early);
  }

  /** Readers in the feed right now. */
  get size(): number {
    return this.#members.size;
  }

  /** Callbacks that wait for what comes next. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** The reader's position must be the feed's, or past it. */
  join(reader: FeedReader): void {
    const cohort = this.#cohortOf(reader);
    cohort.add(reader);
    this.#members.set(reader, cohort);
  }

  leave(reader: FeedReader): void {
    const cohort = this.#members.get(reader);
    if (cohort === undefined) return;
    this.#members.delete(reader);
    cohort.remove(reader);
    if (cohort.isEmpty) this.#cohorts.get(reader.sink.format)?.delete(reader.filter?.key ?? '');
  }

  /** Calls back once when there is something past the feed's position; returns how to stop waiting. */
  onNext(callback: () => void): () => void {
    this.#waiters.add(callback);
    return () => this.#waiters.delete(callback);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiters.clear();
    await this.#consumer.close();
  }

  #receive(events: readonly Event[], position: Position): void {
    for (const event of events) this.#pending.push(event);
    this.#pendingPosition = position;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    if (this.#isClosed) return;
    const events = this.#pending;
    this.#pending = [];
    this.position = this.#pendingPosition;
    for (const cohorts of this.#cohorts.values()) {
      for (const cohort of cohorts.values()) cohort.flush(events, this.position);
    }
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }

  #cohortOf(reader: FeedReader): Cohort {
    const { format } = reader.sink;
    let byFilter = this.#cohorts.get(format);
    if (byFilter === undefined) {
      byFilter = new Map();
      this.#cohorts.set(format, byFilter);
    }
    const key = reader.filter?.key ?? '';
    let cohort = byFilter.get(key);
    if (cohort === undefined) {
      cohort = new Cohort(format, reader.filter);
      byFilter.set(key, cohort);
    }
    return cohort;
  }
}

/** Holds batches that arrive before the feed knows where its consumer began. */
class EarlyBatches {
  #held: { readonly events: readonly Event[]; readonly position: Position }[] = [];
  #to: ((events: readonly Event[], position: Position) => void) | undefined;

  receive(events: readonly Event[], position: Position): void {
    if (this.#to === undefined) this.#held.push({ events, position });
    else this.#to(events, position);
  }

  hand(to: (events: readonly Event[], position: Position) => void): void {
    this.#to = to;
    for (const { events, position } of this.#held) to(events, position);
    this.#held = [];
  }
}

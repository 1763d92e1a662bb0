import { ConflatingLane } from './conflating-lane.ts';
import type { Backbone, Channel, Consumer, Receive } from './backbone.ts';
import type { Event } from './event.ts';
import type { FeedReader } from './group.ts';
import { defaultFlush, Lane } from './lane.ts';
import { LogSlice } from './log-slice.ts';
import type { Tally } from './meter.ts';
import type { Position } from './position.ts';
import { SharedReads } from './shared-reads.ts';

/** Events and bytes of one read of the backbone while catching up. */
const readEvents = 512;
const readBytes = 256 * 1024;

/** The live end of one channel or pattern: one consumer of the backbone, any number of readers. */
export class Feed {
  readonly channel: Channel;
  /** The place up to which everything came in from the backbone. */
  position: Position;
  readonly #consumer: Consumer;
  readonly #openTally: () => Tally;
  readonly #lanes = new Map<string, Lane | ConflatingLane>();
  readonly #members = new Map<FeedReader, Lane | ConflatingLane>();
  readonly #waiters = new Set<() => void>();
  /** What those who are behind read of the log, up to this feed's position. */
  readonly behind: SharedReads;
  /** What has come in while there are callbacks to be called; undefined: none are. */
  #fresh: { readonly after: Position; readonly events: readonly Event[] } | undefined;

  private constructor(backbone: Backbone, channel: Channel, consumer: Consumer, early: EarlyBatches, openTally: () => Tally) {
    this.channel = channel;
    this.behind = new SharedReads((after) =>
      backbone.read({ channel, after, until: this.position, limit: readEvents, maxBytes: readBytes }),
    );
    this.#consumer = consumer;
    this.#openTally = openTally;
    this.position = consumer.position;
    early.hand((events, position) => this.#receive(events, position));
  }

  /** `openTally` makes the books of a group of readers. */
  static async open(backbone: Backbone, channel: Channel, openTally: () => Tally): Promise<Feed> {
    const early = new EarlyBatches();
    const consumer = await backbone.consume(channel, (events, position) => early.receive(events, position));
    return new Feed(backbone, channel, consumer, early, openTally);
  }

  /** Readers in the feed right now, or expected. */
  get size(): number {
    return this.#members.size;
  }

  /** Callbacks that wait for what comes next. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Where a reader must be to join, or past it: a lane may still hold back what came in. */
  placeOf(reader: FeedReader): Position {
    return this.#lanes.get(laneKey(reader))?.position ?? this.position;
  }

  join(reader: FeedReader): void {
    this.#laneOf(reader).add(reader);
  }

  /**
   * Opens the lane of a reader that is behind, where events are held back for it: so there is a place that it can come level with, however
   * many come in meanwhile.
   */
  expect(reader: FeedReader): void {
    if (reader.filter?.conflation !== undefined) this.#laneOf(reader);
  }

  /** From now on the reader is handed each flush by itself, until it is level again. */
  single(reader: FeedReader): void {
    this.#members.get(reader)?.single(reader);
  }

  leave(reader: FeedReader): void {
    const lane = this.#members.get(reader);
    if (lane === undefined) return;
    this.#members.delete(reader);
    lane.remove(reader);
    if (!lane.isEmpty) return;
    lane.close();
    for (const [key, known] of this.#lanes) if (known === lane) this.#lanes.delete(key);
  }

  /** Calls back once when there is something past the feed's position; returns how to stop waiting. */
  onNext(callback: () => void): () => void {
    this.#waiters.add(callback);
    return () => this.#waiters.delete(callback);
  }

  async close(): Promise<void> {
    for (const lane of this.#lanes.values()) lane.close();
    this.#waiters.clear();
    this.#fresh = undefined;
    this.behind.close();
    await this.#consumer.close();
  }

  /** The lane that is the reader's from now on; opened when there is none. */
  #laneOf(reader: FeedReader): Lane | ConflatingLane {
    const key = laneKey(reader);
    const known = this.#lanes.get(key);
    if (known !== undefined && this.#members.get(reader) === known) return known;
    this.leave(reader);
    const lane = known ?? this.#openLane(reader);
    this.#lanes.set(key, lane);
    this.#members.set(reader, lane);
    return lane;
  }

  #openLane({ governor, filter }: FeedReader): Lane | ConflatingLane {
    const lane = new Lane(governor.flush ?? defaultFlush, this.position, this.#openTally);
    return filter?.conflation === undefined ? lane : new ConflatingLane(lane, filter, filter.conflation);
  }

  /** A promise where a lane cannot keep up: what comes next stays on the log until that resolves. */
  #receive(events: readonly Event[], position: Position): void | Promise<void> {
    const after = this.position;
    let isOver = false;
    this.position = position;
    for (const lane of this.#lanes.values()) {
      lane.receive(events, position);
      if (lane.isOver) isOver = true;
    }
    if (this.#fresh !== undefined) {
      this.#fresh = { after: this.#fresh.after, events: [...this.#fresh.events, ...events] };
    } else if (this.#waiters.size > 0) {
      this.#fresh = { after, events };
      setImmediate(() => this.#wake());
    }
    return isOver ? this.#room() : undefined;
  }

  async #room(): Promise<void> {
    for (const lane of this.#lanes.values()) if (lane.isOver) await lane.room();
  }

  #wake(): void {
    if (this.#fresh === undefined) return;
    const { after, events } = this.#fresh;
    this.#fresh = undefined;
    const slice = new LogSlice(after, { events, position: this.position });
    // One that is longer than a read is read back, part by part.
    if (events.length > 0 && events.length <= readEvents && slice.bytes <= readBytes) this.behind.offer(slice);
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }
}

/** Readers whose plans bound a flush alike share a lane; where events are conflated, those who also have the same filter. */
function laneKey({ governor, filter }: FeedReader): string {
  const { maxDelay, maxBytes, maxEvents } = governor.flush ?? defaultFlush;
  const bound = `${maxDelay} ${maxBytes} ${maxEvents}`;
  return filter?.conflation === undefined ? bound : `${bound} ${filter.key}`;
}

/** Holds batches that arrive before the feed knows where its consumer began. */
class EarlyBatches {
  #held: { readonly events: readonly Event[]; readonly position: Position }[] = [];
  #to: Receive | undefined;

  receive(events: readonly Event[], position: Position): void | Promise<void> {
    if (this.#to !== undefined) return this.#to(events, position);
    this.#held.push({ events, position });
    return undefined;
  }

  hand(to: Receive): void {
    this.#to = to;
    for (const { events, position } of this.#held) void to(events, position);
    this.#held = [];
  }
}

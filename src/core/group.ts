import type { Filter } from './batch.ts';
import type { Changes } from './changes.ts';
import type { Sink } from './entrypoint.ts';
import type { WireFormat } from './event.ts';
import type { Batch, ReaderAccount, Tally } from './meter.ts';
import type { FlushBound, LimitAnswer, OutboxBound } from './policy.ts';
import type { Position } from './position.ts';

/** The deliver stage of a subscription, compiled; the same object for all its readers, so that they can be asked about together. */
export interface Governor {
  /** How many of the next n events may go now, to one reader or to several; takes nothing. */
  allow(n: number, bytes: number): number;
  delivered(n: number, bytes: number): void;
  /** Why the last `allow` gave less than n; undefined when the window has ended meanwhile. */
  limited(): LimitAnswer | undefined;
  /** Undefined: the default bound. */
  readonly outbox: OutboxBound | undefined;
  /** Undefined: the default bound. */
  readonly flush?: FlushBound | undefined;
}

/** A reader as its feed knows it. */
export interface FeedReader {
  readonly sink: Sink;
  readonly format: WireFormat;
  readonly filter: Filter | undefined;
  readonly governor: Governor;
  readonly account: ReaderAccount;
  /** Takes every batch whole from now on: nothing waits, nothing is passed over, nothing was charged before. */
  readonly isLevel: boolean;
  /** The group it is in and where, kept by the group. */
  group: Group | undefined;
  seat: number;
  /** What its cohort makes of events where they are written as changes, kept by the cohort. */
  changes: Changes | undefined;
  /** Whether it was given the event at this place, and since then all others its cohort wrote. */
  knows(base: Position): boolean;
  /** One flush for this reader alone; `buffer` holds the frames of all its events. */
  take(batch: Batch, buffer: Buffer): void;
  /** It left its group, with everything up to `position` charged and written. */
  left(position: Position): void;
  /** Its socket took the last flush and is full. */
  block(): void;
  /** What serves it threw: a bug, which ends this reader and no other. */
  fail(error: unknown): void;
}

/**
 * Readers of one subscription that take the same bytes and are level with their lane: asked for, charged and counted
 * as one, so that a flush costs each of them its write and nothing else.
 */
export class Group {
  readonly governor: Governor;
  readonly #tally: Tally;
  /** Undefined: left while a flush walks the list, which must not move seats under it. */
  readonly #readers: (FeedReader | undefined)[] = [];
  readonly #sinks: Sink[] = [];
  #position: Position;
  #size = 0;
  #isFlushing = false;

  constructor(governor: Governor, tally: Tally, position: Position) {
    this.governor = governor;
    this.#tally = tally;
    this.#position = position;
  }

  get size(): number {
    return this.#size;
  }

  /** Where all its readers are. */
  get position(): Position {
    return this.#position;
  }

  add(reader: FeedReader): void {
    reader.group = this;
    reader.seat = this.#readers.length;
    this.#readers.push(reader);
    this.#sinks.push(reader.sink);
    this.#size += 1;
    reader.account.join(this.#tally);
  }

  remove(reader: FeedReader): void {
    const { seat } = reader;
    reader.group = undefined;
    this.#size -= 1;
    if (this.#isFlushing) this.#readers[seat] = undefined;
    else this.#vacate(seat);
    reader.account.leave();
    reader.left(this.#position);
  }

  /** Whether a limit lets all of them have the whole batch. */
  mayTake(batch: Batch): boolean {
    const n = batch.events.length * this.#size;
    return this.governor.allow(n, batch.bytes * this.#size) >= n;
  }

  /** One charge for all, one write for each. */
  flush(batch: Batch, buffer: Buffer): void {
    const n = batch.events.length;
    if (n > 0) this.governor.delivered(n * this.#size, batch.bytes * this.#size);
    this.#tally.charge(batch);
    this.#position = batch.position;
    if (n > 0) this.#write(buffer, n);
  }

  /** Everybody leaves; those who left are returned. */
  dissolve(): readonly FeedReader[] {
    const readers = this.#readers.filter((reader) => reader !== undefined);
    for (const reader of readers) this.remove(reader);
    return readers;
  }

  #write(buffer: Buffer, n: number): void {
    const readers = this.#readers;
    const sinks = this.#sinks;
    const count = sinks.length;
    this.#isFlushing = true;
    for (let seat = 0; seat < count; seat += 1) {
      const reader = readers[seat];
      if (reader === undefined) continue;
      try {
        if (!(sinks[seat] as Sink).write(buffer, n)) reader.block();
      } catch (error) {
        reader.fail(error);
      }
    }
    this.#isFlushing = false;
    if (this.#size < readers.length) this.#compact();
  }

  #vacate(seat: number): void {
    const last = this.#readers.pop() as FeedReader;
    const sink = this.#sinks.pop() as Sink;
    if (seat === this.#readers.length) return;
    this.#readers[seat] = last;
    this.#sinks[seat] = sink;
    last.seat = seat;
  }

  #compact(): void {
    let kept = 0;
    for (let seat = 0; seat < this.#readers.length; seat += 1) {
      const reader = this.#readers[seat];
      if (reader === undefined) continue;
      this.#readers[kept] = reader;
      this.#sinks[kept] = this.#sinks[seat] as Sink;
      reader.seat = kept;
      kept += 1;
    }
    this.#readers.length = kept;
    this.#sinks.length = kept;
  }
}

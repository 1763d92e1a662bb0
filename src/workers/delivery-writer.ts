import { restAfter } from '../core/flush-rest.ts';
import type { Sink } from '../core/entrypoint.ts';
import type { FlushBound } from '../core/policy.ts';
import type { CommonPace } from './common-pace.ts';
import { asksForRoom, numbersPerGroup, type Deliveries } from './messages.ts';
import { monotonic } from './monotonic.ts';
import { maxSinks, type SinkBoard } from './sink-board.ts';

interface Group {
  /** Consecutive pieces for the same sinks. */
  readonly pieces: Buffer[];
  bytes: number;
  events: number;
  readonly members: Uint32Array;
  /** The piece is part of a larger slab, which a socket that keeps it would keep too. */
  readonly sharesSlab: boolean;
  /** How much may be joined into one write. */
  readonly flush: FlushBound;
}

export interface WriterParts {
  readonly board: SinkBoard;
  readonly pace: CommonPace;
  /** These sinks were full for the main thread and have room. */
  readonly onRoom: (slots: readonly number[]) => void;
  readonly onBug: (error: unknown) => void;
}

/**
 * Writes what the main thread hands over to the sockets of one worker: when idle at the end of the turn. A busy one writes everything
 * that has come meanwhile at once: larger pieces less often.
 */
export class DeliveryWriter {
  readonly #parts: WriterParts;
  readonly #sinks: (Sink | undefined)[] = [];
  /** Slots the main thread wants to be told of. */
  readonly #wanted = new Set<number>();
  #groups: Group[] = [];
  #bytes = 0;
  /** Number of the first of `#groups`; numbers go on rising. */
  #firstNumber = 1;
  /** Number of the last group each slot is in. */
  readonly #lastGroup = new Float64Array(maxSinks);
  #room: number[] = [];
  #rest: NodeJS.Timeout | undefined;
  #isScheduled = false;
  /** Monotonic milliseconds: when the last writing ended, and when the next one could begin if this thread had a core. */
  #endedAt = 0;
  #dueAt = 0;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  open(slot: number, sink: Sink): void {
    this.#sinks[slot] = sink;
  }

  sink(slot: number): Sink | undefined {
    return this.#sinks[slot];
  }

  close(slot: number): void {
    this.#sinks[slot] = undefined;
    this.#wanted.delete(slot);
  }

  take({ slabs, groups, members, bytes, flush, postedAt }: Deliveries): void {
    const buffers = slabs.map((slab) => Buffer.from(slab));
    let first = 0;
    for (let place = 0; place < groups.length; place += numbersPerGroup) {
      const slab = buffers[groups[place] as number] as Buffer;
      const piece = slab.subarray(groups[place + 1], groups[place + 2]);
      const end = groups[place + 4] as number;
      this.#add({
        pieces: [piece],
        bytes: piece.length,
        events: groups[place + 3] as number,
        members: members.subarray(first, end),
        sharesSlab: piece.length < slab.length,
        flush,
      });
      first = end;
    }
    this.#bytes += bytes;
    this.#schedule(flush.maxDelay, postedAt);
  }

  /** Writes everything that has come. */
  write(): void {
    this.#isScheduled = false;
    clearTimeout(this.#rest);
    this.#rest = undefined;
    if (this.#groups.length === 0) return;
    const groups = this.#groups;
    this.#groups = [];
    this.#firstNumber += groups.length;
    for (const group of groups) this.#writeGroup(group);
    this.#endedAt = monotonic();
    this.#parts.pace.report(this.#endedAt - this.#dueAt, this.#endedAt);
    this.#parts.board.consume(this.#bytes);
    this.#bytes = 0;
    this.#tellRoom();
  }

  /** The sink's socket has room again. */
  drained(slot: number): void {
    const sink = this.#sinks[slot];
    if (sink === undefined) return;
    this.#parts.board.take(slot, 0, sink.buffered);
    if (!this.#wanted.delete(slot)) return;
    this.#room.push(slot);
    this.#tellRoom();
  }

  /** As a lane does: at once when idle; after a write it rests, at most so many milliseconds. */
  #schedule(maxDelay: number, postedAt: number): void {
    if (this.#isScheduled) return;
    const now = monotonic();
    const rest = restAfter(this.#parts.pace.slowest(now), now - this.#endedAt, maxDelay);
    if (rest >= 1) {
      if (this.#rest !== undefined) return;
      this.#dueAt = now + rest;
      this.#rest = setTimeout(() => this.write(), rest);
      return;
    }
    // What came while this thread was writing could not have gone before.
    this.#dueAt = this.#rest === undefined ? Math.max(postedAt, this.#endedAt) : now;
    clearTimeout(this.#rest);
    this.#rest = undefined;
    this.#isScheduled = true;
    setImmediate(() => this.write());
  }

  #tellRoom(): void {
    if (this.#room.length === 0) return;
    const slots = this.#room;
    this.#room = [];
    this.#parts.onRoom(slots);
  }

  #add(group: Group): void {
    const previous = this.#joinable(group);
    if (previous !== undefined) {
      previous.pieces.push(...group.pieces);
      previous.bytes += group.bytes;
      previous.events += group.events;
      return;
    }
    const number = this.#firstNumber + this.#groups.length;
    const { members } = group;
    this.#groups.push(group);
    for (let index = 0; index < members.length; index += 1) this.#lastGroup[slotOf(members[index] as number)] = number;
  }

  /** The group of exactly these sinks that is the last for all of them, so that each still gets its bytes in order. */
  #joinable({ bytes, events, members, flush }: Group): Group | undefined {
    const number = this.#lastGroup[slotOf(members[0] as number)] as number;
    const group = this.#groups[number - this.#firstNumber];
    if (group === undefined || group.members.length !== members.length) return undefined;
    if (group.bytes + bytes > flush.maxBytes || group.events + events > flush.maxEvents) return undefined;
    for (let index = 0; index < members.length; index += 1) {
      const member = members[index] as number;
      if (group.members[index] !== member || this.#lastGroup[slotOf(member)] !== number) return undefined;
    }
    return group;
  }

  #writeGroup({ pieces, bytes, events, members, sharesSlab }: Group): void {
    const buffer = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, bytes);
    let own = sharesSlab && pieces.length === 1 ? undefined : buffer;
    for (let index = 0; index < members.length; index += 1) {
      const member = members[index] as number;
      const slot = slotOf(member);
      const sink = this.#sinks[slot];
      if (sink === undefined) continue;
      if (sink.buffered > 0) own ??= copyOf(buffer);
      this.#hand(sink, member, sink.buffered > 0 ? (own as Buffer) : buffer, events);
    }
  }

  #hand(sink: Sink, member: number, buffer: Buffer, events: number): void {
    const { board, onBug } = this.#parts;
    const slot = slotOf(member);
    let hasRoom = false;
    try {
      hasRoom = sink.write(buffer, events);
    } catch (error) {
      onBug(error);
    }
    board.take(slot, buffer.length, sink.buffered);
    if (member < asksForRoom) return;
    if (hasRoom) this.#room.push(slot);
    else this.#wanted.add(slot);
  }
}

/** In memory of its own: the pool's is held by whoever holds a part of it. */
function copyOf(buffer: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(buffer.length);
  copy.set(buffer);
  return copy;
}

function slotOf(member: number): number {
  return member & ~asksForRoom;
}

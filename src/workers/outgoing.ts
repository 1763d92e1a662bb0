import { defaultFlush } from '../core/lane.ts';
import type { FlushBound } from '../core/policy.ts';
import { asksForRoom, numbersPerGroup, type Deliveries } from './messages.ts';
import { monotonic } from './monotonic.ts';
import { maxSinks, type SinkBoard } from './sink-board.ts';

/** Bytes posted to one worker and not dealt with there; past it every sink of it is full. */
const maxInFlightBytes = 4 * 1024 * 1024;
/** Bytes waiting in one sink's socket, past which that sink is full. */
const maxWaitingBytes = 64 * 1024;
/** Bytes gathered in one turn, past which they are posted before it ends. */
const maxGatheredBytes = 256 * 1024;
/** Bytes of a slab that several groups share: what a slow socket may keep alive beyond its own bytes. */
const maxSharedSlabBytes = 64 * 1024;
/** Members for which room is kept from turn to turn. */
const keptMembers = 65_536;

/** The sink as deliveries know it. */
export interface Addressee {
  readonly slot: number;
  /** How a busy worker may gather what it is handed. */
  readonly flush: FlushBound;
}

/** When gathered deliveries go: at the end of the turn, or now. */
export interface Departure {
  schedule(): void;
  post(): void;
}

/**
 * What one worker's sinks are to be written, gathered over a turn of the loop. Sinks that are handed the same buffer
 * one after another form a group, whose bytes cross once: a reader costs a number.
 */
export class Outgoing {
  readonly #board: SinkBoard;
  readonly #departure: Departure;
  /** Bytes handed to each slot, wrapping. */
  readonly #handed = new Int32Array(maxSinks);
  #buffers: Buffer[] = [];
  #counts: number[] = [];
  /** End of the members of each group but the last. */
  #ends: number[] = [];
  #members = new Uint32Array(1024);
  #size = 0;
  #bytes = 0;
  /** Bytes in all messages so far, wrapping. */
  #posted = 0;
  /** The tightest of what is gathered. */
  #flush: FlushBound | undefined;
  #last: Buffer | undefined;
  #isFull = false;

  constructor(board: SinkBoard, departure: Departure) {
    this.#board = board;
    this.#departure = departure;
  }

  /** Bytes posted and not dealt with by the worker, and those gathered. */
  get inFlight(): number {
    return ((this.#posted - this.#board.consumed) | 0) + this.#bytes;
  }

  /** Takes n events for a sink. False: the worker will tell when the sink has room. */
  hand(sink: Addressee, buffer: Buffer, n: number): boolean {
    const { slot } = sink;
    if (buffer !== this.#last) this.#begin(buffer, n, sink.flush);
    if (this.#size === this.#members.length) this.#grow();
    const isFull = this.#isFull || this.#board.waiting(slot) > maxWaitingBytes;
    this.#members[this.#size] = isFull ? slot | asksForRoom : slot;
    this.#size += 1;
    this.#handed[slot] = ((this.#handed[slot] as number) + buffer.length) | 0;
    return !isFull;
  }

  /** Bytes handed to a slot that the kernel has not, as far as the worker has told. */
  buffered(slot: number): number {
    return (((this.#handed[slot] as number) - this.#board.taken(slot)) | 0) + this.#board.waiting(slot);
  }

  /** The slot begins anew. */
  reset(slot: number): void {
    this.#handed[slot] = 0;
    this.#board.reset(slot);
  }

  /** What was gathered as one message, and what is to be transferred with it. */
  take(): { readonly message: Deliveries; readonly transfer: ArrayBuffer[] } | undefined {
    if (this.#buffers.length === 0) return undefined;
    this.#ends.push(this.#size);
    const { slabs, groups } = this.#pack();
    const members = this.#members.slice(0, this.#size);
    const flush = this.#flush ?? defaultFlush;
    const message: Deliveries = { kind: 'deliver', slabs, groups, members, bytes: this.#bytes, flush, postedAt: monotonic() };
    this.#posted = (this.#posted + this.#bytes) | 0;
    this.#clear();
    return { message, transfer: [...slabs, groups.buffer, members.buffer] };
  }

  #begin(buffer: Buffer, n: number, flush: FlushBound): void {
    if (this.#bytes >= maxGatheredBytes) this.#departure.post();
    if (this.#buffers.length === 0) this.#departure.schedule();
    else this.#ends.push(this.#size);
    this.#buffers.push(buffer);
    this.#counts.push(n);
    if (flush !== this.#flush) this.#flush = this.#flush === undefined ? flush : tighter(this.#flush, flush);
    this.#bytes += buffer.length;
    this.#last = buffer;
    this.#isFull = this.inFlight > maxInFlightBytes;
  }

  #grow(): void {
    const members = new Uint32Array(this.#members.length * 2);
    members.set(this.#members);
    this.#members = members;
  }

  /** Small groups share slabs, large ones have their own. */
  #pack(): { readonly slabs: ArrayBuffer[]; readonly groups: Uint32Array<ArrayBuffer> } {
    const buffers = this.#buffers;
    const groups = new Uint32Array(buffers.length * numbersPerGroup);
    const slabs: ArrayBuffer[] = [];
    let first = 0;
    while (first < buffers.length) {
      const end = this.#endOfSlab(first);
      slabs.push(this.#fill(first, end, groups, slabs.length));
      first = end;
    }
    return { slabs, groups };
  }

  /** The group behind the last one that shares a slab with `first`. */
  #endOfSlab(first: number): number {
    let size = (this.#buffers[first] as Buffer).length;
    let end = first + 1;
    for (; end < this.#buffers.length; end += 1) {
      size += (this.#buffers[end] as Buffer).length;
      if (size > maxSharedSlabBytes) break;
    }
    return end;
  }

  #fill(first: number, end: number, groups: Uint32Array, number: number): ArrayBuffer {
    let size = 0;
    for (let index = first; index < end; index += 1) {
      const place = index * numbersPerGroup;
      groups[place] = number;
      groups[place + 1] = size;
      size += (this.#buffers[index] as Buffer).length;
      groups[place + 2] = size;
      groups[place + 3] = this.#counts[index] as number;
      groups[place + 4] = this.#ends[index] as number;
    }
    // Never of the pool, whose buffer belongs to others too.
    const slab = Buffer.allocUnsafeSlow(size);
    for (let index = first; index < end; index += 1) slab.set(this.#buffers[index] as Buffer, groups[index * numbersPerGroup + 1]);
    return slab.buffer;
  }

  #clear(): void {
    this.#buffers = [];
    this.#counts = [];
    this.#ends = [];
    this.#size = 0;
    this.#bytes = 0;
    this.#flush = undefined;
    this.#last = undefined;
    if (this.#members.length > keptMembers) this.#members = new Uint32Array(keptMembers);
  }
}

function tighter(a: FlushBound, b: FlushBound): FlushBound {
  return {
    maxDelay: Math.min(a.maxDelay, b.maxDelay),
    maxBytes: Math.min(a.maxBytes, b.maxBytes),
    maxEvents: Math.min(a.maxEvents, b.maxEvents),
  };
}

import type { Event } from '../core/event.ts';
import type { Batch } from '../core/meter.ts';
import type { Position } from '../core/position.ts';

/** How much may lie between the cursor and what was read. */
export interface WindowBound {
  readonly events: number;
  /** Of payload; one event may be larger. */
  readonly bytes: number;
}

const usualBound: WindowBound = { events: 256, bytes: 1024 * 1024 };

/** The place of one event between the cursor and what was read. */
export interface Place {
  readonly event: Event;
  /** Charged before: by an earlier connection of the same reader. */
  readonly isBilled: boolean;
  /** `owed`: passed over, and still to be delivered or dead. */
  state: 'open' | 'delivered' | 'owed';
  /** The cursor is behind it. */
  isPassed: boolean;
  /** It is not attempted before others are done that its endpoint's order puts before it. */
  isBehind: boolean;
}

interface Held extends Place {
  /** Events before it that the endpoint does not want. */
  readonly filteredBefore: number;
}

/** What an endpoint's reader has read and its cursor has not passed, in the order of the log: the cursor follows what is settled without a gap. */
export class DeliveryWindow {
  #held: Held[] = [];
  #bytes = 0;
  /** Events behind the last one held that the endpoint does not want. */
  #filtered = 0;
  /** Everything up to here was read. */
  #position: Position;
  #cursor: Position;
  readonly #bound: WindowBound;

  constructor(cursor: Position, bound: WindowBound = usualBound) {
    this.#bound = bound;
    this.#position = cursor;
    this.#cursor = cursor;
  }

  /** Everything up to here was read. */
  get position(): Position {
    return this.#position;
  }

  /** Where the reader stands. */
  get cursor(): Position {
    return this.#cursor;
  }

  /** The first event that is not settled and waits for no other. */
  get oldestOpen(): Event | undefined {
    return this.#held.find(({ state, isBehind }) => state === 'open' && !isBehind)?.event;
  }

  get isFull(): boolean {
    return this.#held.length >= this.#bound.events || this.#bytes >= this.#bound.bytes;
  }

  /** Takes the next event. */
  add(event: Event, isBilled: boolean): Place {
    const held: Held = { event, isBilled, state: 'open', isPassed: false, isBehind: false, filteredBefore: this.#filtered };
    this.#filtered = 0;
    this.#held.push(held);
    this.#bytes += event.bytes;
    this.#position = event.position;
    return held;
  }

  /** The next event is none for this endpoint. */
  pass(position: Position): void {
    this.#filtered += 1;
    this.#position = position;
  }

  /** There is nothing more up to here. */
  readTo(position: Position): void {
    this.#position = position;
  }

  /** The place of an event that was read and that the cursor has not passed. */
  placeOf(position: Position): Place | undefined {
    return this.#held.find(({ event }) => event.position === position);
  }

  /** Moves the cursor over what is settled: what to charge for it, or undefined when it stays where it is. */
  advance(): Batch | undefined {
    const count = this.#leading();
    const isAll = count === this.#held.length;
    const position = isAll ? this.#position : (this.#held[count - 1]?.event.position ?? this.#cursor);
    if (position === this.#cursor) return undefined;
    const passed = this.#held.slice(0, count);
    this.#held = this.#held.slice(count);
    this.#cursor = position;
    const events: Event[] = [];
    let [bytes, filtered, deferred] = [0, 0, 0];
    for (const held of passed) {
      const { event, state, isBilled, filteredBefore } = held;
      held.isPassed = true;
      this.#bytes -= event.bytes;
      filtered += filteredBefore;
      if (state === 'delivered') {
        events.push(event);
        bytes += event.bytes;
      } else if (!isBilled) deferred += 1;
    }
    if (isAll) {
      filtered += this.#filtered;
      this.#filtered = 0;
    }
    return { events, bytes, position, filtered, deferred };
  }

  /** What is settled behind the first event that is not. */
  settledAhead(): readonly Position[] {
    return this.#held.filter(({ state }) => state === 'delivered').map(({ event }) => event.position);
  }

  #leading(): number {
    const open = this.#held.findIndex(({ state }) => state === 'open');
    return open === -1 ? this.#held.length : open;
  }
}

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
  /** `owed`: passed over, and still to be delivered or dead. `hidden`: it may not be read any more, and is in no count. */
  state: 'open' | 'delivered' | 'owed' | 'hidden';
  /** The cursor is behind it. */
  isPassed: boolean;
  /** It is not attempted before others are done that its endpoint's order puts before it. */
  isBehind: boolean;
}

interface Held extends Place {
  /** Events before it that the endpoint does not want. */
  filteredBefore: number;
  /** The last event before it that may not be read. */
  hiddenBefore: Position | undefined;
}

/** What an endpoint's reader has read and its cursor has not passed, in the order of the log: the cursor follows what is settled without a gap. */
export class DeliveryWindow {
  #held: Held[] = [];
  #bytes = 0;
  /** Events behind the last one held that the endpoint does not want. */
  #filtered = 0;
  /** The last event behind them that may not be read. */
  #hidden: Position | undefined;
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
    const [filteredBefore, hiddenBefore] = [this.#filtered, this.#hidden];
    const held: Held = { event, isBilled, state: 'open', isPassed: false, isBehind: false, filteredBefore, hiddenBefore };
    this.#filtered = 0;
    this.#hidden = undefined;
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

  /** The next event may not be read. */
  hide(position: Position): void {
    this.#hidden = position;
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

  /** Moves the cursor over what comes next and may not be read: where it is then, or undefined when it stays where it is. To be done before `advance`. */
  skipHidden(): Position | undefined {
    let reached: Position | undefined;
    let first = this.#held[0];
    while (first !== undefined) {
      reached = first.hiddenBefore ?? reached;
      first.hiddenBefore = undefined;
      if (first.state !== 'hidden') break;
      reached = first.event.position;
      this.#drop(first);
      first = this.#held[0];
    }
    if (first === undefined) {
      reached = this.#hidden ?? reached;
      this.#hidden = undefined;
    }
    if (reached !== undefined) this.#cursor = reached;
    return reached;
  }

  /** Moves the cursor over what is settled, as far as nothing is hidden: what to charge for it, or undefined when it stays where it is. */
  advance(): Batch | undefined {
    const count = this.#leading();
    const isAll = count === this.#held.length && this.#hidden === undefined;
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

  /** The first one, which was read and then hidden. */
  #drop(first: Held): void {
    first.isPassed = true;
    this.#held.shift();
    this.#bytes -= first.event.bytes;
    const [next] = this.#held;
    if (next === undefined) this.#filtered += first.filteredBefore;
    else next.filteredBefore += first.filteredBefore;
  }

  #leading(): number {
    const end = this.#held.findIndex(
      ({ state, hiddenBefore }, index) => state === 'open' || state === 'hidden' || (index > 0 && hiddenBefore !== undefined),
    );
    return end === -1 ? this.#held.length : end;
  }
}

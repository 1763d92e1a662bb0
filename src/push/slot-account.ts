import { lanes } from './lane-turns.ts';
import type { Lane } from './lane-turns.ts';
import { Turn, TurnHeap } from './turn-heap.ts';

/** Milliseconds the first attempt is charged. Much, so that one that hangs has not more of them before that is known; it gets back what it did not take. */
const firstExpected = 5_000;
/** Slot-milliseconds somebody can be ahead of the others at most, which bounds how long he waits for them: some four of the longest attempts. */
const maxAhead = 120_000;
/** Slot-milliseconds somebody who waits can be behind the others at most, which bounds how long they wait for him. */
const maxBehind = 5_000;

/** Those who compete for slots: who waits in each lane, and how far they have come. */
export class Competition<T> {
  readonly waiting: Readonly<Record<Lane, TurnHeap<T>>> = { first: new TurnHeap(), retry: new TurnHeap(), replay: new TurnHeap() };
  /** Slot-milliseconds everybody who waits has had since the beginning, or was not there to have. */
  reached = 0;

  /** Comes as far as the one who is furthest behind. */
  advance(): void {
    const least = Math.min(...lanes.map((lane) => this.waiting[lane].first?.tag ?? Infinity));
    if (least < Infinity) this.reached = Math.max(this.reached, least);
  }
}

/** One slot while it is held. */
export interface Holding {
  /** Milliseconds on the ring's clock. */
  readonly startedAt: number;
  /** Milliseconds it counts for until it is over or has taken longer. */
  readonly charged: number;
}

/** What one competitor has had of the slots, and its turns. */
export class SlotAccount<T> {
  readonly #competition: Competition<T>;
  readonly #turns: Readonly<Record<Lane, Turn<T>>>;
  /** Slot-milliseconds of what is over, on the scale of the competition. */
  #finished: number;
  #average: number | undefined;
  #held = 0;
  /** Sums over the slots it has now. */
  #charged = 0;
  #startedAt = 0;

  constructor(owner: T, competition: Competition<T>) {
    this.#competition = competition;
    this.#turns = { first: new Turn(owner), retry: new Turn(owner), replay: new Turn(owner) };
    this.#finished = competition.reached;
  }

  /** Slots it has now. */
  get held(): number {
    return this.#held;
  }

  /** Milliseconds an attempt is expected to take, by those of late. */
  get expected(): number {
    return this.#average ?? firstExpected;
  }

  begin({ startedAt, charged }: Holding): void {
    this.#held += 1;
    this.#charged += charged;
    this.#startedAt += startedAt;
  }

  end({ startedAt, charged }: Holding, now: number): void {
    this.#held -= 1;
    this.#charged -= charged;
    this.#startedAt -= startedAt;
    // Not even what took no time is free, or it would go before the others for ever.
    const took = Math.max(1, now - startedAt);
    this.#finished += took;
    this.#average = this.#average === undefined ? took : this.#average + (took - this.#average) / 8;
  }

  /** Puts its turns where they belong now. `excessOf` is undefined for a lane in which it does not wait; `order` grows from call to call. */
  rank(order: number, now: number, excessOf: (lane: Lane) => number | undefined): void {
    const { waiting } = this.#competition;
    const tag = this.#settle(now);
    for (const lane of lanes) {
      const turn = this.#turns[lane];
      const excess = excessOf(lane);
      if (excess === undefined) {
        waiting[lane].remove(turn);
        continue;
      }
      if (!turn.isWaiting || turn.tag !== tag) turn.order = order;
      turn.excess = excess;
      turn.tag = tag;
      waiting[lane].place(turn);
    }
  }

  /** What it has had, within the bounds. */
  #settle(now: number): number {
    const { reached } = this.#competition;
    const underWay = Math.max(this.#charged, this.#held * now - this.#startedAt);
    // Who did not wait has not saved up what the others had meanwhile.
    const isWaiting = lanes.some((lane) => this.#turns[lane].isWaiting);
    const least = reached - underWay - (isWaiting ? maxBehind : 0);
    this.#finished = Math.min(Math.max(this.#finished, least), reached + maxAhead);
    return Math.min(this.#finished + underWay, reached + maxAhead);
  }
}

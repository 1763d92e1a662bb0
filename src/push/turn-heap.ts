/** What waits for its turn on behalf of something. */
export class Turn<T> {
  readonly of: T;
  /** 0 within its share; the more, the later. */
  excess = 0;
  /** Slot-milliseconds on the scale of those it competes with: who has least comes first. */
  tag = 0;
  /** Where the others are equal, who came first comes first. */
  order = 0;
  /** Its index in the heap it waits in, -1 outside: written by TurnHeap alone. */
  place = -1;

  constructor(of: T) {
    this.of = of;
  }

  get isWaiting(): boolean {
    return this.place >= 0;
  }
}

/** A binary heap of turns, the next one first, in which one that changed is moved at O(log n). */
export class TurnHeap<T> {
  readonly #turns: Turn<T>[] = [];

  get first(): Turn<T> | undefined {
    return this.#turns[0];
  }

  /** Puts a turn in, or moves it to where it now belongs. */
  place(turn: Turn<T>): void {
    if (turn.place < 0) this.#set(turn, this.#turns.length);
    this.#rise(turn);
    this.#sink(turn);
  }

  /** Does nothing when it is not in. */
  remove(turn: Turn<T>): void {
    const { place } = turn;
    if (place < 0) return;
    turn.place = -1;
    const last = this.#turns.pop() as Turn<T>;
    if (last === turn) return;
    this.#set(last, place);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(turn: Turn<T>): void {
    while (turn.place > 0) {
      const above = this.#turns[(turn.place - 1) >> 1] as Turn<T>;
      if (!isBefore(turn, above)) return;
      this.#swap(turn, above);
    }
  }

  #sink(turn: Turn<T>): void {
    for (;;) {
      const left = this.#turns[2 * turn.place + 1];
      const right = this.#turns[2 * turn.place + 2];
      if (left === undefined) return;
      const next = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(next, turn)) return;
      this.#swap(next, turn);
    }
  }

  #swap(lower: Turn<T>, upper: Turn<T>): void {
    const place = lower.place;
    this.#set(lower, upper.place);
    this.#set(upper, place);
  }

  #set(turn: Turn<T>, place: number): void {
    this.#turns[place] = turn;
    turn.place = place;
  }
}

function isBefore<T>(one: Turn<T>, other: Turn<T>): boolean {
  if (one.excess !== other.excess) return one.excess < other.excess;
  return one.tag === other.tag ? one.order < other.order : one.tag < other.tag;
}

/** What waits for a time. */
export interface Due {
  /** Wall time in milliseconds; becomes earlier when the clock is set back. */
  dueAt: number;
}

/** Deliveries that wait for another attempt, soonest first. */
export class DueList<D extends Due> {
  readonly #items: D[] = [];
  /** The time it was asked at last. */
  #askedAt = -Infinity;

  get size(): number {
    return this.#items.length;
  }

  /** Wall time of the next one; Infinity when there is none. */
  get next(): number {
    return this.#items[0]?.dueAt ?? Infinity;
  }

  add(item: D): void {
    this.#items.splice(this.#after(item.dueAt), 0, item);
  }

  /** How many are due at `now`. */
  dueAt(now: number): number {
    this.#follow(now);
    return this.#after(now);
  }

  /** Takes the one that has been due for the longest; undefined when none is. */
  take(now: number): D | undefined {
    this.#follow(now);
    return this.next <= now ? this.#items.shift() : undefined;
  }

  /** Takes out one whether it is due or not; undefined when there is none that is so. */
  pull(isIt: (item: D) => boolean): D | undefined {
    const index = this.#items.findIndex(isIt);
    return index === -1 ? undefined : this.#items.splice(index, 1)[0];
  }

  /** A clock that was set back makes nobody wait longer than was meant. */
  #follow(now: number): void {
    const back = this.#askedAt - now;
    this.#askedAt = now;
    if (back > 0) for (const item of this.#items) item.dueAt -= back;
  }

  /** Where the first one stands that is due after `time`. */
  #after(time: number): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#items[middle] as D).dueAt <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

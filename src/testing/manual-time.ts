interface Due {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock and its timers that stand still until a test moves them. */
export class ManualTime {
  #now = Date.UTC(2026, 0, 1);
  readonly #due = new Set<Due>();

  readonly now = (): number => this.#now;

  readonly schedule = (at: number, callback: () => void): (() => void) => {
    const due = { at, callback };
    this.#due.add(due);
    return () => this.#due.delete(due);
  };

  /** Callbacks that wait for their time. */
  get pending(): number {
    return this.#due.size;
  }

  /** Moves on by milliseconds; what comes due on the way is called at its own time, in order. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const [next] = [...this.#due].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#due.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = end;
  }
}

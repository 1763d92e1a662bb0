interface ConcurrencyWindowOptions {
  readonly startAttempts?: number;
  readonly minAttempts?: number;
  readonly maxAttempts?: number;
}

/** How many attempts an endpoint may have under way: one more after as many successes as fit in it, half as many when it is too much. */
export class ConcurrencyWindow {
  readonly #min: number;
  readonly #max: number;
  #size: number;
  /** Successes since it last changed. */
  #clean = 0;
  /** Wall time in milliseconds. */
  #halvedAt = -Infinity;

  constructor({ startAttempts = 4, minAttempts = 1, maxAttempts = 32 }: ConcurrencyWindowOptions = {}) {
    this.#min = Math.max(1, minAttempts);
    this.#max = Math.max(this.#min, maxAttempts);
    this.#size = Math.min(Math.max(startAttempts, this.#min), this.#max);
  }

  get size(): number {
    return this.#size;
  }

  /** One attempt succeeded. */
  grow(): void {
    this.#clean += 1;
    if (this.#clean < this.#size) return;
    this.#clean = 0;
    this.#size = Math.min(this.#size + 1, this.#max);
  }

  /** One attempt was too much. Those that began before the last halving, up to `now`, are the same trouble: they halve it once. */
  halve(startedAt: number, now: number): void {
    this.#clean = 0;
    // After a clock that was set back every attempt would seem to have begun before.
    if (startedAt <= this.#halvedAt && now >= this.#halvedAt) return;
    this.#halvedAt = now;
    this.#size = Math.max(Math.floor(this.#size / 2), this.#min);
  }
}

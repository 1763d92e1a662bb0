/** How long to wait before the next try: doubling from half a second to half a minute, spread by a quarter either way. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds to wait now; at least what the server asked for. */
  next(asked = 0): number {
    const own = Math.min(30_000, 500 * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 10);
    return Math.max(asked, own * (0.75 + this.#random() / 2));
  }

  /** Something came through: the next failure is the first again. */
  reset(): void {
    this.#failures = 0;
  }
}

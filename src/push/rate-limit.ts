import type { Clock } from '../core/clock.ts';

/** A token bucket, such as for what may be sent to one endpoint. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #perMillisecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;

  /** Full to begin with. A rate may be a fraction, such as 0.5 per second; a burst is at least one. */
  constructor(clock: Clock, perSecond: number, burst: number = Math.max(1, perSecond)) {
    this.#clock = clock;
    this.#perMillisecond = perSecond / 1_000;
    this.#burst = Math.max(1, burst);
    this.#tokens = this.#burst;
    this.#filledAt = clock.now();
  }

  /** Milliseconds until one may be sent, rounded up; 0 when it may now. */
  get wait(): number {
    this.#fill();
    return this.#tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMillisecond - 1e-9));
  }

  /** Whether it is as if nothing had ever been taken. */
  get isFull(): boolean {
    this.#fill();
    return this.#tokens === this.#burst;
  }

  /** Takes one token when there is one: 0; else leaves it at the milliseconds until there is. */
  take(): number {
    const { wait } = this;
    if (wait === 0) this.#tokens -= 1;
    return wait;
  }

  #fill(): void {
    const now = this.#clock.now();
    // A clock that was set back brings nothing and takes nothing.
    const passed = Math.max(0, now - this.#filledAt);
    this.#filledAt = now;
    // What is missing to a whole one by rounding alone would make the wait it was told too short.
    const filled = Math.min(this.#burst, this.#tokens + passed * this.#perMillisecond);
    this.#tokens = Math.abs(filled - Math.round(filled)) < 1e-6 ? Math.round(filled) : filled;
  }
}

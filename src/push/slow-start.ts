import type { Clock } from '../core/clock.ts';

const second = 1_000;
/** Where an endpoint has no rate limit: what comes after is left to its window. */
const defaultCeiling = 256;

/** Paces an endpoint that has just recovered: 1 a second, then 2, 4 and so on until its own rate, evenly within each second, so that what piled up does not knock it over again. */
export class SlowStart {
  readonly #clock: Clock;
  readonly #ceilingPerSecond: number;
  /** Wall time in milliseconds; undefined when it is over. */
  #beganAt: number | undefined;
  #nextAt = 0;

  /** Not begun. */
  constructor(clock: Clock, ceilingPerSecond = defaultCeiling) {
    this.#clock = clock;
    this.#ceilingPerSecond = ceilingPerSecond;
  }

  /** Whether it holds anything back. */
  get isActive(): boolean {
    return this.#rate() !== undefined;
  }

  /** Milliseconds until the next may be sent, rounded up; 0 when it may now. */
  get wait(): number {
    return this.isActive ? Math.ceil(Math.max(0, this.#nextAt - this.#clock.now())) : 0;
  }

  /** Begins with 1 a second, also when it was on the way. */
  begin(): void {
    this.#beganAt = this.#clock.now();
    this.#nextAt = this.#beganAt;
  }

  /** Takes one when it may be sent now: 0; else leaves it at the milliseconds until it may. */
  take(): number {
    const rate = this.#rate();
    const { wait } = this;
    // Whoever waited whole milliseconds came up to one too late, which is made up for.
    if (wait === 0 && rate !== undefined) this.#nextAt = Math.max(this.#nextAt, this.#clock.now() - 1) + second / rate;
    return wait;
  }

  #rate(): number | undefined {
    if (this.#beganAt === undefined) return undefined;
    const now = this.#clock.now();
    // A clock that was set back begins the second it is in anew.
    if (now < this.#beganAt) this.begin();
    const rate = 2 ** Math.floor((now - this.#beganAt) / second);
    if (rate < this.#ceilingPerSecond) return rate;
    this.#beganAt = undefined;
    return undefined;
  }
}

import type { Clock } from '../core/clock.ts';

export interface RoundsParts {
  readonly clock: Clock;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  readonly onBug: (error: unknown) => void;
}

/** Milliseconds until the first round: a start has more urgent things to do, but one that is over within a minute is to do some of it. */
const firstAfter = 5000;
/** Milliseconds between two rounds, and after one that has left something to do. */
const roundEvery = 60_000;
const goOnAfter = 250;

/** Does a bounded part of a work that never ends, once a minute, and soon again where a round says that there is more. */
export class Rounds {
  readonly #parts: RoundsParts;
  readonly #round: () => Promise<boolean>;
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;

  /** `round` resolves with true when it has left something to do. */
  constructor(parts: RoundsParts, round: () => Promise<boolean>) {
    this.#parts = parts;
    this.#round = round;
    this.#later(firstAfter);
  }

  /** Resolves when the round that is under way is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#running;
  }

  #later(delay: number): void {
    if (this.#isClosed) return;
    const { clock, schedule, onBug } = this.#parts;
    this.#cancel = schedule(clock.now() + delay, () => {
      this.#running = this.#round()
        .then(
          (isMore) => this.#later(isMore ? goOnAfter : roundEvery),
          (error: unknown) => {
            onBug(error);
            this.#later(roundEvery);
          },
        )
        .finally(() => (this.#running = undefined));
    });
  }
}

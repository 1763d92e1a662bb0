import type { Clock } from '../../core/clock.ts';
import type { Resource } from '../../store/resources.ts';

interface LeaseParts {
  readonly clock: Clock;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  readonly all: () => Iterable<Resource<'endpoint'>>;
  /** Ends those of them whose lease is over at this wall time in milliseconds: one may have been renewed meanwhile. */
  readonly end: (ids: readonly string[], now: number) => Promise<void>;
  readonly onBug: (error: unknown) => void;
}

/** Milliseconds after which an end that could not be written is tried again. */
const afterFailure = 1_000;

/** Ended in one commit: after a long time without Sluice many are over at once. */
const endedAtOnce = 500;

/** Ends subscriptions when their lease is over (WebSub, section 5.3.1), whether anything is delivered or not. */
export class LeaseWatch {
  readonly #parts: LeaseParts;
  #next = Infinity;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: LeaseParts) {
    this.#parts = parts;
  }

  /** Ends all that are over; resolves when that is on disk. */
  async look(): Promise<void> {
    const { clock, all, end } = this.#parts;
    const now = clock.now();
    this.#cancel?.();
    this.#next = Infinity;
    const over: string[] = [];
    for (const { id, spec } of all()) {
      const { leaseUntil = Infinity } = spec.websub ?? {};
      if (leaseUntil <= now) over.push(id);
      else this.#watch(leaseUntil);
    }
    for (let next = 0; next < over.length; next += endedAtOnce) await end(over.slice(next, next + endedAtOnce), now);
  }

  /** One lasts until then: a wall time in milliseconds. */
  lasts(until: number): void {
    if (!this.#isClosed) this.#watch(until);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  #watch(at: number): void {
    if (at >= this.#next || this.#isClosed) return;
    const { schedule } = this.#parts;
    this.#cancel?.();
    this.#next = at;
    this.#cancel = schedule(at, () => void this.#lookAgain());
  }

  async #lookAgain(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      if (this.#isClosed) return;
      const { clock, onBug } = this.#parts;
      onBug(error);
      this.#watch(clock.now() + afterFailure);
    }
  }
}

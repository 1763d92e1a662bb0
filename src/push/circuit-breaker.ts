import type { Clock } from '../core/clock.ts';

/** What is kept of a breaker over a restart. */
export interface BreakerSnapshot {
  /** Wall time in milliseconds at which one delivery may try again; undefined while it is closed. */
  readonly openUntil: number | undefined;
  /** How many times it opened without being well for a while in between: doubles the time it stays open. */
  readonly openings: number;
}

/** `probe`: one delivery may find out whether it works again; its result decides. */
export type Admission = 'send' | 'probe' | 'wait';

/** `unreached`: not even a connection came about. `unknown`: the attempt ended without saying anything about the other side. */
export type BreakerResult = 'success' | 'failure' | 'unreached' | 'unknown';

export interface CircuitBreakerOptions {
  /** Below so many results within a minute nothing is concluded from their proportion. */
  readonly minSamples?: number;
  /** The part of failures at which it opens. */
  readonly failureRatio?: number;
  readonly maxUnreachedInRow?: number;
  /** Milliseconds it stays open for the first time. */
  readonly openFor?: number;
  /** Milliseconds it stays open at most. */
  readonly maxOpenFor?: number;
}

const windowMilliseconds = 60_000;
const sliceMilliseconds = 5_000;
const slices = windowMilliseconds / sliceMilliseconds;

/** Keeps deliveries from a receiver that does not work: of an endpoint by what it answers, of an origin by whether it can be reached. Constant in memory. */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #options: Required<CircuitBreakerOptions>;
  readonly #counts = new SlidingCounts();
  #openUntil: number | undefined;
  #openings: number;
  #isProbing = false;
  #unreachedInRow = 0;
  #closedAt = -Infinity;

  constructor(clock: Clock, options: CircuitBreakerOptions = {}, saved?: BreakerSnapshot) {
    this.#clock = clock;
    this.#options = { minSamples: 10, failureRatio: 0.5, maxUnreachedInRow: 5, openFor: 30_000, maxOpenFor: 1_800_000, ...options };
    this.#openUntil = saved?.openUntil;
    this.#openings = saved?.openings ?? 0;
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.#openUntil === undefined) return 'closed';
    return this.#isProbing || this.#waitFor() === 0 ? 'half-open' : 'open';
  }

  /** Milliseconds until a delivery may be tried; 0 when it may now, Infinity while another one tries. */
  get wait(): number {
    if (this.#openUntil === undefined) return 0;
    return this.#isProbing ? Infinity : this.#waitFor();
  }

  /** Asks for one attempt. What was let through must come back through `record` with the same answer. */
  admit(): Admission {
    if (this.#openUntil === undefined) return 'send';
    if (this.wait > 0) return 'wait';
    this.#isProbing = true;
    return 'probe';
  }

  /** Takes the result of an attempt. True when this opened or closed it. */
  record(admission: Exclude<Admission, 'wait'>, result: BreakerResult): boolean {
    if (admission === 'probe') return this.#recordProbe(result);
    // Attempts that were under way when it opened tell nothing new.
    if (this.#openUntil !== undefined || result === 'unknown') return false;
    const { minSamples, failureRatio, maxUnreachedInRow } = this.#options;
    this.#unreachedInRow = result === 'unreached' ? this.#unreachedInRow + 1 : 0;
    const { all, failed } = this.#counts.add(this.#clock.now(), result !== 'success');
    const isBad = result !== 'success' && all >= minSamples && failed >= all * failureRatio;
    if (!isBad && this.#unreachedInRow < maxUnreachedInRow) return false;
    this.#open();
    return true;
  }

  /** Opens no more than it was: a person knows that the receiver works again. */
  reset(): void {
    this.#close();
    this.#openings = 0;
  }

  snapshot(): BreakerSnapshot {
    return { openUntil: this.#openUntil, openings: this.#openings };
  }

  #recordProbe(result: BreakerResult): boolean {
    if (!this.#isProbing) return false;
    this.#isProbing = false;
    if (result === 'unknown') return false;
    if (result === 'success') this.#close();
    else this.#open();
    return true;
  }

  #open(): void {
    const now = this.#clock.now();
    // One that closed only just now has not been well: it goes on doubling.
    if (this.#openUntil === undefined && now - this.#closedAt > windowMilliseconds) this.#openings = 0;
    this.#openUntil = now + this.#openFor(this.#openings);
    this.#openings += 1;
  }

  #close(): void {
    this.#openUntil = undefined;
    this.#isProbing = false;
    this.#unreachedInRow = 0;
    this.#closedAt = this.#clock.now();
    this.#counts.clear();
  }

  #openFor(openings: number): number {
    return Math.min(this.#options.openFor * 2 ** openings, this.#options.maxOpenFor);
  }

  /** A clock that was set back makes nobody wait longer than a whole opening. */
  #waitFor(): number {
    const longest = this.#openFor(Math.max(0, this.#openings - 1));
    return Math.min(Math.max(0, (this.#openUntil ?? 0) - this.#clock.now()), longest);
  }
}

/** Results of about the last minute, in slices of five seconds. */
class SlidingCounts {
  readonly #all = new Uint32Array(slices);
  readonly #failed = new Uint32Array(slices);
  /** The slice of time that was counted last. */
  #current = 0;

  add(now: number, isFailure: boolean): { readonly all: number; readonly failed: number } {
    this.#moveTo(Math.floor(now / sliceMilliseconds));
    const index = this.#current % slices;
    this.#all[index] = (this.#all[index] ?? 0) + 1;
    if (isFailure) this.#failed[index] = (this.#failed[index] ?? 0) + 1;
    return { all: sum(this.#all), failed: sum(this.#failed) };
  }

  clear(): void {
    this.#all.fill(0);
    this.#failed.fill(0);
  }

  #moveTo(slice: number): void {
    // A clock that was set back says nothing about how old the counts are: they are forgotten.
    if (slice < this.#current || slice - this.#current >= slices) this.clear();
    else {
      for (let passed = this.#current + 1; passed <= slice; passed += 1) {
        this.#all[passed % slices] = 0;
        this.#failed[passed % slices] = 0;
      }
    }
    this.#current = slice;
  }
}

function sum(counts: Uint32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}

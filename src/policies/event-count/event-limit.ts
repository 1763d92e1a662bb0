import type { Clock } from '../../core/clock.ts';
import type { LimitStatus, WindowCounter, WindowUnit } from '../../core/policy.ts';
import { windowStart } from '../calendar-window.ts';

export interface EventLimitOptions {
  /** Events per window, at least 1. */
  readonly limit: number;
  readonly per: WindowUnit;
  readonly counts: 'publish' | 'deliver' | 'both';
  readonly onLimit?: 'pause' | 'disconnect' | undefined;
}

/** One limit of a subscription over its window counter, and what publishing has reserved of it. */
export class EventLimit {
  readonly options: EventLimitOptions;
  readonly #counter: WindowCounter;
  readonly #clock: Clock;
  /** Events of publications that are under way. */
  #outstanding = 0;
  /** Of those, at most so many were reserved in a window that has ended: what they give back belongs to no window any more. */
  #stale = 0;
  #windowEnd: number;

  constructor(options: EventLimitOptions, counter: WindowCounter, clock: Clock) {
    this.options = options;
    this.#counter = counter;
    this.#clock = clock;
    this.#windowEnd = counter.resetsAt();
  }

  remaining(): number {
    const left = this.options.limit - this.#counter.used();
    return left > 0 ? left : 0;
  }

  resetsAt(): number {
    return this.#counter.resetsAt();
  }

  /** Milliseconds until the window ends. */
  resetsIn(): number {
    return Math.max(0, this.#counter.resetsAt() - this.#clock.now());
  }

  count(n: number): void {
    this.#counter.add(n);
  }

  reserve(n: number): void {
    this.#noticeNewWindow();
    this.#counter.add(n);
    this.#counter.secure?.();
    this.#outstanding += n;
  }

  /**
   * Gives back what was reserved and not taken. Which of several publications under way ends here is not known, so after a window
   * has ended the first events given back count as that window's: at worst the subscriber gets a few too few, never one too many.
   */
  settle(offered: number, accepted: number): void {
    this.#noticeNewWindow();
    const rejected = offered - accepted;
    const lost = Math.min(rejected, this.#stale);
    if (rejected > lost) this.#counter.add(lost - rejected);
    this.#outstanding -= offered;
    this.#stale = Math.min(this.#stale - lost, this.#outstanding);
  }

  status(): LimitStatus {
    const { limit, per, counts } = this.options;
    const end = this.#counter.resetsAt();
    return {
      limit: 'eventCount',
      counts,
      quota: limit,
      remaining: this.remaining(),
      window: (end - windowStart(end, per)) / 1_000,
      resetsIn: this.resetsIn(),
    };
  }

  #noticeNewWindow(): void {
    const end = this.#counter.resetsAt();
    if (end === this.#windowEnd) return;
    this.#windowEnd = end;
    this.#stale = this.#outstanding;
  }
}

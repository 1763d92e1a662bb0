import type { Clock } from '../../core/clock.ts';
import type { ConnectionContext, LimitStatus, WindowCounter, WindowUnit } from '../../core/policy.ts';
import { nextWindowEnd, windowStart } from '../calendar-window.ts';

/**
 * The time all connections of a subscription are open within a calendar window, in milliseconds. It is written to the counter
 * whenever somebody asks or a connection opens or closes, so a crash loses no more than the time since the last question.
 */
export class ConnectedTime {
  readonly limit: number;
  readonly unit: WindowUnit;
  readonly #counter: WindowCounter;
  readonly #clock: Clock;
  readonly #open = new Set<ConnectionContext>();
  #settledAt: number;

  constructor(limit: number, unit: WindowUnit, counter: WindowCounter, clock: Clock) {
    this.limit = limit;
    this.unit = unit;
    this.#counter = counter;
    this.#clock = clock;
    this.#settledAt = clock.now();
  }

  now(): number {
    return this.#clock.now();
  }

  resetsAt(): number {
    return this.#counter.resetsAt();
  }

  open(connection: ConnectionContext): void {
    if (!connection.stream) return;
    this.#settle();
    this.#open.add(connection);
  }

  close(connection: ConnectionContext): void {
    if (!this.#open.has(connection)) return;
    this.#settle();
    this.#open.delete(connection);
  }

  /** Milliseconds left in this window, for all connections together. */
  remaining(): number {
    this.#settle();
    return Math.max(0, this.limit - this.#counter.used());
  }

  /** When the time is used up if exactly the connections open now go on, and when that window ends; undefined: not before the end of the next window. */
  exhaustion(): { readonly at: number; readonly resetsAt: number } | undefined {
    const remaining = this.remaining();
    const now = this.#clock.now();
    const rate = Math.max(1, this.#open.size);
    const end = this.#counter.resetsAt();
    if (now + remaining / rate < end) return { at: Math.ceil(now + remaining / rate), resetsAt: end };
    const nextEnd = nextWindowEnd(end, this.unit);
    return end + this.limit / rate < nextEnd ? { at: Math.ceil(end + this.limit / rate), resetsAt: nextEnd } : undefined;
  }

  status(): LimitStatus {
    const remaining = this.remaining();
    const end = this.#counter.resetsAt();
    return {
      limit: 'duration',
      counts: 'seconds',
      quota: this.limit / 1_000,
      remaining: Math.floor(remaining / 1_000),
      window: (end - windowStart(end, this.unit)) / 1_000,
      resetsIn: Math.max(0, end - this.#clock.now()),
    };
  }

  /** Only the part since the window began counts in it; a clock that went back adds nothing. */
  #settle(): void {
    const now = this.#clock.now();
    const from = Math.max(this.#settledAt, windowStart(this.#counter.resetsAt(), this.unit));
    if (this.#open.size > 0 && now > from) this.#counter.add((now - from) * this.#open.size);
    this.#settledAt = Math.max(this.#settledAt, now);
  }
}

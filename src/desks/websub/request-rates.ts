import type { Clock } from '../../core/clock.ts';
import { RateLimit } from '../../push/rate-limit.ts';

/** Requests under one push subscription: who subscribes by thousands of host names is no subscriber. */
const requestsPerSecond = 20;
const requestBurst = 200;
/** Subscriptions of which it is known how much they have asked. */
const mostSubscriptions = 10_000;

/** How fast requests may come under each push subscription. One that has been quiet until it may ask as much as ever is forgotten. */
export class RequestRates {
  readonly #clock: Clock;
  readonly #most: number;
  /** By subscription; who asked last is last. */
  readonly #rates = new Map<string, RateLimit>();

  /** Past `most` the one that was quiet for longest is forgotten, and may ask as much as ever. */
  constructor(clock: Clock, most = mostSubscriptions) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Subscriptions that are remembered. */
  get size(): number {
    return this.#rates.size;
  }

  /** Counts one request: 0, or without counting it the milliseconds until there may be one. */
  take(subscription: string): number {
    const rate = this.#rates.get(subscription) ?? new RateLimit(this.#clock, requestsPerSecond, requestBurst);
    this.#rates.delete(subscription);
    this.#rates.set(subscription, rate);
    const wait = rate.take();
    this.#forgetQuiet();
    return wait;
  }

  #forgetQuiet(): void {
    for (const [subscription, rate] of this.#rates) {
      if (!rate.isFull && this.#rates.size <= this.#most) return;
      this.#rates.delete(subscription);
    }
  }
}

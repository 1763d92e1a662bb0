import type { Clock } from '../core/clock.ts';
import { CircuitBreaker } from './circuit-breaker.ts';

/** Origins besides those in use that are remembered, so that an endpoint that begins anew finds what was learnt. */
const mostUnused = 1000;

/** One breaker for all endpoints that call the same origin. */
export class OriginBreakers {
  readonly #clock: Clock;
  readonly #byOrigin = new Map<string, CircuitBreaker>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Origins that are remembered. */
  get size(): number {
    return this.#byOrigin.size;
  }

  /** Those that are not closed. */
  get open(): number {
    let open = 0;
    for (const { state } of this.#byOrigin.values()) if (state !== 'closed') open += 1;
    return open;
  }

  of(url: string): CircuitBreaker {
    const { origin } = new URL(url);
    let breaker = this.#byOrigin.get(origin);
    if (breaker === undefined) this.#byOrigin.set(origin, (breaker = new CircuitBreaker(this.#clock)));
    return breaker;
  }

  /** Forgets origins that none of so many URLs has, when they have become many: whoever may make endpoints may name origins without end. */
  trim(inUse: number, urls: Iterable<string>): void {
    if (this.#byOrigin.size <= inUse + mostUnused) return;
    const used = new Set<string>();
    for (const url of urls) used.add(new URL(url).origin);
    for (const origin of this.#byOrigin.keys()) if (!used.has(origin)) this.#byOrigin.delete(origin);
  }
}

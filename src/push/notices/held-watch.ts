import type { Clock } from '../../core/clock.ts';
import type { Resource } from '../../store/resources.ts';
import type { EndpointHealth } from '../endpoint-health.ts';

export interface HeldWatchParts {
  readonly endpoints: () => readonly Resource<'endpoint'>[];
  /** How an endpoint does that is delivered to. */
  readonly healthOf: (endpoint: string) => EndpointHealth | undefined;
  readonly clock: Clock;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  /** `since`: wall time in milliseconds of the first failure after the last success. Told once for each. */
  readonly onHeld: (endpoint: Resource<'endpoint'>, since: number) => void;
}

const interval = 60_000;
/** Milliseconds of failures after which a breaker that is not closed is worth a notice: restarts of receivers take less. */
const longAfter = 600_000;

/** Looks once a minute for endpoints whose breaker keeps deliveries back for long. */
export class HeldWatch {
  readonly #parts: HeldWatchParts;
  /** Since when, by endpoint, of those that were told. */
  #told = new Map<string, number>();
  #cancel: (() => void) | undefined;

  constructor(parts: HeldWatchParts) {
    this.#parts = parts;
    this.#again();
  }

  close(): void {
    this.#cancel?.();
  }

  #again(): void {
    const { clock, schedule } = this.#parts;
    this.#cancel = schedule(clock.now() + interval, () => {
      this.#look();
      this.#again();
    });
  }

  #look(): void {
    const { endpoints, clock, onHeld } = this.#parts;
    const told = new Map<string, number>();
    for (const endpoint of endpoints()) {
      const since = this.#heldSince(endpoint.id);
      if (since === undefined || clock.now() - since < longAfter) continue;
      told.set(endpoint.id, since);
      if (this.#told.get(endpoint.id) !== since) onHeld(endpoint, since);
    }
    this.#told = told;
  }

  #heldSince(endpoint: string): number | undefined {
    const health = this.#parts.healthOf(endpoint);
    if (health === undefined || health.failing.state === 'stopped' || health.breaker.state === 'closed') return undefined;
    return health.failing.snapshot().failingSince;
  }
}

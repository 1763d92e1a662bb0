import type { Health } from '../../core/backbone.ts';
import type { Clock } from '../../core/clock.ts';

/** Milliseconds of a probe's round trip past which the log counts as degraded. */
const SLOW = 1000;

/** Judges the log by probes and by what became of the last commit, and remembers since when. */
export class HealthRecord {
  readonly #clock: Clock;
  #failure: string | undefined;
  #health: Health;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#health = { state: 'up', latency: undefined, since: clock.now() };
  }

  /** Undefined: the commit succeeded. */
  committed(failure: string | undefined): void {
    this.#failure = failure;
  }

  answered(latency: number): Health {
    if (this.#failure !== undefined) return this.#become('degraded', latency, `The last commit of events failed: ${this.#failure}`);
    if (latency > SLOW) return this.#become('degraded', latency, `A small write took ${Math.round(latency)} ms; the disk is slow or busy.`);
    return this.#become('up', latency, undefined);
  }

  failed(reason: string): Health {
    return this.#become('down', undefined, reason);
  }

  #become(state: Health['state'], latency: number | undefined, reason: string | undefined): Health {
    const since = state === this.#health.state ? this.#health.since : this.#clock.now();
    this.#health = { state, latency, since, reason };
    return this.#health;
  }
}

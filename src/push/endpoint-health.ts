import type { Clock } from '../core/clock.ts';
import { CircuitBreaker, type BreakerSnapshot, type CircuitBreakerOptions } from './circuit-breaker.ts';
import { EndpointPause, type PauseSnapshot } from './endpoint-pause.ts';
import { FailingState, type FailingSnapshot } from './failing-state.ts';

/** What is kept of an endpoint's health over a restart. */
export interface HealthSnapshot {
  readonly failing: FailingSnapshot;
  readonly breaker: BreakerSnapshot;
  readonly pause: PauseSnapshot;
}

/** How one endpoint does: whether it is stopped or failing, its breaker, and a pause its receiver asked for. */
export class EndpointHealth {
  readonly failing: FailingState;
  readonly breaker: CircuitBreaker;
  readonly pause: EndpointPause;

  /** `saved`: a `HealthSnapshot` as it came back from the store, or undefined; `stops`: false where failing alone never ends it. */
  constructor(clock: Clock, saved: unknown, options: CircuitBreakerOptions & { readonly stops?: boolean } = {}) {
    const { failing, breaker, pause } = (saved ?? {}) as Partial<HealthSnapshot>;
    const { stops = true } = options;
    this.failing = new FailingState(clock, { stops }, failing);
    this.breaker = new CircuitBreaker(clock, options, breaker);
    this.pause = new EndpointPause(clock, pause);
  }

  /** Milliseconds until something may be sent; Infinity until somebody does something about it. */
  get wait(): number {
    if (this.failing.state === 'stopped') return Infinity;
    return Math.max(this.pause.wait, this.breaker.wait);
  }

  snapshot(): HealthSnapshot {
    return { failing: this.failing.snapshot(), breaker: this.breaker.snapshot(), pause: this.pause.snapshot() };
  }
}

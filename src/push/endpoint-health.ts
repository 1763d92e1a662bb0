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

type Check = (value: unknown) => boolean;
type Members = Readonly<Record<string, Check>>;

const isAbsent: Check = (value) => value === undefined || value === null;
const isNumber: Check = (value) => isAbsent(value) || typeof value === 'number';
const isText: Check = (value) => isAbsent(value) || typeof value === 'string';
const isFlag: Check = (value) => isAbsent(value) || typeof value === 'boolean';
const isTexts: Check = (value) => value === undefined || (Array.isArray(value) && value.every((one) => typeof one === 'string'));
const isState: Check = (value) => value === undefined || value === 'started' || value === 'failing' || value === 'stopped';

const failing: Members = {
  state: isState,
  failingSince: isNumber,
  consecutiveFailures: isNumber,
  failedMessages: isTexts,
  warnedAt: isNumber,
  stopReason: isText,
  stoppedAt: isNumber,
};
const saved: Members = {
  failing: (value) => value === undefined || has(value, failing),
  breaker: (value) => value === undefined || has(value, { openUntil: isNumber, openings: isNumber }),
  pause: (value) => value === undefined || has(value, { pauseUntil: isNumber, byOperator: isFlag }),
};

function has(value: unknown, members: Members): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(members).every(([name, isRight]) => isRight((value as Readonly<Record<string, unknown>>)[name]));
}

/** What was kept of an endpoint's health, from its JSON; undefined where that is damaged. */
export function readHealth(json: unknown): unknown {
  try {
    const value: unknown = JSON.parse(String(json));
    return has(value, saved) ? value : undefined;
  } catch {
    return undefined;
  }
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

import type { Clock } from '../core/clock.ts';
import type { Governor } from '../core/group.ts';
import type { AttemptOutcome } from './attempt-outcome.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import type { EndpointHealth } from './endpoint-health.ts';
import type { PushBook } from './push-book.ts';
import type { RateLimit } from './rate-limit.ts';
import type { SlowStart } from './slow-start.ts';

export interface SendGateParts {
  readonly health: EndpointHealth;
  /** Shared by all that call the same origin. */
  readonly originBreaker: CircuitBreaker;
  readonly rate: RateLimit | undefined;
  /** Begun when the endpoint works again. */
  readonly slowStart: SlowStart;
  /** The deliver stage of the subscription, as it is now. */
  readonly governor: () => Governor;
  readonly book: Pick<PushBook, 'isFull'>;
  readonly clock: Clock;
}

/** Leave for one attempt, from both breakers; each is told how it went. */
export interface Admissions {
  readonly endpoint: 'send' | 'probe';
  readonly origin: 'send' | 'probe';
}

/** Milliseconds until a store that is behind is asked again. */
const storePause = 1000;

/** Everybody who has a say in whether an endpoint may be sent something now: its health, its origin, its rate, the plan's limits, the store. */
export class SendGate {
  readonly #parts: SendGateParts;
  /** Wall time until which a limit of the plan holds it. */
  #heldUntil = 0;

  constructor(parts: SendGateParts) {
    this.#parts = parts;
  }

  /** Milliseconds until an attempt may be made; 0: now; Infinity: not before somebody does something about it. */
  get wait(): number {
    const { clock, book, governor, originBreaker, health, rate, slowStart } = this.#parts;
    if (book.isFull) return storePause;
    const held = Math.max(0, this.#heldUntil - clock.now(), health.wait, originBreaker.wait, rate?.wait ?? 0, slowStart.wait);
    if (held > 0 || governor().allow(1, 0) >= 1) return held;
    const answer = governor().limited();
    if (answer === undefined) return 0;
    this.#heldUntil = answer.until;
    return Math.max(1, answer.until - clock.now());
  }

  /** Undefined when somebody says no. What was given comes back through `learn` or `giveBack`. */
  admit(): Admissions | undefined {
    const { originBreaker, health, rate, slowStart } = this.#parts;
    if (this.wait > 0) return undefined;
    const endpoint = health.breaker.admit();
    if (endpoint === 'wait') return undefined;
    const origin = originBreaker.admit();
    if (origin !== 'wait' && (rate?.take() ?? 0) === 0 && slowStart.take() === 0) return { endpoint, origin };
    health.breaker.record(endpoint, 'unknown');
    if (origin !== 'wait') originBreaker.record(origin, 'unknown');
    return undefined;
  }

  learn({ endpoint, origin }: Admissions, { endpointBreaker, originBreaker }: AttemptOutcome): void {
    const { health, slowStart } = this.#parts;
    const hasChanged = health.breaker.record(endpoint, endpointBreaker === 'none' ? 'unknown' : endpointBreaker);
    if (hasChanged && health.breaker.state === 'closed') slowStart.begin();
    const news = { none: 'unknown', failure: 'unreached', success: 'success' } as const;
    this.#parts.originBreaker.record(origin, news[originBreaker]);
  }

  /** The attempt was not made. */
  giveBack({ endpoint, origin }: Admissions): void {
    this.#parts.health.breaker.record(endpoint, 'unknown');
    this.#parts.originBreaker.record(origin, 'unknown');
  }
}

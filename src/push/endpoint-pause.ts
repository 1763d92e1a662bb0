import type { Clock } from '../core/clock.ts';
import type { PauseReason } from './hold-reason.ts';

/** What is kept of a pause over a restart. */
export interface PauseSnapshot {
  /** Wall time in milliseconds at which it ends by itself. */
  readonly pauseUntil: number | undefined;
  /** Ends only when somebody says so. */
  readonly byOperator: boolean;
}

const maxPause = 86_400_000;

/** Whether an endpoint is to be left alone for now: because its receiver asked for it, or a person. What is due meanwhile is held and uses up no attempt. */
export class EndpointPause {
  readonly #clock: Clock;
  #pauseUntil: number | undefined;
  #byOperator: boolean;

  constructor(clock: Clock, saved: PauseSnapshot = { pauseUntil: undefined, byOperator: false }) {
    this.#clock = clock;
    this.#pauseUntil = saved.pauseUntil;
    this.#byOperator = saved.byOperator;
  }

  /** Milliseconds until it goes on by itself: 0 when it is not paused, Infinity when only a person ends it. */
  get wait(): number {
    return this.#byOperator ? Infinity : this.#asked();
  }

  get reason(): PauseReason | undefined {
    if (this.#byOperator) return 'PAUSED_BY_OPERATOR';
    return this.#asked() > 0 ? 'PAUSED_BY_RECEIVER' : undefined;
  }

  /** The receiver asked for a pause until this wall time; one that already goes on longer stays. */
  askedUntil(at: number): void {
    this.#pauseUntil = Math.max(at, this.#clock.now() + this.#asked());
  }

  pause(): void {
    this.#byOperator = true;
  }

  /** Goes on at once, whoever had asked for the pause. */
  resume(): void {
    this.#byOperator = false;
    this.#pauseUntil = undefined;
  }

  snapshot(): PauseSnapshot {
    return { pauseUntil: this.#pauseUntil, byOperator: this.#byOperator };
  }

  /** Milliseconds the receiver still wants; after a clock was set back no more than a day. */
  #asked(): number {
    return Math.min(Math.max(0, (this.#pauseUntil ?? 0) - this.#clock.now()), maxPause);
  }
}

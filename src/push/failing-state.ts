import type { Clock } from '../core/clock.ts';
import type { StopReason } from './hold-reason.ts';

/** `failing`: still sent to, and about to be stopped if nothing changes. `stopped`: deliveries are held. */
export type PushState = 'started' | 'failing' | 'stopped';

/** What is kept over a restart. */
export interface FailingSnapshot {
  readonly state: PushState;
  /** Wall time in milliseconds of the first failure after the last success. */
  readonly failingSince: number | undefined;
  /** Failures since the last success. */
  readonly consecutiveFailures: number;
  /** Ids of different messages that failed since the last success, as many as it takes to stop. */
  readonly failedMessages: readonly string[];
  /** Wall time in milliseconds at which it became `failing`. */
  readonly warnedAt: number | undefined;
  readonly stopReason: StopReason | undefined;
  readonly stoppedAt: number | undefined;
}

/** One step from a state to another: each is one notice to the endpoint's owner. */
export interface Transition {
  readonly from: PushState;
  readonly to: PushState;
  readonly reason: StopReason | undefined;
}

interface FailingStateOptions {
  /** Milliseconds without a success after which it is stopped; warned about after half of them. */
  readonly stopAfter?: number;
  /** Different messages that must have failed besides. */
  readonly stopAfterMessages?: number;
  /** False: it is only warned about. A WebSub hub keeps a subscription until its lease ends (WS-C5). */
  readonly stops?: boolean;
}

const day = 86_400_000;

const untroubled: FailingSnapshot = {
  state: 'started',
  failingSince: undefined,
  consecutiveFailures: 0,
  failedMessages: [],
  warnedAt: undefined,
  stopReason: undefined,
  stoppedAt: undefined,
};

/** When an endpoint that does not work is warned about and stopped (SW-18, SW-25). Every change gives the transition it made, if any; nothing else leads from state to state. */
export class FailingState {
  readonly #clock: Clock;
  readonly #stopAfter: number;
  readonly #stopAfterMessages: number;
  readonly #stops: boolean;
  #now: FailingSnapshot;

  constructor(clock: Clock, options: FailingStateOptions = {}, saved: FailingSnapshot = untroubled) {
    const { stopAfter = 5 * day, stopAfterMessages = 10, stops = true } = options;
    this.#clock = clock;
    this.#stopAfter = stopAfter;
    this.#stopAfterMessages = stopAfterMessages;
    this.#stops = stops;
    this.#now = { ...untroubled, ...saved };
  }

  get state(): PushState {
    return this.#now.state;
  }

  get stopReason(): StopReason | undefined {
    return this.#now.stopReason;
  }

  /** An attempt succeeded; one that was still under way when the endpoint was stopped does not start it again. */
  succeeded(): Transition | undefined {
    return this.state === 'stopped' ? undefined : this.#move(untroubled);
  }

  /** An attempt failed, and not by a fault of ours. */
  failed(messageId: string): Transition | undefined {
    if (this.state === 'stopped') return undefined;
    const now = this.#clock.now();
    const since = Math.min(this.#now.failingSince ?? now, now);
    const failedMessages = this.#withMessage(messageId);
    const next: FailingSnapshot = {
      ...this.#now,
      failingSince: since,
      consecutiveFailures: this.#now.consecutiveFailures + 1,
      failedMessages,
    };
    const isPast = (part: number): boolean =>
      now - since >= this.#stopAfter * part && failedMessages.length >= this.#stopAfterMessages * part;
    if (this.state === 'started') return this.#move(isPast(0.5) ? { ...next, state: 'failing', warnedAt: now } : next);
    // Who is warned late, since there was little to send or we were away ourselves, has a fifth of the time left nevertheless.
    const isWarned = now - (next.warnedAt ?? now) >= this.#stopAfter / 5;
    return this.#move(this.#stops && isPast(1) && isWarned ? stopped(next, 'STOPPED_AFTER_FAILURES', now) : next);
  }

  /** The receiver wants no more, or a person does. A later reason does not replace the first. */
  stop(reason: StopReason): Transition | undefined {
    return this.state === 'stopped' ? undefined : this.#move(stopped(this.#now, reason, this.#clock.now()));
  }

  /** A person starts it again, with nothing held against it. */
  start(): Transition | undefined {
    return this.#move(untroubled);
  }

  snapshot(): FailingSnapshot {
    return this.#now;
  }

  #withMessage(id: string): readonly string[] {
    const known = this.#now.failedMessages;
    return known.length >= this.#stopAfterMessages || known.includes(id) ? known : [...known, id];
  }

  #move(next: FailingSnapshot): Transition | undefined {
    const from = this.state;
    this.#now = next;
    return from === next.state ? undefined : { from, to: next.state, reason: next.stopReason };
  }
}

function stopped(before: FailingSnapshot, stopReason: StopReason, stoppedAt: number): FailingSnapshot {
  return { ...before, state: 'stopped', stopReason, stoppedAt };
}

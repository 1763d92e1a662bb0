import type { Clock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import { RateLimit } from '../../push/rate-limit.ts';
import { pause } from './pause.ts';

interface PaceParts {
  readonly clock: Clock;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
}

interface Host {
  readonly rate: RateLimit;
  /** Requests that are not settled. */
  open: number;
}

/** Requests of one callback's host that are not settled, past which no more are taken. */
const maxOpenPerHost = 100;
/** Requests that are not settled, of all hosts. */
const maxOpen = 10_000;
/** A callback's host is asked so often at most: whoever lets a hub ask somebody else harms nobody by it. */
const perSecond = 5;
const burst = 20;

/** Keeps the hub from being used to flood somebody with questions whether he meant it. */
export class CallbackPace {
  readonly #parts: PaceParts;
  readonly #hosts = new Map<string, Host>();
  #open = 0;

  constructor(parts: PaceParts) {
    this.#parts = parts;
  }

  /** Counts a request of a host until `leave`; throws OVERLOADED where there are too many. */
  enter(host: string): void {
    const known = this.#hosts.get(host);
    if ((known?.open ?? 0) >= maxOpenPerHost) {
      const sentence = `${maxOpenPerHost} requests with callbacks of this host wait for their verification; try again later.`;
      throw new GatewayError('OVERLOADED', sentence, { retryAfter: 10_000 });
    }
    if (this.#open >= maxOpen)
      throw new GatewayError('OVERLOADED', `${maxOpen} requests wait for their verification; try again later.`, { retryAfter: 10_000 });
    this.#add(host);
  }

  /** The same for one that was taken before a restart: it is never refused. */
  resume(host: string): void {
    this.#add(host);
  }

  leave(host: string): void {
    const known = this.#hosts.get(host);
    if (known === undefined) return;
    this.#open -= 1;
    known.open -= 1;
    // Kept as long as there is room: whoever had its burst does not get another by coming back.
  }

  /** Resolves when the host may be asked once more, or when the signal aborts. */
  async turn(host: string, signal: AbortSignal): Promise<void> {
    const { rate } = this.#known(host);
    for (let wait = rate.take(); wait > 0 && !signal.aborted; wait = rate.take()) await pause(wait, { ...this.#parts, signal });
  }

  #add(host: string): void {
    this.#known(host).open += 1;
    this.#open += 1;
  }

  /** Also where nothing is open: denials have the same rate. */
  #known(host: string): Host {
    let known = this.#hosts.get(host);
    if (known === undefined) {
      if (this.#hosts.size > maxOpen) this.#forgetIdle();
      this.#hosts.set(host, (known = this.#fresh()));
    }
    return known;
  }

  #fresh(): Host {
    return { rate: new RateLimit(this.#parts.clock, perSecond, burst), open: 0 };
  }

  #forgetIdle(): void {
    for (const [host, { open }] of this.#hosts) if (open === 0) this.#hosts.delete(host);
  }
}

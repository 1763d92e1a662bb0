import type { Clock } from '../core/clock.ts';

/** Wrong credentials a remote address may send in one window before it has to wait for the next. */
const maxFailures = 30;
const windowMilliseconds = 10_000;
/** Addresses remembered: an attacker with many addresses forgets the oldest, and costs no more memory. */
const maxRemotes = 10_000;

interface Attempts {
  readonly since: number;
  failures: number;
}

/** Slows down guessing of credentials, by remote address. */
export class FailedAttempts {
  readonly #clock: Clock;
  readonly #byRemote = new Map<string, Attempts>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until the remote may try again; 0: now. */
  wait(remote: string): number {
    const attempts = this.#byRemote.get(remote);
    if (attempts === undefined || attempts.failures < maxFailures) return 0;
    const rest = attempts.since + windowMilliseconds - this.#clock.now();
    if (rest > 0 && rest <= windowMilliseconds) return rest;
    this.#byRemote.delete(remote);
    return 0;
  }

  failed(remote: string): void {
    const now = this.#clock.now();
    const attempts = this.#byRemote.get(remote);
    if (attempts !== undefined && Math.abs(now - attempts.since) < windowMilliseconds) {
      attempts.failures++;
      return;
    }
    this.#byRemote.delete(remote);
    this.#byRemote.set(remote, { since: now, failures: 1 });
    if (this.#byRemote.size > maxRemotes) this.#byRemote.delete(this.#byRemote.keys().next().value!);
  }
}

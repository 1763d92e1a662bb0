import { hash, randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';

const lifetime = 30_000;
/** A caller who asks for tickets and never uses them must not fill the memory. */
const maxTickets = 100_000;

interface Meaning {
  /** Id of the credential. */
  readonly credential: string;
  /** Name of the only API it is good for. */
  readonly api: string | undefined;
}

/** Single-use credentials for browsers, which cannot set headers: good for one connection within 30 seconds. */
export class Tickets {
  readonly #clock: Clock;
  /** By SHA-256 of the ticket, oldest first. */
  readonly #open = new Map<string, Meaning & { readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A ticket that stands for a credential, at one API only when it is named. */
  issue(meaning: Meaning): { readonly ticket: string; readonly expiresIn: number } {
    this.#forgetExpired();
    if (this.#open.size >= maxTickets) {
      throw new GatewayError('OVERLOADED', 'Too many tickets are waiting to be used; try again in a few seconds.', { retryAfter: 5000 });
    }
    const ticket = `tkt_${randomBytes(24).toString('base64url')}`;
    this.#open.set(digest(ticket), { ...meaning, until: this.#clock.now() + lifetime });
    return { ticket, expiresIn: lifetime / 1000 };
  }

  /** What it stands for, once. */
  redeem(ticket: string): Meaning | undefined {
    const key = digest(ticket);
    const found = this.#open.get(key);
    if (found === undefined) return undefined;
    this.#open.delete(key);
    return found.until >= this.#clock.now() ? found : undefined;
  }

  #forgetExpired(): void {
    const now = this.#clock.now();
    for (const [key, { until }] of this.#open) {
      if (until >= now) return;
      this.#open.delete(key);
    }
  }
}

function digest(ticket: string): string {
  return hash('sha256', ticket, 'base64');
}

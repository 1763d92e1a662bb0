import { setTimeout as wait } from 'node:timers/promises';
import type { Event } from '../../core/event.ts';
import type { Decision } from '../../push/attempt-outcome.ts';
import { webhookIdOf } from '../../push/webhook-request.ts';
import { Backoff } from '../client/backoff.ts';
import { sendWebhook, type Answered, type ForwardTarget } from './local-webhook.ts';

/** One attempt, told to whoever watches. */
export interface Relayed {
  readonly id: string;
  readonly type: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly resent: boolean;
  readonly answered: Answered;
}

export interface RelayParts {
  readonly target: ForwardTarget;
  /** Tries after the first one that failed. */
  readonly retries: number;
  readonly signal: AbortSignal;
  readonly tell: (relayed: Relayed) => Promise<void>;
}

interface Remembered {
  readonly event: Event;
  attempts: number;
  /** Why the last attempt failed. */
  reason: string | undefined;
}

/** What `r` can send again: so many events, of so many bytes together, the oldest forgotten first. */
const maxRemembered = 100;
const maxRememberedBytes = 16 * 1024 * 1024;
/** Failed events that are told apart; with more nothing is confirmed any further. */
const maxFailed = 10_000;
/** Wishes to send something again that wait for their turn; more are passed over. */
const maxWaiting = 100;

/** Delivers events to one local server, one after the other, in order. */
export class Relay {
  readonly #parts: RelayParts;
  readonly #remembered: Remembered[] = [];
  readonly #failed = new Set<string>();
  #rememberedBytes = 0;
  #waiting = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: RelayParts) {
    this.#parts = parts;
  }

  /** Whether an event was not taken and not taken later either: what comes after it must not be confirmed. */
  get isBehind(): boolean {
    return this.#failed.size > 0;
  }

  /** Delivers an event; resolves when it was taken or given up. */
  async deliver(event: Event): Promise<void> {
    const remembered: Remembered = { event, attempts: 0, reason: undefined };
    this.#remember(remembered);
    await this.#inTurn(async () => this.#try(remembered));
  }

  /** Sends the last event again, or the one so many places from the end; false when it is not remembered. */
  async resend(fromEnd: number): Promise<boolean> {
    const remembered = this.#remembered.at(-fromEnd);
    if (remembered === undefined || fromEnd < 1 || this.#waiting >= maxWaiting) return false;
    this.#waiting += 1;
    await this.#inTurn(async () => {
      this.#waiting -= 1;
      await this.#attempt(remembered, true);
    });
    return true;
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const before = this.#turn;
    const mine = (async () => {
      await before;
      await work();
    })();
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #try(remembered: Remembered): Promise<void> {
    const { retries, signal } = this.#parts;
    const backoff = new Backoff(Math.random);
    for (let left = retries; !signal.aborted; left -= 1) {
      const { kind } = await this.#attempt(remembered, false);
      if (left === 0 || (kind !== 'retry' && kind !== 'format-refused')) return;
      await wait(backoff.next(), undefined, { signal }).catch(() => undefined);
    }
    this.#fail(remembered);
  }

  async #attempt(remembered: Remembered, resent: boolean): Promise<Decision> {
    const { target, signal, tell } = this.#parts;
    const { event } = remembered;
    remembered.attempts += 1;
    const attempt = { number: remembered.attempts, retryReason: remembered.reason };
    const answered = await sendWebhook(target, event, attempt, signal);
    const { decision } = answered;
    remembered.reason = 'reason' in decision ? decision.reason : undefined;
    if (decision.kind === 'delivered') this.#failed.delete(event.position);
    else this.#fail(remembered);
    // What the end of the command cut short says nothing about the local server.
    if (decision.kind === 'delivered' || !signal.aborted)
      await tell({ id: webhookIdOf(event), type: event.type, attempt: attempt.number, resent, answered });
    return decision;
  }

  #fail({ event }: Remembered): void {
    if (this.#failed.size < maxFailed) this.#failed.add(event.position);
    // Nobody knows any more which ones are missing, so that this one never leaves the set.
    else this.#failed.add('');
  }

  #remember(remembered: Remembered): void {
    this.#remembered.push(remembered);
    this.#rememberedBytes += bytesOf(remembered);
    while (this.#remembered.length > maxRemembered || (this.#rememberedBytes > maxRememberedBytes && this.#remembered.length > 1)) {
      const forgotten = this.#remembered.shift();
      if (forgotten !== undefined) this.#rememberedBytes -= bytesOf(forgotten);
    }
  }
}

function bytesOf({ event }: Remembered): number {
  return event.data?.byteLength ?? 0;
}

import { randomUUID } from 'node:crypto';
import { Exclusive } from '../../control/exclusive.ts';
import type { Clock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { OutgoingRequest } from '../../outgoing/http-sender.ts';
import type { Outcome } from '../../outgoing/outcome.ts';
import type { SignatureMethod } from '../../protocols/websub/signature.ts';
import {
  accept,
  beginVerification,
  denyRequest,
  isOver,
  noSubscription,
  settleVerification,
  type ActiveSubscription,
  type SubscriptionState,
} from '../../protocols/websub/subscription-state.ts';
import {
  createChallenge,
  denialUrl,
  isConfirmed,
  verificationUrl,
  type ChallengeAnswer,
  type Verification,
} from '../../protocols/websub/verification.ts';
import type { Resource, WebSubSubscriptionSpec } from '../../store/resources.ts';
import { askCallback, hostOf } from './callback.ts';
import type { CallbackPace } from './callback-pace.ts';
import type { HubCounts, WishResult } from './hub-counts.ts';
import type { LeaseWatch } from './lease-watch.ts';
import { pause } from './pause.ts';
import type { Subscriptions } from './subscriptions.ts';
import { subjectOf, type Wish } from './wish.ts';
import type { StoredDenial, WishTable } from './wish-table.ts';

interface HubParts {
  readonly table: WishTable;
  readonly subscriptions: Subscriptions;
  readonly leases: LeaseWatch;
  readonly pace: CallbackPace;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  readonly send: (request: OutgoingRequest) => Promise<Outcome>;
  /** What stands against it now that this is read under this subscription; undefined when nothing does. */
  readonly refusalOf: (wish: Wish) => GatewayError | undefined;
  /** How deliveries of a subscription's API are signed. */
  readonly methodOf: (wish: Wish) => SignatureMethod;
  /** Endpoints whose receivers wanted no more, as far as that is on disk: ids, and the version that was delivered to. */
  readonly stopped: () => Promise<ReadonlyMap<string, number>>;
  readonly counts?: Pick<HubCounts, 'settled'> | undefined;
  /** One line for what became of each request. */
  readonly log: Log;
  readonly onBug: (error: unknown) => void;
}

/** Milliseconds from an attempt to reach a callback to the next, after the first. */
const longestDelay = 120_000;
const retryDelays = [5_000, 30_000, longestDelay];
/** Milliseconds for which a request or a denial is tried. */
export const patience = 600_000;

/**
 * Carries out what subscribers ask for: verifies that they meant it, and only then makes, renews or ends a subscription (WebSub, sections
 * 5.2 and 5.3). What was accepted is on disk before it is answered, and taken up again after a restart.
 */
export class Hub {
  readonly #parts: HubParts;
  /** What is not settled, by subject; what holds is among the endpoints. */
  readonly #states = new Map<string, SubscriptionState>();
  readonly #commits = new Exclusive();
  readonly #abort = new AbortController();
  readonly #work = new Set<Promise<void>>();

  constructor(parts: HubParts) {
    this.#parts = parts;
  }

  /** Requests that were accepted and are not settled. */
  get pending(): number {
    let pending = 0;
    for (const state of this.#states.values()) pending += state.pending.length;
    return pending;
  }

  /** Takes up what an earlier run has left; resolves when leases that are over have ended. */
  async start(): Promise<void> {
    const { table, leases, pace, subscriptions, stopped, onBug } = this.#parts;
    await leases.look();
    const held = new Map([...subscriptions.all()].map(({ id, version }) => [id, version]));
    // Killed between the 410 and the end of the subscription; one that was confirmed anew has another version since.
    for (const [id, version] of held.size === 0 ? [] : await stopped()) if (held.get(id) === version) await subscriptions.end(id);
    for (const wish of await table.wishes(onBug)) {
      const { id } = wish.request;
      const next = accept(this.#stateOf(wish), wish.request);
      // Killed between the subscription and its request: that one has been carried out.
      if (next === 'full' || subscriptions.find(wish)?.spec.websub?.request === id) {
        await table.remove([id]);
        continue;
      }
      this.#states.set(subjectOf(wish), next);
      pace.resume(hostOf(wish.callback));
      this.#run(() => this.#carryOut(wish));
    }
    for (const denial of await table.denials(onBug)) this.#run(() => this.#tell(denial));
  }

  /** Resolves when it is on disk and will be verified; rejects with OVERLOADED, or with the store's error. */
  async accept(wish: Wish): Promise<void> {
    const next = accept(this.#stateOf(wish), wish.request);
    if (next === 'full')
      throw new GatewayError('OVERLOADED', 'Too many requests for this topic and callback wait for their verification.', {
        retryAfter: 10_000,
      });
    this.#parts.pace.enter(hostOf(wish.callback));
    this.#states.set(subjectOf(wish), next);
    try {
      await this.#parts.table.put(wish, this.#parts.clock.now());
    } catch (error) {
      this.#forget(wish);
      this.#parts.pace.leave(hostOf(wish.callback));
      throw error;
    }
    this.#run(() => this.#carryOut(wish));
  }

  /** A delivery was answered 410 (WebSub, section 7). */
  gone(subscription: Resource<'endpoint'>): void {
    this.#run(() => this.#untilKept(() => this.#parts.subscriptions.gone(subscription)));
  }

  /** Somebody else has ended a subscription: its subscriber is told (WebSub, section 5.2). */
  ended({ spec: { url, websub } }: Resource<'endpoint'>): void {
    if (websub === undefined) return;
    const denial = this.#denialOf(url, websub.topic, 'The subscription was ended by the publisher.');
    this.#run(async () => {
      await this.#parts.table.putDenial(denial);
      await this.#tell(denial);
    });
  }

  /** Ends what is under way; it is taken up again at the next start. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#parts.leases.close();
    while (this.#work.size > 0) await Promise.all(this.#work);
    // Not before: what is still being written has to know what was written just now.
    this.#parts.subscriptions.close();
  }

  async #carryOut(wish: Wish): Promise<void> {
    try {
      await this.#tryUntil(wish.callback, wish.request.deadline, () => this.#verify(wish));
      if (this.#abort.signal.aborted || !this.#isPending(wish)) return;
      await this.#parts.table.remove([wish.request.id]);
      this.#note(wish, 'unreachable');
    } finally {
      // Also where the store failed: what it still has is taken up at the next start.
      if (!this.#abort.signal.aborted) this.#forget(wish);
      this.#parts.pace.leave(hostOf(wish.callback));
    }
  }

  /** Asks a callback until that is settled, it has been tried often enough, or the hub closes. */
  async #tryUntil(callback: string, deadline: number, ask: () => Promise<'settled' | 'again'>): Promise<void> {
    const { pace, clock, schedule } = this.#parts;
    const { signal } = this.#abort;
    for (const delay of [0, ...retryDelays]) {
      if (delay > 0) await pause(delay, { clock, schedule, signal });
      await pace.turn(hostOf(callback), signal);
      if (signal.aborted || clock.now() >= deadline) return;
      if ((await ask()) === 'settled') return;
    }
  }

  async #verify(wish: Wish): Promise<'settled' | 'again'> {
    const { clock, randomBytes, refusalOf, send } = this.#parts;
    const refusal = wish.request.mode === 'subscribe' ? refusalOf(wish) : undefined;
    if (refusal !== undefined) return await this.#deny(wish, refusal.message);
    const attempt = { challenge: createChallenge(randomBytes), sentAt: clock.now() };
    const begun = beginVerification(this.#stateOf(wish), wish.request.id, attempt);
    // A later request of the same subscriber has been confirmed meanwhile.
    if (begun === undefined) return 'settled';
    this.#states.set(subjectOf(wish), begun);
    const answer = await askCallback(verificationUrl(questionOf(wish, attempt.challenge)), { send, signal: this.#abort.signal });
    if (this.#abort.signal.aborted || answer === 'unreachable') return 'again';
    if (answer === 'forbidden') return await this.#settle(wish, { status: 0, body: Buffer.alloc(0), challenge: attempt.challenge });
    return await this.#settle(wish, { ...answer, challenge: attempt.challenge });
  }

  /**
   * The one place where a request takes effect. What it overrides is forgotten before, and the request itself after the subscription is
   * written: a kill in between repeats the question, and brings back nothing older.
   */
  async #settle(wish: Wish, answer: ChallengeAnswer & { readonly challenge: string }): Promise<'settled' | 'again'> {
    const { id } = wish.request;
    try {
      return await this.#commits.run(async (): Promise<'settled'> => {
        const before = this.#stateOf(wish);
        const next = settleVerification(before, id, answer);
        if (next === before) return 'settled';
        const confirmed = isConfirmed(answer, answer.challenge);
        const overridden = idsGone(before, next).filter((gone) => gone !== id);
        if (overridden.length > 0) await this.#parts.table.remove(overridden);
        if (confirmed) await this.#carry(wish, next.active);
        await this.#parts.table.remove([id]);
        // What was accepted meanwhile stays.
        this.#put(wish, { ...settleVerification(this.#stateOf(wish), id, answer), active: undefined });
        this.#note(wish, confirmed ? 'confirmed' : 'not-confirmed', { status: answer.status });
        return 'settled';
      });
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'CONFLICT') return await this.#deny(wish, error.message);
      this.#parts.onBug(error);
      return 'again';
    }
  }

  async #carry(wish: Wish, active: ActiveSubscription | undefined): Promise<void> {
    const { subscriptions, methodOf } = this.#parts;
    if (active !== undefined) {
      await subscriptions.confirm(wish, termsOf(wish, active, methodOf(wish)));
      return;
    }
    const held = subscriptions.find(wish);
    if (held !== undefined) await subscriptions.end(held.id);
  }

  async #deny(wish: Wish, reason: string): Promise<'settled' | 'again'> {
    const { callback, request } = wish;
    const denial = this.#denialOf(callback, request.topicAsGiven, reason);
    try {
      await this.#parts.table.remove([request.id], denial);
    } catch (error) {
      this.#parts.onBug(error);
      return 'again';
    }
    this.#forget(wish);
    this.#note(wish, 'denied', { reason });
    this.#run(() => this.#tell(denial));
    return 'settled';
  }

  /** Whatever it answers, it was told. */
  async #tell(denial: StoredDenial): Promise<void> {
    const { send, table } = this.#parts;
    const { signal } = this.#abort;
    await this.#tryUntil(denial.callback, denial.deadline, async () =>
      (await askCallback(denialUrl(denial), { send, signal })) === 'unreachable' ? 'again' : 'settled',
    );
    if (!signal.aborted) await table.removeDenial(denial.id);
  }

  /** Tries again what the store does not take, for as long as the hub runs. */
  async #untilKept(change: () => Promise<void>): Promise<void> {
    const { clock, schedule, onBug } = this.#parts;
    const { signal } = this.#abort;
    for (let tries = 0; !signal.aborted; tries += 1) {
      try {
        return await this.#commits.run(change);
      } catch (error) {
        if (!signal.aborted) onBug(error);
      }
      await pause(retryDelays[tries] ?? longestDelay, { clock, schedule, signal });
    }
  }

  #denialOf(callback: string, topic: string, reason: string): StoredDenial {
    return { id: randomUUID(), callback, topic, reason, deadline: this.#parts.clock.now() + patience };
  }

  #note(wish: Wish, outcome: WishResult, more: object = {}): void {
    const { request, subscription, self, callback } = wish;
    const { id, mode } = request;
    this.#parts.counts?.settled(wish, outcome);
    this.#parts.log.info(
      { request: id, mode, topic: self, callback: hostOf(callback), subscription, outcome, ...more },
      'a WebSub request',
    );
  }

  #stateOf(wish: Wish): SubscriptionState {
    return this.#states.get(subjectOf(wish)) ?? noSubscription;
  }

  #isPending(wish: Wish): boolean {
    return this.#stateOf(wish).pending.some(({ id }) => id === wish.request.id);
  }

  #forget(wish: Wish): void {
    this.#put(wish, { ...denyRequest(this.#stateOf(wish), wish.request.id, undefined), denial: undefined });
  }

  #put(wish: Wish, state: SubscriptionState): void {
    if (isOver(state)) this.#states.delete(subjectOf(wish));
    else this.#states.set(subjectOf(wish), state);
  }

  #run(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => (this.#abort.signal.aborted ? undefined : this.#parts.onBug(error)))
      .finally(() => this.#work.delete(running));
    this.#work.add(running);
  }
}

function questionOf({ request, callback }: Wish, challenge: string): Verification {
  const asked = { callback, topic: request.topicAsGiven, challenge };
  return request.mode === 'unsubscribe'
    ? { mode: 'unsubscribe', ...asked }
    : { mode: 'subscribe', ...asked, leaseSeconds: request.leaseSeconds };
}

function idsGone(before: SubscriptionState, after: SubscriptionState): readonly string[] {
  return before.pending.map(({ id }) => id).filter((id) => !after.pending.some((kept) => kept.id === id));
}

function termsOf(wish: Wish, active: ActiveSubscription, method: SignatureMethod): WebSubSubscriptionSpec {
  const { topicAsGiven, hub, secret, expiresAt, id } = active;
  return {
    topic: topicAsGiven,
    hub,
    self: wish.self,
    method,
    leaseUntil: expiresAt,
    request: id,
    ...(secret === undefined ? {} : { secret: { sealed: secret } }),
  };
}

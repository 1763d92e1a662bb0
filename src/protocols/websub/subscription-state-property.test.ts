import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  accept,
  beginVerification,
  callbackGone,
  deliveryGivenUp,
  denialTold,
  deny,
  denyRequest,
  expire,
  maxPendingRequests,
  noSubscription,
  settleVerification,
  topicUpdated,
  type ActiveSubscription,
  type SubscriptionState,
} from './subscription-state.ts';

/** What happens to a subscription; `which` chooses among the requests made so far. */
type Step =
  | { readonly kind: 'accept'; readonly mode: 'subscribe' | 'unsubscribe'; readonly lease: number }
  | { readonly kind: 'challenge'; readonly which: number }
  | { readonly kind: 'answer'; readonly which: number; readonly how: 'right' | 'stale' | 'wrong' | 'redirect' | 'missing' }
  | { readonly kind: 'denyRequest' | 'gone' | 'givenUp'; readonly which: number }
  | { readonly kind: 'deny' | 'told' | 'updated' }
  | { readonly kind: 'wait'; readonly seconds: number };

/** A request as the outside knows it, its number being the order of acceptance. */
interface Request {
  readonly id: string;
  readonly mode: 'subscribe' | 'unsubscribe';
  readonly lease: number;
  readonly deadline: number;
  readonly challenges: { readonly text: string; readonly sentAt: number }[];
}

const which = fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 3, 5);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('accept'),
      mode: fc.constantFrom('subscribe', 'unsubscribe'),
      lease: fc.integer({ min: 1, max: 60 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('challenge'), which }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('answer'),
      which,
      how: fc.constantFrom('right', 'right', 'right', 'stale', 'wrong', 'redirect', 'missing'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('denyRequest', 'gone', 'givenUp'), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('deny', 'told', 'updated') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait'), seconds: fc.nat(30) }) },
);

/** Plays steps on a state that nobody may change, and holds each against what the specification lets it do. */
class World {
  state: SubscriptionState = noSubscription;
  /** How often a request took effect, so that a run that tries nothing is noticed. */
  effects = 0;
  #now = 0;
  #newestEffect = -1;
  readonly #requests: Request[] = [];

  play(next: Step): void {
    const before = freeze(this.state);
    const allowed = this.#apply(next, before);
    const { active, pending } = this.state;
    assert.ok(pending.length <= maxPendingRequests);
    if (allowed === 'nothing') assert.deepEqual(bare(active), bare(before.active), `${next.kind} changed what holds`);
    else assert.deepEqual(bare(active), allowed === 'end' ? undefined : allowed, next.kind);
  }

  /** Takes the step; says what must hold after it. */
  #apply(next: Step, before: SubscriptionState): 'nothing' | 'end' | Omit<ActiveSubscription, 'waitsForUpdate'> {
    switch (next.kind) {
      case 'accept':
        this.#accept(next.mode, next.lease, before);
        return 'nothing';
      case 'challenge':
        this.#challenge(this.#choose(next.which), before);
        return 'nothing';
      case 'answer':
        return this.#answer(this.#choose(next.which), next.how, before);
      case 'denyRequest':
        this.state = denyRequest(before, this.#choose(next.which)?.id ?? 'none', undefined);
        return 'nothing';
      case 'givenUp':
        this.state = deliveryGivenUp(before, this.#choose(next.which)?.id ?? 'none');
        return 'nothing';
      case 'gone': {
        const id = this.#choose(next.which)?.id ?? 'none';
        this.state = callbackGone(before, id);
        return before.active?.id === id ? 'end' : 'nothing';
      }
      case 'deny':
        this.state = deny(before, 'no');
        assert.deepEqual(this.state.pending, []);
        return 'end';
      case 'told':
        this.state = denialTold(before);
        return 'nothing';
      case 'updated':
        this.state = topicUpdated(before);
        return 'nothing';
      case 'wait':
        this.#now += next.seconds * 1000;
        this.state = expire(before, this.#now);
        return before.active !== undefined && before.active.expiresAt <= this.#now ? 'end' : 'nothing';
    }
  }

  #choose(index: number): Request | undefined {
    return this.#requests[this.#requests.length - 1 - (index % Math.max(1, this.#requests.length))];
  }

  #accept(mode: Request['mode'], lease: number, before: SubscriptionState): void {
    const request: Request = { id: `r${this.#requests.length}`, mode, lease, deadline: this.#now + 100_000, challenges: [] };
    const names = { id: request.id, topicAsGiven: 't', hub: 'h', deadline: request.deadline };
    const state = accept(
      before,
      mode === 'subscribe' ? { ...names, mode, secret: `secret of ${request.id}`, leaseSeconds: lease } : { ...names, mode },
    );
    assert.equal(state === 'full', before.pending.length === maxPendingRequests);
    if (state === 'full') return;
    this.#requests.push(request);
    this.state = state;
  }

  #challenge(request: Request | undefined, before: SubscriptionState): void {
    if (request === undefined) return;
    const attempt = { challenge: `${request.id}/${request.challenges.length}`, sentAt: this.#now };
    const state = beginVerification(before, request.id, attempt);
    assert.equal(state !== undefined, isPending(before, request));
    if (state === undefined) return;
    request.challenges.push({ text: attempt.challenge, sentAt: attempt.sentAt });
    this.state = state;
  }

  #answer(
    request: Request | undefined,
    how: (Step & { kind: 'answer' })['how'],
    before: SubscriptionState,
  ): 'nothing' | 'end' | Omit<ActiveSubscription, 'waitsForUpdate'> {
    const challenge = how === 'stale' ? request?.challenges.at(-2) : request?.challenges.at(-1);
    if (request === undefined || challenge === undefined) return 'nothing';
    const body = Buffer.from(how === 'wrong' ? `${challenge.text}\n` : challenge.text);
    const status = how === 'redirect' ? 302 : how === 'missing' ? 404 : 200;
    this.state = settleVerification(before, request.id, { challenge: challenge.text, status, body });
    if (how === 'stale' || !isPending(before, request)) {
      assert.equal(this.state, before);
      return 'nothing';
    }
    assert.ok(!isPending(this.state, request), 'a request is answered once');
    if (how !== 'right') return 'nothing';
    const order = this.#requests.indexOf(request);
    assert.ok(order > this.#newestEffect, 'an older request overrode a newer one');
    this.#newestEffect = order;
    this.effects++;
    if (request.mode === 'unsubscribe') return 'end';
    const { id, lease } = request;
    const expiresAt = challenge.sentAt + lease * 1000;
    return { id, topicAsGiven: 't', hub: 'h', secret: `secret of ${id}`, leaseSeconds: lease, expiresAt };
  }
}

function isPending(state: SubscriptionState, { id }: Request): boolean {
  return state.pending.some((request) => request.id === id);
}

/** What holds, apart from whether it waits, which deliveries change. */
function bare(active: ActiveSubscription | undefined): Omit<ActiveSubscription, 'waitsForUpdate'> | undefined {
  if (active === undefined) return undefined;
  const { waitsForUpdate: _, ...rest } = active;
  return rest;
}

function freeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}

describe('The state of a subscription, whatever happens in whatever order', () => {
  it('WS-S5, WS-I2, WS-V1, WS-I3, WS-C3, WS-C5: changes by a matched challenge, a denial, the end of a lease or 410 alone', () => {
    let effects = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 60, maxLength: 120 }), (steps) => {
        const world = new World();
        for (const next of steps) world.play(next);
        effects += world.effects;
      }),
      { numRuns: 1000 },
    );
    assert.ok(effects > 1000, `only ${effects} requests took effect`);
  });
});

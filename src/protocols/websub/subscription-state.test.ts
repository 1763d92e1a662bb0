import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  accept,
  beginVerification,
  callbackGone,
  deliveryGivenUp,
  denialTold,
  deny,
  denyRequest,
  expire,
  isOver,
  maxPendingRequests,
  nextExpiry,
  noSubscription,
  receiverAt,
  settleVerification,
  topicUpdated,
  type SubscriptionState,
} from './subscription-state.ts';

const names = { topicAsGiven: 'https://p.example/%7Efeed', hub: 'https://hub.example/' };

function asked(state: SubscriptionState, id: string, secret?: string, leaseSeconds = 100): SubscriptionState {
  const next = accept(state, { id, mode: 'subscribe', ...names, secret, leaseSeconds, deadline: 1_000_000 });
  assert.ok(next !== 'full');
  return next;
}

function askedToEnd(state: SubscriptionState, id: string): SubscriptionState {
  const next = accept(state, { id, mode: 'unsubscribe', ...names, deadline: 1_000_000 });
  assert.ok(next !== 'full');
  return next;
}

function challenged(state: SubscriptionState, id: string, sentAt = 0, challenge = `challenge of ${id}`): SubscriptionState {
  return beginVerification(state, id, { challenge, sentAt }) ?? assert.fail(`${id} is not pending`);
}

function answered(state: SubscriptionState, id: string, text = `challenge of ${id}`, status = 200): SubscriptionState {
  return settleVerification(state, id, { challenge: `challenge of ${id}`, status, body: Buffer.from(text) });
}

function confirmed(state: SubscriptionState, id: string, secret?: string, sentAt = 0): SubscriptionState {
  return answered(challenged(asked(state, id, secret), id, sentAt), id);
}

const active = confirmed(noSubscription, 'first', 'old secret', 5_000);

describe('A subscription', () => {
  it('WS-I2: holds once its challenge came back, and not before', () => {
    const pending = challenged(asked(noSubscription, 'a', 's'), 'a', 5_000);
    assert.equal(pending.active, undefined);
    const state = answered(pending, 'a');
    assert.deepEqual(state.active, { id: 'a', ...names, secret: 's', leaseSeconds: 100, expiresAt: 105_000, waitsForUpdate: false });
    assert.deepEqual(state.pending, []);
  });

  it('WS-I2: does not come to be by a redirect, another body or an answer to an older challenge', () => {
    const pending = challenged(asked(noSubscription, 'a'), 'a');
    for (const state of [answered(pending, 'a', undefined, 302), answered(pending, 'a', 'OK'), answered(pending, 'a', '', 404)]) {
      assert.deepEqual(state, noSubscription);
    }
    const again = challenged(pending, 'a', 9_000, 'another challenge');
    assert.equal(answered(again, 'a'), again);
    assert.equal(answered(asked(noSubscription, 'a'), 'a').active, undefined, 'nor by an answer nobody asked for');
  });

  it('WS-I3: lasts from when the verification request was sent, the newest where there were several', () => {
    const again = challenged(challenged(asked(noSubscription, 'a'), 'a', 1_000, 'lost'), 'a', 9_000);
    assert.equal(answered(again, 'a').active?.expiresAt, 109_000);
  });

  it('WS-I3: is over when its lease is', () => {
    assert.equal(nextExpiry(active), 105_000);
    assert.equal(expire(active, 104_999), active);
    assert.equal(receiverAt(active, 104_999), active.active);
    assert.equal(receiverAt(active, 105_000), undefined, 'also before anybody has cleared it away');
    assert.ok(isOver(expire(active, 105_000)));
    assert.equal(nextExpiry(noSubscription), undefined);
  });
});

describe('A renewal', () => {
  it('WS-S5: changes secret and lease once it is verified', () => {
    const state = confirmed(active, 'second', 'new secret', 50_000);
    assert.equal(state.active?.secret, 'new secret');
    assert.equal(state.active.expiresAt, 150_000);
    assert.equal(confirmed(active, 'third').active?.secret, undefined, 'also to none');
  });

  it('WS-S5: leaves secret and lease as they are while it is not, and when it fails', () => {
    const pending = challenged(asked(active, 'second', 'new secret', 9_999), 'second', 50_000);
    assert.equal(pending.active, active.active);
    assert.deepEqual(answered(pending, 'second', 'no', 200), active);
    assert.deepEqual(answered(pending, 'second', undefined, 500), active);
    assert.deepEqual(expire(pending, 1_000_000).pending, []);
    assert.deepEqual(denyRequest(pending, 'second', 'no').active, active.active);
  });

  it('WS-S5: overrides what was accepted before it, not what was accepted after', () => {
    const all = challenged(challenged(challenged(asked(asked(asked(active, 'a', 'a'), 'b', 'b'), 'c', 'c'), 'a'), 'b'), 'c');
    const second = answered(all, 'b');
    assert.equal(second.active?.secret, 'b');
    assert.equal(answered(second, 'a').active?.secret, 'b');
    assert.equal(answered(second, 'c').active?.secret, 'c');
    assert.equal(answered(answered(all, 'c'), 'b').active?.secret, 'c');
  });

  it('WS-S5: is not lost when what was asked after it fails', () => {
    const both = challenged(challenged(askedToEnd(asked(noSubscription, 'a', 'a'), 'b'), 'a'), 'b');
    assert.equal(answered(answered(both, 'b', 'no', 404), 'a').active?.secret, 'a');
  });

  it('is refused when too many wait, which leaves the others alone', () => {
    let state = active;
    for (let n = 0; n < maxPendingRequests; n++) state = asked(state, `r${n}`);
    assert.equal(accept(state, { id: 'last', mode: 'unsubscribe', ...names, deadline: 0 }), 'full');
    assert.equal(nextExpiry(state), 105_000);
  });
});

describe('The end of a subscription', () => {
  it('comes by an unsubscription that was verified', () => {
    const pending = challenged(askedToEnd(active, 'end'), 'end');
    assert.equal(pending.active, active.active);
    assert.deepEqual(answered(pending, 'end', 'no', 404), active);
    assert.ok(isOver(answered(pending, 'end')));
    assert.ok(isOver(answered(challenged(askedToEnd(noSubscription, 'end'), 'end'), 'end')), 'also of one that never was');
  });

  it('WS-V1: comes by a denial at any time, which the subscriber is told', () => {
    const state = deny(asked(active, 'second'), 'The plan is closed.');
    assert.deepEqual(state, {
      active: undefined,
      pending: [],
      denial: { topicAsGiven: names.topicAsGiven, reason: 'The plan is closed.' },
    });
    assert.ok(!isOver(state), 'it is owed until it was told');
    assert.ok(isOver(denialTold(state)));
    assert.equal(deny(noSubscription, 'x'), noSubscription);
    assert.equal(beginVerification(state, 'second', { challenge: 'x', sentAt: 0 }), undefined, 'nobody is asked any more');
    assert.equal(answered(state, 'second'), state);
  });

  it('WS-V1: does not come by the denial of a single request', () => {
    const state = denyRequest(asked(asked(active, 'a'), 'b'), 'a', undefined);
    assert.equal(state.active, active.active);
    assert.deepEqual(
      state.pending.map(({ id }) => id),
      ['b'],
    );
    assert.ok(state.denial !== undefined);
    assert.equal(denyRequest(active, 'unknown', undefined), active);
  });

  it('WS-C3: comes by 410, unless that answers what was sent for an earlier one', () => {
    assert.ok(isOver(callbackGone(active, 'first')));
    const renewed = confirmed(active, 'second');
    assert.equal(callbackGone(renewed, 'first'), renewed);
    assert.equal(callbackGone(asked(active, 'second'), 'first').pending.length, 1);
  });
});

describe('A delivery that was given up', () => {
  it('WS-C5: leaves the subscription until its lease ends, and is tried again with the next update', () => {
    const waiting = deliveryGivenUp(active, 'first');
    assert.equal(receiverAt(waiting, 6_000), undefined);
    assert.equal(nextExpiry(waiting), 105_000);
    const resumed = topicUpdated(waiting);
    assert.deepEqual(resumed, active);
    assert.equal(receiverAt(resumed, 6_000)?.id, 'first');
    assert.equal(topicUpdated(active), active);
    assert.ok(isOver(expire(waiting, 105_000)));
  });

  it('WS-C5: says nothing of a subscription that was renewed since', () => {
    const renewed = confirmed(deliveryGivenUp(active, 'first'), 'second');
    assert.equal(renewed.active?.waitsForUpdate, false);
    assert.equal(deliveryGivenUp(renewed, 'first'), renewed);
  });
});

describe('What a hub remembers', () => {
  it('is plain data: it goes on as before once it was written down and read again', () => {
    const state = challenged(asked(deny(deliveryGivenUp(active, 'first'), 'no'), 'second', 'new'), 'second');
    const read = JSON.parse(JSON.stringify(state)) as SubscriptionState;
    assert.deepEqual(answered(read, 'second').active, answered(state, 'second').active);
    assert.deepEqual(read.denial, state.denial);
    const empty = JSON.parse(JSON.stringify(noSubscription)) as SubscriptionState;
    assert.ok(isOver(empty));
    assert.deepEqual(confirmed(empty, 'first', 'old secret', 5_000).active, active.active);
  });
});

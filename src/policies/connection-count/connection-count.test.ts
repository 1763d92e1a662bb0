import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { ConnectionContext, Stages, SubscriptionContext } from '../../core/policy.ts';
import { WindowBook } from '../../metering/window-book.ts';
import { connectionCount } from './connection-count.ts';

const subscription: SubscriptionContext = {
  tenant: 'default',
  id: 's1',
  application: 'a',
  api: 'x',
  plan: 'p',
  as: 'client',
  allow: { publish: ['*'], read: ['*'] },
};

function connection(stream = true, of = subscription): ConnectionContext {
  return { protocol: 'sse', subscription: of, stream, connectedAt: 0 };
}

function prepared(): (limit: number, of?: SubscriptionContext) => Stages {
  const clock = { now: () => 0 };
  const counters = new WindowBook(clock);
  return (limit, of = subscription) => connectionCount.prepare({ limit }, { clock, counters })(of);
}

describe('the connection limit', () => {
  it('holds at the limit and lets in again when one has closed', () => {
    const stages = prepared()(2);
    const first = connection();
    assert.equal(stages.onConnect?.(first), undefined);
    assert.equal(stages.onConnect?.(connection()), undefined);
    const refusal = stages.onConnect?.(connection());
    assert.equal(refusal?.code, 'LIMIT_REACHED');
    assert.equal(refusal?.retryAfter, 5_000);
    assert.match(refusal?.message ?? '', /2 connections open at once; close one/);
    stages.onDisconnect?.(first);
    assert.equal(stages.onConnect?.(connection()), undefined);
  });

  it('does not count single requests', () => {
    const stages = prepared()(1);
    for (let request = 0; request < 5; request++) assert.equal(stages.onConnect?.(connection(false)), undefined);
    stages.onDisconnect?.(connection(false));
    assert.equal(stages.status?.()[0]?.remaining, 1);
  });

  it('gives back once, and only what it took', () => {
    const stages = prepared()(1);
    const open = connection();
    stages.onConnect?.(open);
    stages.onDisconnect?.(connection());
    assert.equal(stages.onConnect?.(connection())?.code, 'LIMIT_REACHED');
    stages.onDisconnect?.(open);
    stages.onDisconnect?.(open);
    assert.equal(stages.onConnect?.(connection()), undefined);
    assert.equal(stages.onConnect?.(connection())?.code, 'LIMIT_REACHED');
  });

  it('counts by subscription, through changes of plan', () => {
    const stagesFor = prepared();
    const old = stagesFor(1);
    const open = connection();
    old.onConnect?.(open);
    assert.equal(stagesFor(1).onConnect?.(connection())?.code, 'LIMIT_REACHED');
    assert.equal(stagesFor(2).onConnect?.(connection()), undefined);
    assert.equal(stagesFor(1, { ...subscription, id: 's2' }).onConnect?.(connection()), undefined);
    assert.deepEqual(stagesFor(1).status?.(), [
      { limit: 'connectionCount', counts: 'connections', quota: 1, remaining: 0, window: undefined, resetsIn: undefined },
    ]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { ConnectionContext, PolicyEnvironment, Stages, SubscriptionContext } from '../../core/policy.ts';
import { channelScope } from './channel-scope.ts';

function bound(publish: readonly string[], read: readonly string[]): { stages: Stages; connection: ConnectionContext } {
  const subscription: SubscriptionContext = {
    tenant: 'default',
    id: 's',
    application: 'a',
    api: 'x',
    plan: 'p',
    as: 'client',
    allow: { publish, read },
  };
  const stages = channelScope.prepare({}, undefined as unknown as PolicyEnvironment)(subscription);
  return { stages, connection: { protocol: 'sse', subscription, stream: true, connectedAt: 0 } };
}

describe('the channel scope', () => {
  const reads: readonly [readonly string[], string, boolean][] = [
    [['orders/*'], 'orders/berlin', true],
    [['orders/*'], 'orders/*', true],
    [['orders/*'], '*', false],
    [['orders/*'], 'orders/berlin/new', false],
    [['orders/berlin'], 'orders/*', false],
    [['orders/berlin', 'stock'], 'stock', true],
    [['*/berlin'], 'orders/berlin', true],
    [['*/berlin'], '*/*', false],
    [[], 'orders', false],
    [['orders'], 'Orders', false],
    [['orders'], 'orders/', false],
  ];
  for (const [allowed, address, allows] of reads) {
    it(`${allows ? 'lets' : 'does not let'} read ${address} under ${JSON.stringify(allowed)}`, () => {
      const { stages, connection } = bound(['*'], allowed);
      assert.equal(stages.onRead?.(connection, address)?.code, allows ? undefined : 'FORBIDDEN');
    });
  }

  it('keeps publishing and reading apart', () => {
    const { stages, connection } = bound(['in/*'], ['out/*']);
    assert.equal(stages.onPublish?.(connection, 'in/a', []), undefined);
    assert.equal(stages.onPublish?.(connection, 'out/a', [])?.code, 'FORBIDDEN');
    assert.equal(stages.onRead?.(connection, 'in/a')?.code, 'FORBIDDEN');
  });

  it('names the address and what is allowed instead', () => {
    const { stages, connection } = bound([], ['orders/*', 'stock']);
    assert.equal(stages.onRead?.(connection, 'users')?.message, 'This subscription may not read "users"; it may read "orders/*", "stock".');
    assert.equal(
      stages.onPublish?.(connection, 'users', [])?.message,
      'This subscription may not publish to "users"; it may publish to nothing.',
    );
  });

  it('keeps its sentence short, whatever the client or the plan name', () => {
    const { stages, connection } = bound(
      ['*'],
      Array.from({ length: 50 }, (_, index) => `c${index}`),
    );
    const { message } = stages.onRead?.(connection, `${'x'.repeat(100_000)}\u0000`) ?? assert.fail();
    assert.ok(message.length < 500, message);
    assert.match(message, /40 more/);
  });

  it('costs nothing where everything is allowed', () => assert.deepEqual(Object.keys(bound(['*'], ['a', '*']).stages), []));
});

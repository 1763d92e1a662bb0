import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { ConnectionContext, PolicyEnvironment, SubscriptionContext } from '../../core/policy.ts';
import { apiKey } from './api-key.ts';

describe('the API key policy', () => {
  const subscription: SubscriptionContext = {
    tenant: 'default',
    id: 's',
    application: 'a',
    api: 'x',
    plan: 'p',
    as: 'client',
    allow: { publish: [], read: [] },
  };
  const stages = apiKey.prepare({}, undefined as unknown as PolicyEnvironment)(subscription);
  const connect = (credential: string | undefined) =>
    stages.onConnect?.({ protocol: 'sse', subscription, stream: true, connectedAt: 0, credential } satisfies ConnectionContext);

  it('lets in who showed a key', () => assert.equal(connect('api-key'), undefined));

  for (const credential of ['jwt', 'mtls', 'API-KEY', '', undefined]) {
    it(`refuses ${credential ?? 'nobody known'}`, () => assert.equal(connect(credential)?.code, 'UNAUTHENTICATED'));
  }
});

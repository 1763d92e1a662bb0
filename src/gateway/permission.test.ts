import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findChannel, findChannels } from '../contracts/find-channel.ts';
import { loadContract } from '../contracts/load-contract.ts';
import type { ApiRuntime, BoundSubscription } from './catalogue.ts';
import { publishableBy, readableBy } from './permission.ts';
import { scopeRefusal } from './scope.ts';

const contract = await loadContract({
  name: 'shop.yaml',
  files: {},
  text: `
asyncapi: 3.0.0
info: { title: Shop, version: '1' }
channels:
  orders: { address: orders, messages: { placed: {} } }
  payroll: { address: payroll, messages: { paid: {} } }
  commands: { address: commands, messages: { ship: {} } }
operations:
  orders: { action: send, channel: { $ref: '#/channels/orders' } }
  payroll: { action: send, channel: { $ref: '#/channels/payroll' } }
  commands: { action: receive, channel: { $ref: '#/channels/commands' } }
`,
});
const api = {
  resource: { name: 'shop' },
  contract: {
    contract,
    find: (address: string) => findChannel(contract, address),
    findAll: (pattern: string) => findChannels(contract, pattern),
  },
} as unknown as ApiRuntime;

interface Terms {
  readonly read?: readonly string[];
  readonly publish?: readonly string[];
  readonly as?: 'client' | 'provider';
  readonly state?: string;
}

function bound({ read = [], publish = [], as = 'client', state = 'accepted' }: Terms): BoundSubscription {
  return { resource: { spec: { state, api: 'shop' } }, context: { as, allow: { read, publish } } } as unknown as BoundSubscription;
}

function said(ask: () => unknown): string {
  try {
    ask();
    return 'yes';
  } catch (error) {
    const { code, message } = error as { readonly code: string; readonly message: string };
    return `${code} ${message}`;
  }
}

describe('What an application is told of channels', () => {
  it('is the same outside its scope whether there is such a channel or not', () => {
    const mine = [bound({ read: ['orders'], publish: ['drafts'] })];
    for (const access of ['read', 'publish'] as const) {
      const [hidden, missing] = ['payroll', 'nowhere'].map((address) => scopeRefusal(mine, [access], address)!);
      assert.equal(hidden?.code, 'FORBIDDEN');
      assert.equal(hidden?.message.replace('payroll', 'nowhere'), missing?.message);
    }
    assert.equal(scopeRefusal(mine, ['read', 'publish'], 'drafts'), undefined, 'one of them is enough');
    assert.equal(scopeRefusal(mine, ['read'], 'orders'), undefined);
    assert.match(scopeRefusal([bound({ read: ['a'] }), bound({ read: ['a', 'b'] })], ['read'], 'c')!.message, /it may read "a", "b"\.$/);
    assert.equal(
      scopeRefusal([bound({ state: 'paused' })], ['read'], 'payroll'),
      undefined,
      'a subscription that is not accepted says so itself',
    );
  });

  it('names among the channels of a pattern only those that it may know', () => {
    const whole = said(() => readableBy([bound({ read: ['*'], publish: ['*'] })], api, '*'));
    assert.match(whole, /^FORBIDDEN .*so that it leaves out commands\.$/);
    const narrow = said(() => readableBy([bound({ read: ['*'] })], api, '*'));
    assert.match(narrow, /^FORBIDDEN .*to what one of its subscriptions may read\.$/);
    const provider = said(() => readableBy([bound({ as: 'provider', read: ['*'], publish: ['orders'] })], api, '*'));
    assert.match(provider, /so that it leaves out orders\.$/);
  });

  it('is that there is none where it may do nothing with it, be it within its scope', () => {
    const reader = [bound({ read: ['*'] })];
    assert.equal(
      said(() => readableBy(reader, api, 'commands')).replace('commands', 'nowhere'),
      said(() => readableBy(reader, api, 'nowhere')),
    );
    const publisher = [bound({ publish: ['*'] })];
    assert.equal(
      said(() => publishableBy(publisher, api, 'payroll')).replace('payroll', 'nowhere'),
      said(() => publishableBy(publisher, api, 'nowhere')),
    );
    const both = [bound({ read: ['*'], publish: ['*'] })];
    assert.match(
      said(() => readableBy(both, api, 'commands')),
      /^FORBIDDEN .*does not let this application read commands\.$/,
    );
    assert.match(
      said(() => publishableBy(both, api, 'payroll')),
      /^FORBIDDEN .*only sends there/,
    );
  });
});

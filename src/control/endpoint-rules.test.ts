import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ApplicationSpec, Resource, ResourceKind, SubscriptionSpec } from '../store/resources.ts';
import type { Draft } from './draft.ts';
import { creation, deletion, revision } from './draft.ts';
import { checkEndpointPlans, endpointEnds } from './endpoint-rules.ts';
import type { Resources } from './outlook.ts';

const application: ApplicationSpec = {};
const accepted: SubscriptionSpec = {
  application: 'shop',
  api: 'orders',
  plan: 'push',
  as: 'client',
  allow: { publish: [], read: ['*'] },
  state: 'accepted',
};

/** What is there, and which lists of it were asked for. */
function resourcesOf(all: readonly Resource[]): Resources & { readonly asked: ResourceKind[] } {
  const asked: ResourceKind[] = [];
  return {
    asked,
    list: <K extends ResourceKind>(kind: K) => {
      asked.push(kind);
      return all.filter((one) => one.kind === kind) as Resource<K>[];
    },
    get: <K extends ResourceKind>(kind: K, name: string) =>
      all.find((one) => one.kind === kind && one.name === name) as Resource<K> | undefined,
  };
}

describe('endpoints', () => {
  const { resource: subscription } = creation('subscription', { spec: accepted }, 1);
  const spec = { subscription: subscription.id } as Resource<'endpoint'>['spec'];
  const { resource: endpoint } = creation('endpoint', { name: 'hook', parent: 'shop', spec }, 1);
  const { resource: plan } = creation(
    'plan',
    { name: 'push', parent: 'orders', spec: { state: 'published', security: [], approval: 'auto', mode: 'push', limits: {} } },
    1,
  );

  function endsOf(drafts: readonly Draft[]) {
    const now = resourcesOf([subscription, endpoint, plan]);
    checkEndpointPlans(now, drafts);
    return { ends: endpointEnds(now, drafts).map(({ op, resource }) => `${op} ${resource.name}`), asked: now.asked };
  }

  test('are not looked at for an application and a subscription that are new: whoever has many customers makes many', () => {
    const drafts = [
      creation('application', { name: 'customer', spec: application }, 2),
      creation('subscription', { spec: { ...accepted, application: 'customer' } }, 2),
    ];
    assert.deepEqual(endsOf(drafts), { ends: [], asked: [] });
  });

  test('end with their subscription, also when others are made along with that', () => {
    const made = creation('subscription', { spec: { ...accepted, application: 'customer' } }, 2);
    for (const over of [deletion(subscription), revision(subscription, { ...accepted, state: 'closed' }, 2)])
      assert.deepEqual(endsOf([made, over]).ends, ['delete hook']);
  });

  test('are kept from a plan that takes none', () => {
    const standard = revision(plan, { ...plan.spec, mode: 'standard' }, 2);
    assert.throws(() => endsOf([standard]), { code: 'CONFLICT' });
  });
});

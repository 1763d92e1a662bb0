import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Resource, SubscriptionSpec } from '../store/resources.ts';
import type { Desired, DesiredApplication } from './desired.ts';
import { creation } from './draft.ts';
import { Outlook, type Resources } from './outlook.ts';
import { reconcile } from './reconcile.ts';

const count = 50;
const names = Array.from({ length: count }, (_, nth) => `app${nth}`);
const allow = { publish: ['*'], read: ['*'] };

const specOf = (application: string): Omit<SubscriptionSpec, 'state'> => ({ application, api: 'orders', as: 'provider', allow });

/** An application with one subscription each. */
function desired(): Desired {
  const applicationOf = (name: string): DesiredApplication => ({
    spec: {},
    credentials: [],
    subscriptions: [{ spec: { ...specOf(name), state: undefined }, path: `/applications/${name}`, endpoints: [], sources: [] }],
  });
  return { backbones: new Map(), apis: new Map(), applications: new Map(names.map((name) => [name, applicationOf(name)])) };
}

/** What is there: the applications, and for each a subscription that was closed before the one it has, and one to something else. */
function present(): Resources {
  const subscription = (spec: SubscriptionSpec) => creation('subscription', { spec }, 0);
  const api = creation('api', { name: 'orders', spec: { lifecycle: 'published' } as Resource<'api'>['spec'] }, 0);
  const drafts = names.flatMap((name) => [
    creation('application', { name, spec: {} }, 0),
    subscription({ ...specOf(name), state: 'closed' }),
    subscription({ ...specOf(name), as: 'client', state: 'accepted' }),
    subscription({ ...specOf(name), state: 'paused', reason: 'late' }),
  ]);
  return new Outlook({ list: () => [], get: () => undefined }, [api, ...drafts]);
}

const sealer = (): never => {
  throw new Error('nothing is sealed here');
};

describe('resources that are to be as a configuration wants them', () => {
  test('are looked through a few times, however many applications there are', () => {
    const now = present();
    let listed = 0;
    const counting: Resources = {
      list: (kind, tenant) => {
        if (kind === 'subscription') listed += 1;
        return now.list(kind, tenant);
      },
      get: (kind, name, parent, tenant) => now.get(kind, name, parent, tenant),
    };
    const { drafts, problems } = reconcile(desired(), counting, { prune: false, now: 1, sealer });
    assert.deepEqual([drafts, problems], [[], []]);
    assert.ok(listed <= 5, `${listed} times`);
  });

  test('have the subscription that is open, with the state it was given since, and a new one where all are closed', () => {
    const closed = names.slice(0, 2);
    const now = present();
    const ended = new Outlook(
      now,
      now
        .list('subscription')
        .filter(({ spec }) => closed.includes(spec.application) && spec.as === 'provider')
        .map((resource) => ({ op: 'put', resource: { ...resource, spec: { ...resource.spec, state: 'closed' } }, expect: 1, action: '' })),
    );
    const { drafts } = reconcile(desired(), ended, { prune: false, now: 1, sealer });
    assert.deepEqual(
      drafts.map(({ action, resource }) => [action, (resource as Resource<'subscription'>).spec.application]),
      closed.map((name) => ['subscription.create', name]),
    );
  });
});

import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../../core/errors.ts';
import type { Resource, SubscriptionSpec } from '../../store/resources.ts';
import { allow, allowEverything } from '../config/config-shape.ts';
import { resourceName } from '../config/names.ts';
import { choice, text } from '../config/scalars.ts';
import { fallback, object, optional, required } from '../config/shape.ts';
import { compact, creation, defaultTenant, deletion, revision } from '../draft.ts';
import type { SubscriptionAction } from '../lifecycle.ts';
import { isOpen, subscriptionActions } from '../lifecycle.ts';
import type { Asking } from '../own.ts';
import { mayRead } from '../own.ts';
import { pageFields, pageOf, pageSchema } from '../paging.ts';
import { checkPrecondition } from '../precondition.ts';
import { viewOf } from '../present.ts';
import type { Answer, Router } from '../router.ts';
import { notFound } from '../router.ts';
import { checkSubscribable, openSubscription } from '../rules.ts';
import type { Services } from '../services.ts';
import { subscriptionView } from '../view-schemas.ts';
import { answers, created, gone, goneAnswer, shown } from './answers.ts';

const tag = 'Subscriptions';
export const subscriptionParam = { subscription: required(text({ min: 1, max: 40 }), 'Id of the subscription.') } as const;
const states = ['pending', 'accepted', 'rejected', 'paused', 'closed'] as const;
const filters = {
  ...pageFields,
  api: optional(resourceName, 'Only of this API.'),
  application: optional(resourceName, 'Only of this application.'),
  plan: optional(resourceName, 'Only under this plan.'),
  state: optional(choice(states), 'Only in this state.'),
} as const;
const newSubscription = object({
  api: required(resourceName, 'The API.'),
  application: required(resourceName, 'The application.'),
  plan: optional(resourceName, 'The plan; a provider needs none.'),
  as: fallback(choice(['client', 'provider']), 'client', 'Which side of the contract it is.'),
  allow: fallback(allow, allowEverything, 'Narrows what the contract permits, by address pattern.'),
});
const changedSubscription = object({
  plan: optional(resourceName, 'Another plan of the same API.'),
  allow: optional(allow, 'What it may do from now on.'),
});
const reason = object({ reason: optional(text({ max: 500 }), 'Why; the subscriber sees it.') });

/** The subscription of this id, where the caller may see it; throws NOT_FOUND. */
export function subscriptionOf(services: Pick<Services, 'store'>, id: string, asking?: Asking): Resource<'subscription'> {
  const subscription = services.store.get('subscription', id, '', defaultTenant);
  if (subscription === undefined || !mayRead(asking, subscription)) throw notFound('subscription', id);
  return subscription;
}

export function subscriptionRoutes(router: Router, services: Services): void {
  readingRoutes(router, services);
  creatingRoute(router, services);
  changingRoute(router, services);
  deletingRoute(router, services);
  for (const action of Object.keys(subscriptionActions) as SubscriptionAction[]) actionRoute(router, services, action);
}

function readingRoutes(router: Router, services: Services): void {
  router.add({
    method: 'GET',
    path: '/subscriptions',
    operation: 'listSubscriptions',
    tag,
    summary: 'List subscriptions, oldest first; an application sees its own.',
    access: 'owner',
    query: filters,
    answers: answers(200, 'A page of subscriptions.', pageSchema(subscriptionView)),
    handle({ query, application }) {
      const wanted = ({ spec }: Resource<'subscription'>): boolean =>
        (query.api ?? spec.api) === spec.api &&
        (query.application ?? spec.application) === spec.application &&
        (query.plan ?? spec.plan) === spec.plan &&
        (query.state ?? spec.state) === spec.state;
      const page = pageOf(
        services.store.list('subscription', defaultTenant).filter((one) => wanted(one) && mayRead(application, one)),
        (one) => `${String(one.createdAt).padStart(15, '0')} ${one.id}`,
        query,
      );
      return { body: { ...page, items: page.items.map(viewOf) } };
    },
  });
  router.add({
    method: 'GET',
    path: '/subscriptions/:subscription',
    operation: 'getSubscription',
    tag,
    summary: 'Read a subscription; an application reads its own.',
    access: 'owner',
    params: subscriptionParam,
    answers: answers(200, 'The subscription.', subscriptionView),
    handle: ({ params, application }) => shown(subscriptionOf(services, params.subscription, application)),
  });
}

function creatingRoute(router: Router, services: Services): void {
  const { administration, store } = services;
  router.add({
    method: 'POST',
    path: '/subscriptions',
    operation: 'createSubscription',
    tag,
    summary: 'Subscribe an application to an API: accepted at once, or pending where the plan wants approval.',
    body: newSubscription,
    answers: answers(201, 'The new subscription.', subscriptionView),
    async handle({ body, actor }) {
      const subscription = await administration.changeOne(actor, async () => {
        if (store.get('application', body.application) === undefined)
          throw new GatewayError('INVALID_CONFIGURATION', `There is no application ${body.application}; create it first.`);
        const plan = checkSubscribable(body, store);
        const open = openSubscription(store, body.application, body.api, body.as);
        if (open !== undefined)
          throw new GatewayError(
            'CONFLICT',
            `The application ${body.application} has a subscription to ${body.api} as ${body.as} already: ${open.id}. Change that one, or close it first.`,
            { details: { subscription: open.id } },
          );
        const draft = creation(
          'subscription',
          { spec: { ...body, state: plan?.spec.approval === 'manual' ? 'pending' : 'accepted' } },
          administration.now(),
        );
        return { drafts: [draft], result: draft.resource };
      });
      return created(subscription, `/subscriptions/${subscription.id}`);
    },
  });
}

function changingRoute(router: Router, services: Services): void {
  const { store } = services;
  router.add({
    method: 'PATCH',
    path: '/subscriptions/:subscription',
    operation: 'changeSubscription',
    tag,
    summary: 'Move a subscription to another plan, or change what it may do.',
    params: subscriptionParam,
    body: changedSubscription,
    precondition: 'required',
    answers: answers(200, 'The subscription as it is now.', subscriptionView),
    handle: async ({ params, body, ifMatch, actor }) =>
      await changeSubscription(services, params.subscription, { ifMatch, need: 'required', actor, verb: 'update' }, ({ spec }) => {
        if (!isOpen(spec.state))
          throw new GatewayError('CONFLICT', `The subscription is ${spec.state} and stays as it is; make a new one.`);
        const plan = body.plan ?? spec.plan;
        if (plan !== spec.plan) checkMove(spec, plan!);
        return { ...spec, plan, allow: body.allow ?? spec.allow };
      }),
  });

  function checkMove(spec: SubscriptionSpec, plan: string): void {
    const found = store.get('plan', plan, spec.api, defaultTenant);
    if (found === undefined) throw new GatewayError('INVALID_CONFIGURATION', `The API ${spec.api} has no plan ${plan}.`);
    if (found.spec.state !== 'published')
      throw new GatewayError('CONFLICT', `The plan ${plan} is ${found.spec.state}; only a published plan takes subscriptions.`);
  }
}

function deletingRoute(router: Router, services: Services): void {
  const { administration } = services;
  router.add({
    method: 'DELETE',
    path: '/subscriptions/:subscription',
    operation: 'deleteSubscription',
    tag,
    summary: 'Forget a subscription that is closed or rejected.',
    params: subscriptionParam,
    precondition: 'required',
    answers: goneAnswer,
    async handle({ params, ifMatch, actor }) {
      await administration.change(actor, async () => {
        const subscription = subscriptionOf(services, params.subscription);
        checkPrecondition(subscription, ifMatch, 'required');
        if (isOpen(subscription.spec.state))
          throw new GatewayError('CONFLICT', `The subscription is ${subscription.spec.state}; close it first.`, {
            details: { state: subscription.spec.state },
          });
        return { drafts: [deletion(subscription)], result: undefined };
      });
      return gone;
    },
  });
}

const actionSummaries: Readonly<Record<SubscriptionAction, string>> = {
  accept: 'Accept a pending subscription.',
  reject: 'Reject a pending subscription.',
  pause: 'Pause a subscription: its connections end and new ones are refused.',
  resume: 'Let a paused subscription go on.',
  close: 'Close a subscription for good.',
};

function actionRoute(router: Router, services: Services, action: SubscriptionAction): void {
  const { from, to } = subscriptionActions[action] as {
    readonly from: readonly SubscriptionSpec['state'][];
    readonly to: SubscriptionSpec['state'];
  };
  router.add({
    method: 'POST',
    path: `/subscriptions/:subscription/${action}`,
    operation: `${action}Subscription`,
    tag,
    summary: actionSummaries[action],
    params: subscriptionParam,
    body: reason,
    precondition: 'optional',
    answers: answers(200, 'The subscription as it is now.', subscriptionView),
    handle: async ({ params, body, ifMatch, actor }) =>
      await changeSubscription(services, params.subscription, { ifMatch, need: 'optional', actor, verb: action }, ({ spec }) => {
        if (from.includes(spec.state)) return { ...spec, state: to, reason: body.reason };
        throw new GatewayError('CONFLICT', `The subscription is ${spec.state}; to ${action} it, it must be ${from.join(' or ')}.`, {
          details: { state: spec.state, from },
        });
      }),
  });
}

interface ChangeTerms {
  readonly ifMatch: string | undefined;
  readonly need: 'required' | 'optional';
  readonly actor: string;
  readonly verb: string;
}

async function changeSubscription(
  services: Services,
  id: string,
  terms: ChangeTerms,
  next: (subscription: Resource<'subscription'>) => SubscriptionSpec,
): Promise<Answer> {
  const { administration } = services;
  const changed = await administration.changeOne(terms.actor, async () => {
    const subscription = subscriptionOf(services, id);
    checkPrecondition(subscription, terms.ifMatch, terms.need);
    const spec = compact(next(subscription));
    if (isDeepStrictEqual(spec, subscription.spec)) return { drafts: [], result: subscription };
    const draft = revision(subscription, spec, administration.now(), terms.verb);
    return { drafts: [draft], result: draft.resource };
  });
  return shown(changed);
}

import { resourceName } from '../config/names.ts';
import { choice, text } from '../config/scalars.ts';
import { fallback, optional } from '../config/shape.ts';
import { defaultTenant } from '../draft.ts';
import { applicationAsked, sinceAsked } from '../own.ts';
import { pageFields, pageSchema } from '../paging.ts';
import type { Router } from '../router.ts';
import type { Services } from '../services.ts';
import { anyObject } from '../view-schemas.ts';
import { checkSpan, span } from './analytics.ts';
import { answers } from './answers.ts';
import { subscriptionOf, subscriptionParam } from './subscriptions.ts';

const tag = 'Usage';

export function usageRoutes(router: Router, services: Services): void {
  const { insights } = services;
  router.add({
    method: 'GET',
    path: '/usage',
    operation: 'getUsage',
    tag,
    summary: 'What was used, as it is billed; an application sees its own.',
    access: 'owner',
    query: {
      subscription: optional(text({ min: 1, max: 40 }), 'Only of this subscription.'),
      application: optional(resourceName, 'Only of this application.'),
      api: optional(resourceName, 'Only of this API.'),
      ...span,
      by: fallback(choice(['subscription', 'type', 'reader']), 'subscription', 'What the sums are over.'),
    },
    answers: answers(200, 'The sums.', anyObject),
    async handle({ query, application }) {
      checkSpan(query);
      const own = { application: applicationAsked(application, query.application), from: sinceAsked(application, query.from) };
      return { body: await insights.usage(defaultTenant, { ...query, ...own }) };
    },
  });
  router.add({
    method: 'GET',
    path: '/usage/verify',
    operation: 'verifyUsage',
    tag,
    summary: 'Check that the ranges of every reader tile, without gap or overlap, and that the newest fit the log.',
    answers: answers(200, 'What was found.', anyObject),
    handle: async () => ({ body: await insights.verify(defaultTenant) }),
  });
  router.add({
    method: 'GET',
    path: '/subscriptions/:subscription/refusals',
    operation: 'listRefusals',
    tag,
    summary: 'List what was refused to a subscription, newest first: limits reached, events rejected; an application sees its own.',
    access: 'owner',
    params: subscriptionParam,
    query: { limit: pageFields.limit },
    answers: answers(200, 'The refusals.', pageSchema(anyObject)),
    async handle({ params, query, application }) {
      const { id } = subscriptionOf(services, params.subscription, application);
      const items = await insights.refusals(defaultTenant, id, query.limit);
      return { body: { items, next: null } };
    },
  });
}

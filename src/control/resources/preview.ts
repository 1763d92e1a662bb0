import { endpointFields } from '../config/endpoint-shape.ts';
import { integer, text } from '../config/scalars.ts';
import { fallback, object, required } from '../config/shape.ts';
import { integerText } from '../paging.ts';
import type { Router } from '../router.ts';
import type { Services } from '../services.ts';
import { previewView } from '../view-schemas.ts';
import { answers } from './answers.ts';
import { endpointOf, endpointParam } from './endpoint-of.ts';
import { subscriptionOf } from './subscriptions.ts';

const tag = 'Endpoints';
const bounds = { min: 1, max: 1000 };
const describedLimit = 'Most events to look at, the newest ones.';
const { address, events, filter } = endpointFields;
const wish = object({
  subscription: required(text({ min: 1, max: 40 }), 'Id of the subscription under which events are read.'),
  address,
  events,
  filter,
  limit: fallback(integer(bounds), bounds.max, describedLimit),
});

/** How many of the newest events an endpoint would get, or gets; an application may ask about its own. */
export function previewRoutes(router: Router, services: Services): void {
  const common = { tag, access: 'owner', answers: answers(200, 'What was counted.', previewView) } as const;
  router.add({
    ...common,
    method: 'POST',
    path: '/endpoints/preview',
    operation: 'previewFilter',
    summary: 'Try an address, event types and a filter on the newest events; an application may under its own subscriptions.',
    body: wish,
    async handle({ body, application }) {
      const { id } = subscriptionOf(services, body.subscription, application);
      return {
        body: await services.previewFilter({
          subscription: id,
          address: body.address,
          types: body.events,
          filter: body.filter,
          limit: body.limit,
        }),
      };
    },
  });
  router.add({
    ...common,
    method: 'GET',
    path: '/endpoints/:endpoint/preview',
    operation: 'previewEndpoint',
    summary: 'Count how many of the newest events are for an endpoint; an application may for its own.',
    params: endpointParam,
    query: { limit: fallback(integerText(bounds), bounds.max, describedLimit) },
    async handle({ params, query, application }) {
      const { subscription, address, types, filter } = endpointOf(services, params.endpoint, application).spec;
      return { body: await services.previewFilter({ subscription, address, types, filter, limit: query.limit }) };
    },
  });
}

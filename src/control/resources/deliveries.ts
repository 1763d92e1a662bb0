import { GatewayError } from '../../core/errors.ts';
import type { DeliveryPage } from '../../push/delivery-log.ts';
import { EndpointHealth } from '../../push/endpoint-health.ts';
import { endpointStatus } from '../../push/endpoint-status.ts';
import { formatDuration } from '../config/quantities.ts';
import { choice, integer, moment, text } from '../config/scalars.ts';
import { fallback, object, optional, required } from '../config/shape.ts';
import { defaultTenant } from '../draft.ts';
import { decodeCursor, encodeCursor, pageFields, pageSchema } from '../paging.ts';
import { notFound, type Router } from '../router.ts';
import type { Services } from '../services.ts';
import { attemptView, deliveryView, endpointStatusView, redriveView } from '../view-schemas.ts';
import { answers } from './answers.ts';
import { endpointOf, endpointParam } from './endpoint-of.ts';
import { shownVerification } from './endpoint-verification.ts';

const tag = 'Endpoints';
/** One delivery of an endpoint. */
export const positionParam = {
  ...endpointParam,
  position: required(text({ min: 1, max: 128 }), 'Place of the delivery on the log.'),
} as const;
const redrive = deadOnes('retry');

/** Which of the deliveries that are given up are meant, and how many at most in one call. */
export function deadOnes(verb: 'retry' | 'discard') {
  return object({
    state: required(choice(['dead']), 'Which ones: those that are attempted no more.'),
    before: optional(moment, 'Only what died before then. Default: now.'),
    limit: fallback(integer({ min: 1, max: 1000 }), 100, `Most deliveries to ${verb} in this call.`),
  });
}

/** What became of deliveries, and sending them again; an application may do both for its own endpoints. */
export function deliveryRoutes(router: Router, services: Services): void {
  statusRoute(router, services);
  listingRoutes(router, services);
  retryRoutes(router, services);
}

function statusRoute(router: Router, services: Services): void {
  const { clock, insights, deliveries } = services;
  router.add({
    method: 'GET',
    path: '/endpoints/:endpoint/status',
    operation: 'getEndpointStatus',
    tag,
    summary: 'Read how an endpoint does: whether it is sent to, what holds it up, and how much waits; an application reads its own.',
    access: 'owner',
    params: endpointParam,
    answers: answers(200, 'How it does.', endpointStatusView),
    async handle({ params, application }) {
      const endpoint = endpointOf(services, params.endpoint, application);
      const { id, spec } = endpoint;
      const verification = deliveries.verifications.record(endpoint);
      const isVerified = verification === undefined || verification.state === 'verified';
      const courier = deliveries.courier(id);
      const refused = deliveries.refusal(id);
      const [counts, saved, reader] = await Promise.all([
        deliveries.log.counts(id),
        deliveries.log.health(id),
        courier && insights.reader(defaultTenant, courier.reader),
      ]);
      const health = courier?.health ?? new EndpointHealth(clock, saved);
      return {
        body: {
          endpoint: id,
          ...endpointStatus({ isPaused: spec.state === 'paused', isVerified, health }),
          verification: shownVerification(endpoint, verification),
          refused: refused === undefined || !isVerified ? null : { code: refused.code, sentence: refused.message },
          waiting: courier?.owed ?? counts.waiting,
          dead: counts.dead,
          keepDeadLetters: formatDuration(deliveries.keptFor(endpoint)),
          dropped: counts.dropped ?? null,
          reader: reader ?? null,
        },
      };
    },
  });
}

function listingRoutes(router: Router, services: Services): void {
  const { log } = services.deliveries;
  router.add({
    method: 'GET',
    path: '/endpoints/:endpoint/attempts',
    operation: 'listAttempts',
    tag,
    summary: 'List the attempts to deliver to an endpoint, newest first, with what was sent and answered; an application sees its own.',
    access: 'owner',
    params: endpointParam,
    query: {
      ...pageFields,
      event: optional(text({ min: 1, max: 1024 }), 'Only of the event of this id.'),
      outcome: optional(choice(['delivered', 'retry', 'dead', 'held']), 'Only those that ended so.'),
    },
    answers: answers(200, 'A page of attempts.', pageSchema(attemptView)),
    async handle({ params, query, application }) {
      const { id } = endpointOf(services, params.endpoint, application);
      const { event, outcome, limit } = query;
      return shownPage(await log.attempts(id, { event, outcome, limit, after: rowAfter(query.after) }));
    },
  });
  router.add({
    method: 'GET',
    path: '/endpoints/:endpoint/deliveries',
    operation: 'listDeliveries',
    tag,
    summary: 'List what an endpoint is still to be sent after a failure, and what is given up, oldest first; an application sees its own.',
    access: 'owner',
    params: endpointParam,
    query: { ...pageFields, state: optional(choice(['waiting', 'dead']), 'Only in this state.') },
    answers: answers(200, 'A page of deliveries.', pageSchema(deliveryView)),
    async handle({ params, query, application }) {
      const { id } = endpointOf(services, params.endpoint, application);
      return shownPage(await log.deliveries(id, { state: query.state, limit: query.limit, after: rowAfter(query.after) }));
    },
  });
}

function retryRoutes(router: Router, services: Services): void {
  const { clock, deliveries, store } = services;
  router.add({
    method: 'POST',
    path: '/endpoints/:endpoint/deliveries/:position/retry',
    operation: 'retryDelivery',
    tag,
    summary: 'Retry one delivery: one that waits is due at once, a dead one begins its schedule anew; an application may for its own.',
    access: 'owner',
    params: positionParam,
    answers: answers(200, 'It is due.', { type: 'object', properties: { retried: { const: 1 } }, required: ['retried'] }),
    async handle({ params, application, actor }) {
      const endpoint = endpointOf(services, params.endpoint, application);
      const answer = await deliveries.redrive.one(endpoint.id, params.position);
      if (answer === 'absent') throw absent(params.position);
      if (answer === 'busy')
        throw new GatewayError('CONFLICT', 'This delivery cannot be retried now: it is under way, waits behind others, or too many wait.');
      if (answer === 'unreadable') throw unreadable(endpoint.id, params.position);
      await store.note(endpoint, 'endpoint.retry', actor);
      return { body: { retried: 1 } };
    },
  });
  router.add({
    method: 'POST',
    path: '/endpoints/:endpoint/deliveries/retry',
    operation: 'retryDeliveries',
    tag,
    summary: 'Retry dead deliveries, oldest first, a bounded number for each call; an application may for its own endpoints.',
    access: 'owner',
    params: endpointParam,
    body: redrive,
    answers: answers(200, 'How many are due, and how many are left.', redriveView),
    async handle({ params, body, application, actor }) {
      const endpoint = endpointOf(services, params.endpoint, application);
      const { before = clock.now(), limit } = body;
      const { retried, left } = await deliveries.redrive.dead(endpoint.id, { before, limit });
      if (retried > 0) await store.note(endpoint, 'endpoint.retry', actor);
      return { body: { retried, left, before } };
    },
  });
}

/** No delivery waits or is dead at this place. */
export function absent(position: string): GatewayError {
  return notFound('delivery that is owed or dead at', position);
}

/** Of a delivery whose event is damaged where it is kept. */
export function unreadable(endpoint: string, position: string): GatewayError {
  const sentence = `The event kept for this delivery at ${position} cannot be read any more, so it cannot be sent from here. Where the log still has the event, a replay that begins before it sends it again; what is kept here goes with the endpoint's dead letters in their time, or when it is discarded.`;
  return new GatewayError('CONFLICT', sentence, { details: { reason: 'unreadable', endpoint, position } });
}

function shownPage({ items, next }: DeliveryPage): { readonly body: object } {
  return { body: { items, next: next === undefined ? null : encodeCursor(String(next)) } };
}

/** The row behind an `after`; throws BAD_REQUEST for what no page can have answered. */
function rowAfter(after: string | undefined): number | undefined {
  const text = after === undefined ? undefined : decodeCursor(after);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new GatewayError('BAD_REQUEST', '`after` must be the `next` of an earlier page.');
  return Number(text);
}

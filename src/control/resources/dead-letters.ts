import { GatewayError } from '../../core/errors.ts';
import { encodeEvent } from '../../protocols/cloudevents/encode.ts';
import type { DiscardAnswer, KeptDelivery } from '../../push/dead-letters.ts';
import type { Router } from '../router.ts';
import type { Services } from '../services.ts';
import { discardView, wholeDeliveryView } from '../view-schemas.ts';
import { answers, gone, goneAnswer } from './answers.ts';
import { absent, deadOnes, positionParam, unreadable } from './deliveries.ts';
import { endpointOf, endpointParam } from './endpoint-of.ts';

const tag = 'Endpoints';
const many = deadOnes('discard');

/** Looking at what was not delivered, and throwing away what is given up; an application may do both for its own endpoints. */
export function deadLetterRoutes(router: Router, services: Services): void {
  readingRoute(router, services);
  discardingRoutes(router, services);
}

function readingRoute(router: Router, services: Services): void {
  router.add({
    method: 'GET',
    path: '/endpoints/:endpoint/deliveries/:position',
    operation: 'getDelivery',
    tag,
    summary: 'Read one delivery that waits or is given up, with its event as it would be sent; an application reads its own.',
    access: 'owner',
    params: positionParam,
    answers: answers(200, 'The delivery with its event.', wholeDeliveryView),
    async handle({ params, application }) {
      const endpoint = endpointOf(services, params.endpoint, application);
      const kept = await services.deadLetters.find(endpoint.id, params.position);
      if (kept === undefined) throw absent(params.position);
      // What an application may not read any more it does not read here.
      if (application !== undefined) services.checkReads(endpoint, String(kept.view['address']));
      return { body: wholeDelivery(kept, unreadable(endpoint.id, params.position)) };
    },
  });
}

/** As text, since the event's data are to stay as they were published, numbers of any length too. Throws `fault` for an event that cannot be read. */
function wholeDelivery({ view, event }: KeptDelivery, fault: GatewayError): string {
  if (event instanceof Error) throw fault;
  return `${JSON.stringify(view).slice(0, -1)},"cloudEvent":${encodeEvent(event, event.position).toString('utf8')}}`;
}

function discardingRoutes(router: Router, services: Services): void {
  const { clock, deadLetters, store } = services;
  router.add({
    method: 'DELETE',
    path: '/endpoints/:endpoint/deliveries/:position',
    operation: 'discardDelivery',
    tag,
    summary: 'Discard one delivery that is given up: it cannot be sent again from here; an application may for its own endpoints.',
    access: 'owner',
    params: positionParam,
    answers: goneAnswer,
    async handle({ params, application, actor }) {
      const endpoint = endpointOf(services, params.endpoint, application);
      const refusal = refusalOf(await deadLetters.discard(endpoint, params.position), params.position);
      if (refusal !== undefined) throw refusal;
      await store.note(endpoint, 'endpoint.discard', actor);
      return gone;
    },
  });
  router.add({
    method: 'POST',
    path: '/endpoints/:endpoint/deliveries/discard',
    operation: 'discardDeliveries',
    tag,
    summary:
      'Discard deliveries that are given up, oldest first, a bounded number for each call; an application may for its own endpoints.',
    access: 'owner',
    params: endpointParam,
    body: many,
    answers: answers(200, 'How many are gone, and how many are left.', discardView),
    async handle({ params, body, application, actor }) {
      const endpoint = endpointOf(services, params.endpoint, application);
      const { before = clock.now(), limit } = body;
      const { discarded, left } = await deadLetters.discardMany(endpoint, { before, limit });
      if (discarded > 0) await store.note(endpoint, 'endpoint.discard', actor);
      return { body: { discarded, left, before } };
    },
  });
}

function refusalOf(answer: DiscardAnswer, position: string): GatewayError | undefined {
  if (answer === 'absent') return absent(position);
  if (answer === 'owed') return new GatewayError('CONFLICT', 'This delivery is not given up: it is to be sent, and may be under way.');
  if (answer === 'ahead')
    return new GatewayError('CONFLICT', 'This delivery cannot be discarded yet: one that was published before it is not settled.');
  return undefined;
}

import { GatewayError } from '../../core/errors.ts';
import { resourceName } from '../config/names.ts';
import { object, optional } from '../config/shape.ts';
import type { Router } from '../router.ts';
import type { Services } from '../services.ts';
import { answers } from './answers.ts';

const ticketRequest = object({ api: optional(resourceName, 'The only API it may be used for.') });
const ticketView = {
  type: 'object',
  properties: {
    ticket: { type: 'string', description: 'For `?ticket=`; valid once.' },
    expiresIn: { type: 'integer', description: 'Seconds.' },
  },
  required: ['ticket', 'expiresIn'],
};

export function ticketRoutes(router: Router, { store, issueTicket }: Services): void {
  router.add({
    method: 'POST',
    path: '/tickets',
    operation: 'createTicket',
    tag: 'Tickets',
    summary: 'Get a short-lived single-use credential for a browser, with an API key.',
    access: 'application',
    body: ticketRequest,
    answers: answers(201, 'The ticket.', ticketView),
    async handle({ body, application, credential }) {
      const { tenant, name } = application!;
      const subscribed =
        body.api === undefined ||
        store
          .list('subscription', tenant)
          .some(({ spec }) => spec.application === name && spec.api === body.api && spec.state === 'accepted');
      if (!subscribed) throw new GatewayError('FORBIDDEN', `The application ${name} has no accepted subscription to an API ${body.api}.`);
      const { ticket, expiresIn } = await issueTicket(tenant, credential!.id, body.api);
      return { status: 201, body: { ticket, expiresIn } };
    },
  });
}

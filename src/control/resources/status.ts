import type { Router } from '../router.ts';
import type { Services } from '../services.ts';
import { anyObject } from '../view-schemas.ts';
import { answers } from './answers.ts';

const tag = 'Status';
const state = { type: 'object', properties: { status: { type: 'string' } }, required: ['status'] };

export function statusRoutes(router: Router, services: Services): void {
  router.add({
    method: 'GET',
    path: '/status',
    operation: 'getStatus',
    tag,
    summary: 'How the gateway, its backbones and its store are.',
    answers: answers(200, 'The status.', anyObject),
    handle: async () => ({ body: await services.status() }),
  });
}

/** At the root of the server, without a token: for probes and scrapers. */
export function probeRoutes(router: Router, services: Services): void {
  router.add({
    method: 'GET',
    path: '/healthz',
    operation: 'getHealth',
    tag,
    summary: 'Whether the process works; where it does not, it has to be started anew.',
    access: 'open',
    answers: { ...answers(200, 'It does.', state), 503: { description: 'It cannot go on.', schema: state } },
    handle: () => (services.healthy() ? { body: { status: 'ok' } } : { status: 503, body: { status: 'failed' } }),
  });
  router.add({
    method: 'GET',
    path: '/readyz',
    operation: 'getReadiness',
    tag,
    summary: 'Whether it takes clients.',
    access: 'open',
    answers: { ...answers(200, 'It does.', state), 503: { description: 'It starts or drains.', schema: state } },
    handle: () => (services.ready() ? { body: { status: 'ready' } } : { status: 503, body: { status: 'not ready' } }),
  });
  router.add({
    method: 'GET',
    path: '/metrics',
    operation: 'getMetrics',
    tag,
    summary: 'Metrics in the OpenMetrics format.',
    access: 'open',
    answers: { 200: { description: 'The metrics.', contentType: 'text/plain', schema: { type: 'string' } } },
    async handle() {
      const { contentType, body } = await services.metrics();
      return { body, headers: { 'content-type': contentType } };
    },
  });
}

import { GatewayError } from '../../core/errors.ts';
import { choice, text } from '../config/scalars.ts';
import { fallback, optional, required } from '../config/shape.ts';
import { defaultTenant } from '../draft.ts';
import { momentText } from '../paging.ts';
import type { Router } from '../router.ts';
import type { Services } from '../services.ts';
import { anyObject } from '../view-schemas.ts';
import { answers } from './answers.ts';

export const span = {
  from: optional(momentText, 'Beginning, inclusive: RFC 3339 or milliseconds since 1970.'),
  to: optional(momentText, 'End, exclusive.'),
} as const;

/** Throws BAD_REQUEST when a span ends before it begins. */
export function checkSpan({ from, to }: { readonly from: number | undefined; readonly to: number | undefined }): void {
  if (from !== undefined && to !== undefined && from > to) throw new GatewayError('BAD_REQUEST', '`to` is before `from`.');
}

export function analyticsRoutes(router: Router, { insights }: Services): void {
  router.add({
    method: 'GET',
    path: '/analytics/:metric',
    operation: 'getAnalytics',
    tag: 'Analytics',
    summary: 'Figures over time, from the same records that bill.',
    params: {
      metric: required(choice(['messages', 'rate', 'errors', 'latency', 'lag', 'limits', 'backbones', 'connections']), 'What is measured.'),
    },
    query: {
      by: fallback(choice(['reader', 'subscription', 'application', 'api', 'channel']), 'api', 'Whose figures.'),
      id: optional(text({ min: 1, max: 1100 }), 'Only of this one.'),
      ...span,
      resolution: optional(choice(['1s', '1m', '1h']), 'Length of one step.'),
    },
    answers: answers(200, 'The figures.', anyObject),
    async handle({ params, query }) {
      checkSpan(query);
      return { body: await insights.analytics(defaultTenant, params.metric, query) };
    },
  });
}

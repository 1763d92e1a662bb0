import { GatewayError } from '../../core/errors.ts';
import type { AnalyticsMetric, AnalyticsQuery } from '../../metering/insights.ts';
import type { Resource } from '../../store/resources.ts';
import { choice, text } from '../config/scalars.ts';
import { optional, required } from '../config/shape.ts';
import { defaultTenant } from '../draft.ts';
import { applicationAsked, mayReadOf, nobody } from '../own.ts';
import { momentText } from '../paging.ts';
import type { Router } from '../router.ts';
import type { Services } from '../services.ts';
import { anyObject } from '../view-schemas.ts';
import { answers } from './answers.ts';

/** How far back figures go when a question does not say. */
const defaultSpan = 24 * 60 * 60 * 1000;

export const span = {
  from: optional(momentText, 'Beginning, inclusive: RFC 3339 or milliseconds since 1970.'),
  to: optional(momentText, 'End, exclusive.'),
} as const;

/** Throws BAD_REQUEST when a span ends before it begins. */
export function checkSpan({ from, to }: { readonly from: number | undefined; readonly to: number | undefined }): void {
  if (from !== undefined && to !== undefined && from > to) throw new GatewayError('BAD_REQUEST', '`to` is before `from`.');
}

export function analyticsRoutes(router: Router, services: Services): void {
  const { insights } = services;
  router.add({
    method: 'GET',
    path: '/analytics/:metric',
    operation: 'getAnalytics',
    tag: 'Analytics',
    summary: 'Figures over time, from the same records that bill; an application sees its own.',
    access: 'owner',
    params: {
      metric: required(choice(['messages', 'rate', 'errors', 'latency', 'lag', 'limits', 'backbones', 'connections']), 'What is measured.'),
    },
    query: {
      by: optional(
        choice(['reader', 'subscription', 'application', 'api', 'channel']),
        'Whose figures; when left out api, and application for an application.',
      ),
      id: optional(text({ min: 1, max: 1100 }), 'Only of this one.'),
      ...span,
      resolution: optional(choice(['1s', '1m', '1h']), 'Length of one step.'),
    },
    answers: answers(200, 'The figures.', anyObject),
    async handle({ params, query, application }) {
      checkSpan(query);
      const { by = application === undefined ? 'api' : 'application', ...rest } = query;
      const asked = { ...rest, by };
      if (application === undefined) return { body: await insights.analytics(defaultTenant, params.metric, asked) };
      const own = await ownQuestion(services, application, params.metric, asked);
      // How many series there are of everybody is not the application's to know.
      const { overflow: _, ...answer } = await insights.analytics(defaultTenant, params.metric, own);
      return { body: { ...answer, id: asked.id ?? own.id } };
    },
  });
}

/** The question narrowed to what is the application's own; throws FORBIDDEN where the figures cannot be told apart. */
async function ownQuestion(
  { insights, store, clock }: Services,
  application: Resource<'application'>,
  metric: AnalyticsMetric,
  query: AnalyticsQuery,
): Promise<AnalyticsQuery> {
  const from = Math.max(query.from ?? clock.now() - defaultSpan, application.createdAt);
  // Rates are by the second when a question names no time, and one that names ours should not differ.
  const resolution = query.resolution ?? (query.from === undefined ? '1s' : undefined);
  const about = (id: string): AnalyticsQuery => ({ ...query, id, from, resolution });
  if (metric === 'backbones') throw new GatewayError('FORBIDDEN', 'Backbones serve everybody; how they are needs the admin token.');
  if (query.by === 'application') return about(applicationAsked(application, query.id) ?? nobody);
  if (query.by === 'api' || query.by === 'channel')
    throw new GatewayError('FORBIDDEN', `Figures by ${query.by} are of all its users and need the admin token; ask by=application.`);
  if (query.id === undefined)
    throw new GatewayError('FORBIDDEN', `Figures by ${query.by} of everybody need the admin token; name one of yours with \`id\`.`);
  const subscription = query.by === 'subscription' ? query.id : (await insights.reader(defaultTenant, query.id))?.subscription;
  return about(subscription !== undefined && mayReadOf(application, subscription, store) ? query.id : nobody);
}

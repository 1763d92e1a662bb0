import { GatewayError } from '../core/errors.ts';
import type { Resource, SubscriptionSpec } from '../store/resources.ts';
import type { Draft } from './draft.ts';
import { defaultTenant, deletion } from './draft.ts';
import { isOpen } from './lifecycle.ts';
import type { Resources } from './outlook.ts';
import { Outlook } from './outlook.ts';

/** Sources of one subscription. */
export const maxSources = 100;

/** What an API's `entrypoints` must name so that webhooks can come in. */
export const webhookEntrypoint = 'webhook';

const whatSourcesHangOn = new Set(['subscription', 'plan', 'application', 'api']);

/** Sources that go along once these drafts are written: a source lives no longer than its subscription. */
export function sourceEnds(now: Resources, drafts: readonly Draft[]): readonly Draft[] {
  if (!drafts.some(({ resource }) => whatSourcesHangOn.has(resource.kind))) return [];
  const outlook = new Outlook(now, drafts);
  return outlook
    .list('source')
    .filter(({ spec }) => !isOpen(outlook.get('subscription', spec.subscription)?.spec.state ?? 'closed'))
    .map(deletion);
}

/** Throws CONFLICT when these drafts would leave sources at an API that takes no webhooks. */
export function checkSourceApis(now: Resources, drafts: readonly Draft[]): void {
  if (!drafts.some(({ resource }) => resource.kind === 'api')) return;
  const outlook = new Outlook(now, drafts);
  for (const [subscription, { length }] of sourcesBySubscription(outlook)) {
    const { spec } = outlook.get('subscription', subscription) ?? {};
    if (spec === undefined || !isOpen(spec.state) || outlook.get('api', spec.api) === undefined || offersWebhook(outlook, spec.api))
      continue;
    throw new GatewayError(
      'CONFLICT',
      `The subscription ${subscription} has ${length} ${length === 1 ? 'source' : 'sources'}, which need ${webhookEntrypoint} among the entrypoints of the API ${spec.api}; delete them first.`,
      { details: { subscription } },
    );
  }
}

/** Throws CONFLICT when a subscription can have no source, or no more. */
export function checkTakesSource(resources: Resources, id: string, { api, state }: SubscriptionSpec): void {
  if (!isOpen(state)) throw new GatewayError('CONFLICT', `The subscription ${id} is ${state} and takes no sources.`);
  if (!offersWebhook(resources, api))
    throw new GatewayError('CONFLICT', `The API ${api} does not offer ${webhookEntrypoint}; add it to its entrypoints first.`);
  if ((sourcesBySubscription(resources).get(id)?.length ?? 0) >= maxSources)
    throw new GatewayError('CONFLICT', `The subscription ${id} has ${maxSources} sources, which is the most there can be.`);
}

export function offersWebhook(resources: Resources, api: string): boolean {
  return resources.get('api', api)?.spec.entrypoints.includes(webhookEntrypoint) === true;
}

export function sourcesBySubscription(resources: Resources): ReadonlyMap<string, readonly Resource<'source'>[]> {
  return Map.groupBy(resources.list('source', defaultTenant), ({ spec }) => spec.subscription);
}

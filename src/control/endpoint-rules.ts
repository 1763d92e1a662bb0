import { GatewayError } from '../core/errors.ts';
import type { Resource, ResourceStore, SubscriptionSpec } from '../store/resources.ts';
import type { Draft } from './draft.ts';
import { defaultTenant, deletion } from './draft.ts';
import { isOpen } from './lifecycle.ts';
import type { Resources } from './outlook.ts';
import { Outlook } from './outlook.ts';

/** Endpoints of one subscription, besides WebSub subscriptions. */
export const maxEndpoints = 1000;

const whatEndpointsHangOn = new Set(['subscription', 'plan', 'application', 'api']);

/** Whether endpoints there are may have nothing to hang on once these drafts are written: what is only made anew takes nothing from any. */
function mayMatter(drafts: readonly Draft[]): boolean {
  const hung = drafts.filter(({ resource }) => whatEndpointsHangOn.has(resource.kind));
  const isNew = ({ op, expect }: Draft): boolean => op === 'put' && expect === 0;
  return hung.length > 0 && (!hung.every(isNew) || drafts.some(({ resource }) => resource.kind === 'endpoint'));
}

/** Endpoints that go along once these drafts are written: an endpoint lives no longer than its subscription. */
export function endpointEnds(now: Resources, drafts: readonly Draft[]): readonly Draft[] {
  if (!mayMatter(drafts)) return [];
  const outlook = new Outlook(now, drafts);
  return outlook
    .list('endpoint')
    .filter(({ spec }) => !isOpen(outlook.get('subscription', spec.subscription)?.spec.state ?? 'closed'))
    .map(deletion);
}

/** Throws CONFLICT when these drafts would leave endpoints under a plan that has none. */
export function checkEndpointPlans(now: Resources, drafts: readonly Draft[]): void {
  if (!mayMatter(drafts)) return;
  const outlook = new Outlook(now, drafts);
  for (const [subscription, endpoints] of endpointsBySubscription(outlook)) {
    const { spec } = outlook.get('subscription', subscription) ?? {};
    if (spec === undefined || !isOpen(spec.state) || takesEndpoints(outlook, spec)) continue;
    throw new GatewayError(
      'CONFLICT',
      `The subscription ${subscription} has ${endpoints.length} ${endpoints.length === 1 ? 'endpoint' : 'endpoints'}, which need a plan of the mode push; delete them first.`,
      { details: { subscription } },
    );
  }
}

/** Whether the plan of a subscription has the mode push. */
export function takesEndpoints(resources: Resources, { plan, api }: Pick<SubscriptionSpec, 'api' | 'plan'>): boolean {
  return plan !== undefined && resources.get('plan', plan, api)?.spec.mode === 'push';
}

export function endpointsBySubscription(resources: Resources): ReadonlyMap<string, readonly Resource<'endpoint'>[]> {
  return Map.groupBy(resources.list('endpoint', defaultTenant), ({ spec }) => spec.subscription);
}

/** Endpoints of one subscription. */
export function endpointsOf(
  store: Pick<ResourceStore, 'children'>,
  { id, tenant, spec }: Resource<'subscription'>,
): readonly Resource<'endpoint'>[] {
  return store.children('endpoint', spec.application, tenant).filter((endpoint) => endpoint.spec.subscription === id);
}

/** Those that their owners have made: WebSub subscriptions are their subscribers' own, stand in no configuration, and have a bound at the hub. */
export function ownersEndpoints(endpoints: readonly Resource<'endpoint'>[] = []): readonly Resource<'endpoint'>[] {
  return endpoints.filter(({ spec }) => spec.websub === undefined);
}

import { GatewayError } from '../core/errors.ts';
import type { ApiSpec, PlanSpec, Resource, SubscriptionSpec } from '../store/resources.ts';
import type { PlacedProblem } from './config/place.ts';
import { didYouMean } from './config/suggestion.ts';
import type { Resources } from './outlook.ts';
import { isOpen } from './lifecycle.ts';

/** What a gateway can offer, told by whoever puts it together. */
export interface Offer {
  readonly knownEntrypoints: readonly string[];
  readonly knownBackbones: readonly string[];
}

/** What is wrong with an API beside the other resources; paths are within the API. */
export function apiProblems(name: string, spec: ApiSpec, resources: Resources, offer: Offer): readonly PlacedProblem[] {
  const problems: PlacedProblem[] = [];
  for (const other of resources.list('api')) {
    if (other.name === name || !overlaps(other.spec.path, spec.path)) continue;
    const how = other.spec.path === spec.path ? 'is already the path of' : `and the path ${other.spec.path} overlap, which belongs to`;
    problems.push({ path: '/path', sentence: `${spec.path} ${how} the API ${other.name}` });
  }
  if (resources.get('backbone', spec.backbone) === undefined) {
    const names = resources.list('backbone').map((backbone) => backbone.name);
    problems.push({
      path: '/backbone',
      sentence: `there is no backbone ${spec.backbone}${didYouMean(spec.backbone, names) || `; there is ${names.join(', ') || 'none'}`}`,
    });
  }
  const anonymous = spec.websub?.anonymous;
  if (anonymous !== undefined && resources.get('application', anonymous) === undefined) {
    const names = resources.list('application').map((application) => application.name);
    problems.push({ path: '/websub/anonymous', sentence: `there is no application ${anonymous}${didYouMean(anonymous, names)}` });
  }
  for (const [index, entrypoint] of spec.entrypoints.entries()) {
    if (offer.knownEntrypoints.includes(entrypoint)) continue;
    problems.push({
      path: `/entrypoints/${index}`,
      sentence: `there is no entrypoint ${entrypoint}${didYouMean(entrypoint, offer.knownEntrypoints) || `; there are ${offer.knownEntrypoints.join(', ')}`}`,
    });
  }
  return problems;
}

/** One path lies under the other, so that a URL could mean either. */
export function overlaps(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}

/** Throws when an application cannot take up this API under this plan now. */
export function checkSubscribable(
  subscription: Pick<SubscriptionSpec, 'api' | 'plan' | 'as'>,
  resources: Resources,
): Resource<'plan'> | undefined {
  const api = resources.get('api', subscription.api);
  if (api === undefined) throw unknownResource('API', subscription.api, resources.list('api'));
  const { lifecycle } = api.spec;
  if (subscription.as === 'provider' ? lifecycle === 'retired' : lifecycle !== 'published' && lifecycle !== 'pre-released') {
    throw new GatewayError('CONFLICT', `The API ${api.name} is ${lifecycle} and takes no new subscriptions.`, { details: { lifecycle } });
  }
  if (subscription.plan === undefined) {
    if (subscription.as === 'provider') return undefined;
    throw new GatewayError('BAD_REQUEST', 'A client subscribes to a plan: name it as `plan`.');
  }
  const plan = resources.get('plan', subscription.plan, api.name);
  if (plan === undefined)
    throw unknownResource(
      `plan of the API ${api.name}`,
      subscription.plan,
      resources.list('plan').filter((other) => other.parent === api.name),
    );
  if (plan.spec.state !== 'published')
    throw new GatewayError(
      'CONFLICT',
      `The plan ${plan.name} of the API ${api.name} is ${plan.spec.state}; only a published plan takes subscriptions.`,
      { details: { state: plan.spec.state } },
    );
  return plan;
}

function unknownResource(what: string, name: string, known: readonly Resource[]): GatewayError {
  return new GatewayError(
    'INVALID_CONFIGURATION',
    `There is no ${what} named ${name}${
      didYouMean(
        name,
        known.map((one) => one.name),
      ) || '.'
    }`,
  );
}

/** The open subscription of an application to an API on one side, if there is one. */
export function openSubscription(
  resources: Resources,
  application: string,
  api: string,
  as: SubscriptionSpec['as'],
): Resource<'subscription'> | undefined {
  return resources
    .list('subscription')
    .find(({ spec }) => spec.application === application && spec.api === api && spec.as === as && isOpen(spec.state));
}

/** The open subscription of an application to an API on one side, if there is one. */
export type OpenSubscriptions = (wanted: Pick<SubscriptionSpec, 'application' | 'api' | 'as'>) => Resource<'subscription'> | undefined;

/** As `openSubscription`, for those who ask for many of them: the resources as they are now. */
export function openSubscriptions(resources: Resources): OpenSubscriptions {
  const keyOf = ({ application, api, as }: Parameters<OpenSubscriptions>[0]): string => JSON.stringify([application, api, as]);
  const open = resources.list('subscription').filter(({ spec }) => isOpen(spec.state));
  // The first of several counts, as it does there.
  const bySide = new Map(open.toReversed().map((subscription) => [keyOf(subscription.spec), subscription]));
  return (wanted) => bySide.get(keyOf(wanted));
}

/** Open subscriptions that cannot go on: their API is retired or gone, or their plan closed or gone. */
export function strandedSubscriptions(resources: Resources): readonly Resource<'subscription'>[] {
  return resources.list('subscription').filter(({ spec }) => {
    if (!isOpen(spec.state)) return false;
    const api = resources.get('api', spec.api);
    return (
      api === undefined ||
      api.spec.lifecycle === 'retired' ||
      (spec.plan !== undefined && isGone(resources.get('plan', spec.plan, spec.api)?.spec)) ||
      resources.get('application', spec.application) === undefined
    );
  });
}

function isGone(plan: PlanSpec | undefined): boolean {
  return plan === undefined || plan.state === 'closed';
}

import { isDeepStrictEqual } from 'node:util';
import type { Resource, ResourceKind, SpecOf, SubscriptionSpec } from '../store/resources.ts';
import type { Sealer } from '../store/sealed.ts';
import type { PlacedProblem } from './config/place.ts';
import { pointerTo } from './config/place.ts';
import type { Desired, DesiredApplication, DesiredCredential } from './desired.ts';
import type { Draft } from './draft.ts';
import { compact, creation, deletion, revision } from './draft.ts';
import { endpointEnds } from './endpoint-rules.ts';
import { apiTransitions, isOpen, isReachable, planTransitions, subscriptionTransitions } from './lifecycle.ts';
import { isBuiltIn, isOwnNotices } from './notice-access.ts';
import type { Resources } from './outlook.ts';
import { Outlook } from './outlook.ts';
import { pruneEndpoints, reconcileEndpoints } from './reconcile-endpoints.ts';
import { pruneSources, reconcileSources } from './reconcile-sources.ts';
import { openSubscriptions, strandedSubscriptions, type OpenSubscriptions } from './rules.ts';
import { unresolvedIn, withSecrets } from './secret-options.ts';
import { sourceEnds } from './source-rules.ts';

export interface Reconciliation {
  /** In the order in which they may be written. */
  readonly drafts: readonly Draft[];
  readonly problems: readonly PlacedProblem[];
}

/** What has been found out so far. */
export interface Work {
  readonly current: Resources;
  readonly now: number;
  /** Throws where there is none. */
  readonly sealer: () => Sealer;
  readonly drafts: Draft[];
  readonly problems: PlacedProblem[];
}

/**
 * What has to change so that the resources are as desired. Without `prune` nothing that the configuration does not name is
 * touched; with it everything not named goes, wherever it came from: subscriptions are closed, the rest is deleted.
 */
export function reconcile(
  desired: Desired,
  current: Resources,
  options: { readonly prune: boolean; readonly now: number; readonly sealer: () => Sealer },
): Reconciliation {
  const work: Work = { current, now: options.now, sealer: options.sealer, drafts: [], problems: [] };
  reconcileBackbones(desired, work);
  reconcileApis(desired, work);
  reconcileApplications(desired, work);
  if (options.prune) prune(desired, work);
  const closed = new Set(work.drafts.map((draft) => draft.resource.id));
  for (const stranded of strandedSubscriptions(new Outlook(current, work.drafts))) {
    if (!closed.has(stranded.id)) work.drafts.push(closing(stranded, 'Its API or plan was closed.', options.now));
  }
  return { drafts: [...work.drafts, ...endpointEnds(current, work.drafts), ...sourceEnds(current, work.drafts)], problems: work.problems };
}

/** A subscription's end. */
export function closing(subscription: Resource<'subscription'>, reason: string, now: number): Draft {
  return revision(subscription, { ...subscription.spec, state: 'closed', reason }, now, 'close');
}

/** Writes down what one named resource needs; answers whether it was there before. */
function reconcileOne<K extends ResourceKind>(kind: K, name: string, parent: string, spec: SpecOf[K], work: Work): Resource<K> | undefined {
  const current = work.current.get(kind, name, parent);
  if (current === undefined) work.drafts.push(creation(kind, { name, parent, spec }, work.now));
  else if (!isDeepStrictEqual(current.spec, compact(spec))) work.drafts.push(revision(current, spec, work.now));
  return current;
}

function reconcileBackbones(desired: Desired, work: Work): void {
  for (const [name, spec] of desired.backbones) {
    const stored = work.current.get('backbone', name)?.spec.options ?? {};
    const options = withSecrets(name, spec.options, stored);
    const unresolved = unresolvedIn(options);
    if (unresolved.length > 0)
      work.problems.push({
        path: pointerTo('/backbones', name),
        sentence: `${unresolved[0]} stands for a secret that is not known here; fill it in`,
      });
    reconcileOne('backbone', name, '', { kind: spec.kind, options }, work);
  }
}

function reconcileApis(desired: Desired, work: Work): void {
  for (const [name, api] of desired.apis) {
    const path = pointerTo('/apis', name);
    const before = reconcileOne('api', name, '', api.spec, work)?.spec.lifecycle;
    if (before !== undefined && !isReachable(apiTransitions, before, api.spec.lifecycle)) {
      work.problems.push({ path: `${path}/lifecycle`, sentence: `the API is ${before} and cannot become ${api.spec.lifecycle} again` });
    }
    for (const [planName, plan] of api.plans) {
      const state = reconcileOne('plan', planName, name, plan, work)?.spec.state;
      if (state === undefined || isReachable(planTransitions, state, plan.state)) continue;
      work.problems.push({
        path: `${pointerTo(`${path}/plans`, planName)}/state`,
        sentence: `the plan is ${state} and cannot become ${plan.state} again; give the new plan another name`,
      });
    }
  }
}

function reconcileApplications(desired: Desired, work: Work): void {
  const owners = new Map(work.current.list('credential').map((credential) => [credential.spec.hash, credential]));
  const claimed = new Map<string, string>();
  // Looked through once: there may be as many applications as subscriptions.
  const open = openSubscriptions(work.current);
  for (const [name, application] of desired.applications) {
    reconcileOne('application', name, '', application.spec, work);
    for (const credential of application.credentials) {
      const twice = claimed.has(credential.spec.hash);
      const owner = claimed.get(credential.spec.hash) ?? owners.get(credential.spec.hash)?.parent ?? name;
      claimed.set(credential.spec.hash, name);
      if (owner !== name)
        work.problems.push({
          path: credential.path,
          sentence: `this key already belongs to the application ${owner}; each application needs a key of its own`,
        });
      else if (twice) work.problems.push({ path: credential.path, sentence: 'this key is named twice' });
      else reconcileCredential(name, credential, owners.get(credential.spec.hash), work);
    }
    reconcileSubscriptions(application, open, work);
  }
}

/** A key that was revoked or is running out stays so: only its own end is taken from the configuration. */
function reconcileCredential(
  application: string,
  { spec }: DesiredCredential,
  current: Resource<'credential'> | undefined,
  work: Work,
): void {
  if (current === undefined) work.drafts.push(creation('credential', { parent: application, spec }, work.now));
  else if (spec.expiresAt !== undefined && spec.expiresAt !== current.spec.expiresAt && current.spec.revokedAt === undefined) {
    work.drafts.push(revision(current, { ...current.spec, expiresAt: spec.expiresAt }, work.now));
  }
}

function reconcileSubscriptions(application: DesiredApplication, open: OpenSubscriptions, work: Work): void {
  const seen = new Set<string>();
  const seenEndpoints = new Set<string>();
  const seenSources = new Set<string>();
  for (const { spec, path, endpoints, sources } of application.subscriptions) {
    const side = `${spec.api} ${spec.as}`;
    if (seen.has(side)) {
      work.problems.push({ path, sentence: `the application already has a subscription to ${spec.api} as ${spec.as}` });
      continue;
    }
    seen.add(side);
    const current = open(spec);
    const state = spec.state ?? current?.spec.state ?? 'accepted';
    const reason = current?.spec.state === state ? current.spec.reason : undefined;
    const wanted: SubscriptionSpec = { ...spec, state, reason };
    let subscription = current;
    if (subscription === undefined) {
      const draft = creation('subscription', { spec: wanted }, work.now);
      subscription = draft.resource;
      work.drafts.push(draft);
    } else if (!isReachable(subscriptionTransitions, subscription.spec.state, state)) {
      work.problems.push({
        path: `${path}/state`,
        sentence: `the subscription is ${subscription.spec.state} and cannot become ${state} again`,
      });
    } else if (!isDeepStrictEqual(subscription.spec, compact(wanted))) work.drafts.push(revision(subscription, wanted, work.now));
    reconcileEndpoints(subscription, endpoints, seenEndpoints, work);
    reconcileSources(subscription, sources, seenSources, work);
  }
}

/** Dependents first, so that no change leaves something that points nowhere. */
function prune(desired: Desired, work: Work): void {
  const { current, drafts, now } = work;
  pruneEndpoints(desired, work);
  pruneSources(desired, work);
  for (const subscription of current.list('subscription')) {
    const { application, api, as, state } = subscription.spec;
    const named = desired.applications.get(application)?.subscriptions.some(({ spec }) => spec.api === api && spec.as === as) ?? false;
    if (!named && isOpen(state) && !isOwnNotices(subscription.spec, current))
      drafts.push(closing(subscription, 'The configuration no longer names it.', now));
  }
  for (const credential of current.list('credential')) {
    const application = desired.applications.get(credential.parent);
    const ended = credential.spec.revokedAt !== undefined || (credential.spec.expiresAt ?? Infinity) <= now;
    const named = application?.credentials.some(({ spec }) => spec.hash === credential.spec.hash) ?? false;
    if (application === undefined || (!named && !ended)) drafts.push(deletion(credential));
  }
  for (const application of current.list('application'))
    if (!desired.applications.has(application.name)) drafts.push(deletion(application));
  // What Sluice made itself stays, with the backbone it stands on.
  const apis = current.list('api').filter(({ name }) => !desired.apis.has(name));
  const kept = apis.filter((api) => isBuiltIn(api));
  const isKept = (name: string): boolean => kept.some((api) => api.name === name);
  for (const plan of current.list('plan'))
    if (!(desired.apis.get(plan.parent)?.plans.has(plan.name) ?? false) && !isKept(plan.parent)) drafts.push(deletion(plan));
  for (const api of apis) if (!isKept(api.name)) drafts.push(deletion(api));
  for (const backbone of current.list('backbone'))
    if (!desired.backbones.has(backbone.name) && !kept.some(({ spec }) => spec.backbone === backbone.name)) drafts.push(deletion(backbone));
}

import { isDeepStrictEqual } from 'node:util';
import { noticeContract, noticeContractName } from '../push/notices/notice-contract.ts';
import { noticeAddress, noticeApi } from '../push/notices/notice.ts';
import type { ApiSpec, ContractSource, PlanSpec, Resource, SubscriptionSpec } from '../store/resources.ts';
import type { Draft } from './draft.ts';
import { compact, creation, revision } from './draft.ts';
import type { Resources } from './outlook.ts';
import { Outlook } from './outlook.ts';
import { overlaps } from './rules.ts';

const day = 86_400_000;
/** The contract of the built-in API. */
export const noticeSource: ContractSource = { name: noticeContractName, text: noticeContract(), files: {} };
/** Readers of other protocols than these could publish too. */
const entrypoints = ['sse', 'websocket', 'poll'];
/** Where nobody is let in by themselves: the operator says who else may read whose notices. */
const plan: PlanSpec = { state: 'published', security: ['api-key'], approval: 'manual', limits: {} };
const plans: Readonly<Record<string, PlanSpec>> = {
  read: { ...plan, description: 'Notices for those who come and read them.' },
  push: { ...plan, mode: 'push', description: 'Notices that are read or pushed to endpoints.' },
};

/** Whether Sluice made this API itself; one of the configuration has another contract. */
export function isBuiltIn(api: Resource<'api'> | undefined): boolean {
  return api?.name === noticeApi && api.spec.contract.name === noticeContractName;
}

/** Whether a subscription is the one by which an application reads its own notices, as Sluice made it. */
export function isOwnNotices(spec: SubscriptionSpec, resources: Resources): boolean {
  return (
    spec.api === noticeApi && isBuiltIn(resources.get('api', noticeApi)) && isDeepStrictEqual(spec, compact(ownNotices(spec.application)))
  );
}

/**
 * What an application may see of the notices under its own name: those since it was made. What is older was told to another that had the name.
 * Undefined for a subscription to anything else.
 */
export function noticeHorizon(
  { spec }: Resource<'subscription'>,
  resources: Resources,
): { readonly address: string; readonly since: number } | undefined {
  const application = spec.api === noticeApi ? resources.get('application', spec.application) : undefined;
  return application && { address: noticeAddress(application.name), since: application.createdAt };
}

/**
 * What is missing so that notices have a channel and the owners of endpoints can read theirs: the built-in API once there is a plan of
 * the mode push, and a subscription for each application under one. Nothing where something else has the name or the path.
 */
export function noticeDrafts(resources: Resources, now: number): readonly Draft[] {
  const hasPush = resources.list('plan').some(({ parent, spec }) => parent !== noticeApi && spec.mode === 'push');
  if (!hasPush) return [];
  const made = noticeApiDrafts(resources, now);
  const outlook = new Outlook(resources, made);
  const api = outlook.get('api', noticeApi);
  if (api === undefined || !isBuiltIn(api)) return made;
  const last = lastLetIn(outlook);
  // One that was closed was closed by somebody, and stays so; what an earlier application of that name had is another's.
  const missing = ownersOf(outlook).filter(({ name, createdAt }) => (last.get(name) ?? -1) < Math.max(createdAt, api.createdAt));
  return [...made, ...missing.map((application) => creation('subscription', { spec: ownNotices(application.name) }, now))];
}

/** What makes the built-in API, or brings its contract up to date. */
export function noticeApiDrafts(resources: Resources, now: number): readonly Draft[] {
  const current = resources.get('api', noticeApi);
  if (current !== undefined) {
    if (!isBuiltIn(current) || isDeepStrictEqual(current.spec.contract, noticeSource)) return [];
    return [revision(current, { ...current.spec, contract: noticeSource }, now)];
  }
  const backbone = resources.list('backbone').find(({ spec }) => spec.kind === 'embedded')?.name;
  const path = `/${noticeApi}`;
  if (backbone === undefined || resources.list('api').some(({ spec }) => overlaps(spec.path, path))) return [];
  const spec: ApiSpec = {
    kind: 'event',
    description: 'What becomes of endpoints. Made by Sluice; a configuration that defines an API of this name replaces it.',
    contract: noticeSource,
    path,
    backbone,
    entrypoints,
    lifecycle: 'published',
    retention: { age: 30 * day, bytes: 256 * 1024 * 1024 },
    // A notice that was published before a crash is published again at the next start.
    dedup: { window: day },
    maxEventBytes: 65_536,
  };
  const named = Object.entries(plans).map(([name, one]) => creation('plan', { name, parent: noticeApi, spec: one }, now));
  return [creation('api', { name: noticeApi, spec }, now), ...named];
}

function ownNotices(application: string): SubscriptionSpec {
  const allow = { publish: [], read: [noticeAddress(application)] };
  return { application, api: noticeApi, plan: 'push', as: 'client', allow, state: 'accepted' };
}

/** Applications with an accepted subscription under a plan of the mode push. */
function ownersOf(resources: Resources): readonly Resource<'application'>[] {
  const names = new Set<string>();
  for (const { spec } of resources.list('subscription')) {
    if (spec.state !== 'accepted' || spec.api === noticeApi || spec.plan === undefined) continue;
    if (resources.get('plan', spec.plan, spec.api)?.spec.mode === 'push') names.add(spec.application);
  }
  return resources.list('application').filter(({ name }) => names.has(name));
}

/** When each application was last given a subscription to notices, in milliseconds. */
function lastLetIn(resources: Resources): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  for (const { spec, createdAt } of resources.list('subscription')) {
    if (spec.api !== noticeApi || spec.as !== 'client') continue;
    last.set(spec.application, Math.max(createdAt, last.get(spec.application) ?? 0));
  }
  return last;
}

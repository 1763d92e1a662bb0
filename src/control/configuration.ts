import { isDeepStrictEqual } from 'node:util';
import { noticeApi } from '../push/notices/notice.ts';
import type { Resource, ResourceKind } from '../store/resources.ts';
import type { Administration } from './administration.ts';
import { refusalOf } from './administration.ts';
import { calledUrlProblems } from './called-urls.ts';
import { configShape } from './config/config-shape.ts';
import type { PlacedProblem } from './config/place.ts';
import { pointerTo } from './config/place.ts';
import { decode } from './config/shape.ts';
import { didYouMean } from './config/suggestion.ts';
import type { Desired } from './desired.ts';
import { desiredOf } from './desired.ts';
import type { Draft } from './draft.ts';
import { filterProblems } from './endpoint-filters.ts';
import { creation } from './draft.ts';
import { noticeApiDrafts } from './notice-access.ts';
import type { Resources } from './outlook.ts';
import { Outlook } from './outlook.ts';
import type { View } from './present.ts';
import { diffView } from './present.ts';
import { endpointsBySubscription, maxEndpoints, ownersEndpoints, takesEndpoints } from './endpoint-rules.ts';
import { isOpen } from './lifecycle.ts';
import { reconcile } from './reconcile.ts';
import { sourceProblems } from './reconcile-sources.ts';
import { apiProblems } from './rules.ts';

/** One line of a difference, as people and the command line see it. */
export interface ConfigChange {
  readonly op: 'create' | 'update' | 'delete';
  readonly kind: ResourceKind;
  readonly name: string;
  readonly parent: string;
  readonly before?: View;
  readonly after?: View;
}

/** What a configuration (in the form of `ConfigBundle.config`) would change; rejects with INVALID_CONFIGURATION and all problems. */
export async function planConfig(
  administration: Administration,
  config: unknown,
  options: { readonly prune: boolean },
): Promise<readonly ConfigChange[]> {
  const drafts = await draftsOf(administration, config, options.prune);
  return drafts.map((draft) => changeOf(draft, administration.store));
}

/** Makes the resources as the configuration wants them, all of it or nothing; answers what was changed. */
export async function applyConfig(
  administration: Administration,
  config: unknown,
  options: { readonly prune: boolean; readonly actor: string },
): Promise<readonly ConfigChange[]> {
  return await administration.change(options.actor, async () => {
    const drafts = await draftsOf(administration, config, options.prune);
    return { drafts, result: drafts.map((draft) => changeOf(draft, administration.store)) };
  });
}

async function draftsOf(administration: Administration, config: unknown, prune: boolean): Promise<readonly Draft[]> {
  const { value, problems: malformed } = decode(configShape, config, 'body');
  if (malformed.length > 0) throw refusalOf('INVALID_CONFIGURATION', malformed);
  const desired = desiredOf(value, administration.offer.knownEntrypoints);
  const { store } = administration;
  const now = administration.now();
  const built = builtInDrafts(desired, store, now);
  const { drafts: wanted, problems: impossible } = reconcile(desired, new Outlook(store, built), {
    prune,
    now,
    sealer: () => administration.sealer,
  });
  const drafts = [...built, ...wanted];
  const outlook = new Outlook(store, drafts);
  const problems = [
    ...impossible,
    ...filterProblems(desired, administration, store),
    ...calledUrlProblems(desired, administration, store),
    ...backboneProblems(desired, administration.offer.knownBackbones),
    ...[...desired.apis].flatMap(([name, api]) =>
      within(pointerTo('/apis', name), apiProblems(name, api.spec, outlook, administration.offer)),
    ),
    ...subscriptionProblems(desired, outlook),
    ...endpointProblems(desired, outlook),
    ...sourceProblems(desired, outlook),
    ...orphanProblems(desired, outlook),
    ...(await contractProblems(desired, administration)),
  ];
  if (problems.length > 0) throw refusalOf('INVALID_CONFIGURATION', problems);
  return drafts;
}

/** The built-in API where a subscription names it before there is any, as in a configuration that was exported elsewhere. */
function builtInDrafts(desired: Desired, store: Resources, now: number): readonly Draft[] {
  const isNamed = [...desired.applications.values()].some(({ subscriptions }) => subscriptions.some(({ spec }) => spec.api === noticeApi));
  if (!isNamed || desired.apis.has(noticeApi) || store.get('api', noticeApi) !== undefined) return [];
  const backbones = [...desired.backbones].map(([name, spec]) => creation('backbone', { name, spec }, now));
  const apis = [...desired.apis].map(([name, { spec }]) => creation('api', { name, spec }, now));
  return noticeApiDrafts(new Outlook(store, [...backbones, ...apis]), now);
}

function changeOf(draft: Draft, now: Resources): ConfigChange {
  const { kind, name, parent } = draft.resource;
  const before = draft.expect === 0 ? undefined : now.get(kind, name, parent);
  const after = draft.op === 'put' ? draft.resource : undefined;
  const op = isEnd(before, after) ? 'delete' : before === undefined ? 'create' : 'update';
  return {
    op,
    kind,
    name,
    parent,
    ...(before === undefined ? {} : { before: diffView(before) }),
    ...(after === undefined ? {} : { after: diffView(after) }),
  };
}

/** Deleted, or a subscription that is closed: its record stays. */
function isEnd(before: Resource | undefined, after: Resource | undefined): boolean {
  if (after === undefined) return true;
  return before !== undefined && after.kind === 'subscription' && (after as Resource<'subscription'>).spec.state === 'closed';
}

function within(path: string, problems: readonly PlacedProblem[]): readonly PlacedProblem[] {
  return problems.map((problem) => ({ ...problem, path: `${path}${problem.path}` }));
}

function backboneProblems(desired: Desired, known: readonly string[]): readonly PlacedProblem[] {
  const unknown = [...desired.backbones].filter(([, backbone]) => !known.includes(backbone.kind));
  return unknown.map(([name, { kind }]) => ({
    path: `${pointerTo('/backbones', name)}/kind`,
    sentence: `there is no kind of backbone called ${kind}${didYouMean(kind, known) || `; there are ${known.join(', ')}`}`,
  }));
}

function subscriptionProblems(desired: Desired, outlook: Resources): readonly PlacedProblem[] {
  const problems: PlacedProblem[] = [];
  for (const { subscriptions } of desired.applications.values()) {
    for (const { spec, path } of subscriptions) {
      const api = outlook.get('api', spec.api);
      const plan = spec.plan === undefined ? undefined : outlook.get('plan', spec.plan, spec.api);
      if (api === undefined) {
        problems.push({
          path: `${path}/api`,
          sentence: `there is no API ${spec.api}${didYouMean(
            spec.api,
            outlook.list('api').map((one) => one.name),
          )}`,
        });
      } else if (api.spec.lifecycle === 'retired') {
        problems.push({ path: `${path}/api`, sentence: `the API ${spec.api} is retired and has no subscriptions` });
      } else if (spec.plan !== undefined && plan === undefined) {
        const names = outlook
          .list('plan')
          .filter((one) => one.parent === spec.api)
          .map((one) => one.name);
        problems.push({
          path: `${path}/plan`,
          sentence: `the API ${spec.api} has no plan ${spec.plan}${didYouMean(spec.plan, names) || `; it has ${names.join(', ') || 'none'}`}`,
        });
      } else if (plan !== undefined && (plan.spec.state === 'closed' || plan.spec.state === 'staging')) {
        problems.push({ path: `${path}/plan`, sentence: `the plan ${plan.name} is ${plan.spec.state} and has no subscriptions` });
      }
    }
  }
  return problems;
}

/** Endpoints under a plan that has none, or too many: those of the configuration, and others whose plan it changes. */
function endpointProblems(desired: Desired, outlook: Resources): readonly PlacedProblem[] {
  const problems: PlacedProblem[] = [];
  for (const [id, endpoints] of endpointsBySubscription(outlook)) {
    const { length } = ownersEndpoints(endpoints);
    const spec = outlook.get('subscription', id)?.spec;
    if (spec === undefined || !isOpen(spec.state)) continue;
    const { application, api, plan } = spec;
    const named = desired.applications.get(application)?.subscriptions.find((one) => one.spec.api === api && one.spec.as === spec.as);
    const path = named?.path ?? `${pointerTo(pointerTo('/apis', api) + '/plans', plan ?? '')}/mode`;
    if (length > maxEndpoints)
      problems.push({ path, sentence: `the subscription would have ${length} endpoints; ${maxEndpoints} is the most` });
    // Of a plan that is not there something better has been said.
    if (takesEndpoints(outlook, spec) || (plan !== undefined && outlook.get('plan', plan, api) === undefined)) continue;
    const why = plan === undefined ? 'it has no plan' : `its plan ${plan} is not one`;
    problems.push({ path, sentence: `endpoints need a plan of the mode push, and ${why}` });
  }
  return problems;
}

/** APIs that the configuration does not name but whose backbone it takes away. */
function orphanProblems(desired: Desired, outlook: Resources): readonly PlacedProblem[] {
  const orphans = outlook
    .list('api')
    .filter((api) => !desired.apis.has(api.name) && outlook.get('backbone', api.spec.backbone) === undefined);
  return orphans.map((api) => ({
    path: '/backbones',
    sentence: `the API ${api.name} uses the backbone ${api.spec.backbone}, which is not there`,
  }));
}

/** Only contracts that are new or changed: the others run already. */
async function contractProblems(desired: Desired, administration: Administration): Promise<readonly PlacedProblem[]> {
  const problems: PlacedProblem[] = [];
  for (const [name, { spec }] of desired.apis) {
    if (isDeepStrictEqual(administration.store.get('api', name)?.spec.contract, spec.contract)) continue;
    for (const { line, column, sentence } of await administration.contractProblems(spec.contract)) {
      problems.push({ path: `${pointerTo('/apis', name)}/contract`, sentence: `${spec.contract.name}:${line}:${column}: ${sentence}` });
    }
  }
  return problems;
}

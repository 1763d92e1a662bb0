import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../../core/errors.ts';
import type { ApiSpec, Lifecycle, PlanSpec, Resource } from '../../store/resources.ts';
import { refusalOf } from '../administration.ts';
import { apiFields, lifecycleState, readOnlyKeys } from '../config/config-shape.ts';
import { resourceName } from '../config/names.ts';
import { plan } from '../config/plan-shape.ts';
import { fallback, mapOf, object, optional, required } from '../config/shape.ts';
import { apiSpec } from '../desired.ts';
import type { Draft } from '../draft.ts';
import { compact, creation, defaultTenant, deletion, revision } from '../draft.ts';
import { apiTransitions, checkTransition, isOpen } from '../lifecycle.ts';
import { Outlook } from '../outlook.ts';
import { pageFields, pageOf, pageSchema } from '../paging.ts';
import { checkPrecondition } from '../precondition.ts';
import { listViewOf } from '../present.ts';
import { closing } from '../reconcile.ts';
import type { Router } from '../router.ts';
import { notFound } from '../router.ts';
import { apiProblems, strandedSubscriptions } from '../rules.ts';
import type { Services } from '../services.ts';
import { apiView } from '../view-schemas.ts';
import { answers, created, gone, goneAnswer, shown } from './answers.ts';

const tag = 'APIs';
export const apiParam = { api: required(resourceName, 'Name of the API.') } as const;

const newApi = object(
  {
    name: required(resourceName, 'Name of the API.'),
    ...apiFields,
    plans: fallback(mapOf(resourceName, plan), new Map<string, PlanSpec>(), 'Plans to create with it, by name.', {}),
  },
  { ignored: readOnlyKeys },
);
const changedApi = object(
  { ...apiFields, lifecycle: optional(lifecycleState, 'The state it should have. Default: as it is.') },
  { ignored: readOnlyKeys },
);
const newState = object({ state: required(lifecycleState, 'The state it should have.') });

/** The API of this name; throws NOT_FOUND. */
export function apiNamed(services: Pick<Services, 'store'>, name: string): Resource<'api'> {
  const api = services.store.get('api', name, '', defaultTenant);
  if (api === undefined) throw notFound('API', name);
  return api;
}

export function apiRoutes(router: Router, services: Services): void {
  readingRoutes(router, services);
  writingRoutes(router, services);
  deletingRoute(router, services);
  lifecycleRoute(router, services);
}

function readingRoutes(router: Router, services: Services): void {
  router.add({
    method: 'GET',
    path: '/apis',
    operation: 'listApis',
    tag,
    summary: 'List the APIs by name.',
    query: pageFields,
    answers: answers(200, 'A page of APIs, their contracts by name and size only.', pageSchema(apiView)),
    handle({ query }) {
      const page = pageOf(services.store.list('api', defaultTenant), (api) => api.name, query);
      return { body: { ...page, items: page.items.map(listViewOf) } };
    },
  });
  router.add({
    method: 'GET',
    path: '/apis/:api',
    operation: 'getApi',
    tag,
    summary: 'Read an API.',
    params: apiParam,
    answers: answers(200, 'The API with its contract.', apiView),
    handle: ({ params }) => shown(apiNamed(services, params.api)),
  });
}

function writingRoutes(router: Router, services: Services): void {
  const { administration, store } = services;
  router.add({
    method: 'POST',
    path: '/apis',
    operation: 'createApi',
    tag,
    summary: 'Create an API, with its plans if some are given.',
    body: newApi,
    answers: answers(201, 'The new API.', apiView),
    async handle({ body, actor }) {
      const { name, plans, ...api } = body;
      const spec = apiSpec(name, api, administration.offer.knownEntrypoints);
      await administration.requireContract(spec.contract);
      const resource = await administration.changeOne(actor, async () => {
        if (store.get('api', name) !== undefined) throw new GatewayError('CONFLICT', `There is an API ${name} already.`);
        const draft = creation('api', { name, spec }, administration.now());
        const drafts = [
          ...missingBackbone(services, spec),
          draft,
          ...[...plans].map(([plan, spec]) => creation('plan', { name: plan, parent: name, spec }, administration.now())),
        ];
        checkApi(services, name, spec, drafts);
        return { drafts, result: draft.resource };
      });
      return created(resource, `/apis/${name}`);
    },
  });
  router.add({
    method: 'PUT',
    path: '/apis/:api',
    operation: 'replaceApi',
    tag,
    summary: 'Replace an API; what is left out takes its default, but for the lifecycle, which then stays.',
    params: apiParam,
    body: changedApi,
    precondition: 'required',
    answers: answers(200, 'The API as it is now.', apiView),
    async handle({ params, body, ifMatch, actor }) {
      const { lifecycle } = apiNamed(services, params.api).spec;
      const spec = apiSpec(params.api, { ...body, lifecycle: body.lifecycle ?? lifecycle }, administration.offer.knownEntrypoints);
      await administration.requireContract(spec.contract);
      return shown(
        await changeApi(services, params.api, { ifMatch, need: 'required', actor }, (api) => ({
          ...spec,
          lifecycle: body.lifecycle ?? api.spec.lifecycle,
        })),
      );
    },
  });
}

function deletingRoute(router: Router, services: Services): void {
  const { administration, store } = services;
  router.add({
    method: 'DELETE',
    path: '/apis/:api',
    operation: 'deleteApi',
    tag,
    summary: 'Delete an API and its plans, once no subscription is open.',
    params: apiParam,
    precondition: 'required',
    answers: goneAnswer,
    async handle({ params, ifMatch, actor }) {
      await administration.change(actor, async () => {
        const api = apiNamed(services, params.api);
        checkPrecondition(api, ifMatch, 'required');
        const open = store.list('subscription', defaultTenant).filter(({ spec }) => spec.api === api.name && isOpen(spec.state));
        if (open.length > 0)
          throw new GatewayError(
            'CONFLICT',
            `The API ${api.name} has ${open.length} open ${open.length === 1 ? 'subscription' : 'subscriptions'}; close them first.`,
            { details: { subscriptions: open.slice(0, 20).map(({ id }) => id) } },
          );
        const plans = store.list('plan', defaultTenant).filter((plan) => plan.parent === api.name);
        return { drafts: [...plans, api].map(deletion), result: undefined };
      });
      return gone;
    },
  });
}

function lifecycleRoute(router: Router, services: Services): void {
  router.add({
    method: 'POST',
    path: '/apis/:api/lifecycle',
    operation: 'moveApi',
    tag,
    summary: 'Move an API to another state of its lifecycle; retiring it closes its subscriptions.',
    params: apiParam,
    body: newState,
    precondition: 'optional',
    answers: answers(200, 'The API as it is now.', apiView),
    async handle({ params, body, ifMatch, actor }) {
      return shown(
        await changeApi(services, params.api, { ifMatch, need: 'optional', actor, verb: 'lifecycle' }, (api) => {
          checkTransition(apiTransitions, `The API ${api.name}`, api.spec.lifecycle, body.state);
          return { ...api.spec, lifecycle: body.state };
        }),
      );
    },
  });
}

interface ChangeTerms {
  readonly ifMatch: string | undefined;
  readonly need: 'required' | 'optional';
  readonly actor: string;
  readonly verb?: string;
}

/** Gives an API a new spec, checked beside the others; what it strands is closed with it. */
export async function changeApi(
  services: Services,
  name: string,
  terms: ChangeTerms,
  next: (api: Resource<'api'>) => ApiSpec,
): Promise<Resource<'api'>> {
  const { administration, store } = services;
  return await administration.changeOne(terms.actor, async () => {
    const api = apiNamed(services, name);
    checkPrecondition(api, terms.ifMatch, terms.need);
    const spec = compact(next(api));
    if (isDeepStrictEqual(spec, api.spec)) return { drafts: [], result: api };
    checkLifecycle(api, spec.lifecycle);
    const draft = revision(api, spec, administration.now(), terms.verb);
    checkApi(services, name, spec, [draft]);
    const stranded = strandedSubscriptions(new Outlook(store, [draft])).filter((subscription) => subscription.spec.api === name);
    return {
      drafts: [draft, ...stranded.map((subscription) => closing(subscription, `The API is ${spec.lifecycle}.`, administration.now()))],
      result: draft.resource,
    };
  });
}

function checkLifecycle(api: Resource<'api'>, wanted: Lifecycle): void {
  if (wanted !== api.spec.lifecycle) checkTransition(apiTransitions, `The API ${api.name}`, api.spec.lifecycle, wanted);
}

function checkApi(services: Services, name: string, spec: ApiSpec, drafts: readonly Draft[]): void {
  const problems = apiProblems(name, spec, new Outlook(services.store, drafts), services.administration.offer);
  if (problems.length === 0) return;
  if (problems.some(({ path }) => path === '/path'))
    throw new GatewayError('CONFLICT', `${problems.find(({ path }) => path === '/path')!.sentence}.`, { details: { problems } });
  throw refusalOf('INVALID_CONFIGURATION', problems);
}

/** Where nothing was configured yet, the first API brings the embedded backbone with it. */
function missingBackbone({ store, administration }: Services, spec: ApiSpec): readonly Draft[] {
  if (spec.backbone !== 'main' || store.list('backbone', defaultTenant).length > 0) return [];
  return [creation('backbone', { name: 'main', spec: { kind: 'embedded', options: {} } }, administration.now())];
}

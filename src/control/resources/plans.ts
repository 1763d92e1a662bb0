import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../../core/errors.ts';
import type { PlanSpec, Resource } from '../../store/resources.ts';
import { readOnlyKeys } from '../config/config-shape.ts';
import { resourceName } from '../config/names.ts';
import { planFields, planState } from '../config/plan-shape.ts';
import { object, optional, required } from '../config/shape.ts';
import { compact, creation, defaultTenant, deletion, revision } from '../draft.ts';
import { checkTransition, isOpen, planTransitions } from '../lifecycle.ts';
import { Outlook } from '../outlook.ts';
import { pageFields, pageOf, pageSchema } from '../paging.ts';
import { checkPrecondition } from '../precondition.ts';
import { viewOf } from '../present.ts';
import { closing } from '../reconcile.ts';
import type { Router } from '../router.ts';
import { notFound } from '../router.ts';
import { strandedSubscriptions } from '../rules.ts';
import type { Services } from '../services.ts';
import { planView } from '../view-schemas.ts';
import { answers, created, gone, goneAnswer, shown } from './answers.ts';
import { apiNamed, apiParam } from './apis.ts';

const tag = 'Plans';
const planParam = { ...apiParam, plan: required(resourceName, 'Name of the plan.') } as const;
const ignored = [...readOnlyKeys, 'api'];
const newPlan = object({ name: required(resourceName, 'Name of the plan.'), ...planFields }, { ignored });
const changedPlan = object({ ...planFields, state: optional(planState, 'The state it should have. Default: as it is.') }, { ignored });
const newState = object({ state: required(planState, 'The state it should have.') });

export function planRoutes(router: Router, services: Services): void {
  readingRoutes(router, services);
  writingRoutes(router, services);
  deletingRoute(router, services);
  router.add({
    method: 'POST',
    path: '/apis/:api/plans/:plan/state',
    operation: 'movePlan',
    tag,
    summary: 'Move a plan to another state; closing it closes its subscriptions.',
    params: planParam,
    body: newState,
    precondition: 'optional',
    answers: answers(200, 'The plan as it is now.', planView),
    async handle({ params, body, ifMatch, actor }) {
      const terms = { ifMatch, need: 'optional', actor, verb: 'state' } as const;
      return shown(
        await changePlan(services, params, terms, (plan) => {
          checkTransition(planTransitions, `The plan ${plan.name}`, plan.spec.state, body.state);
          return { ...plan.spec, state: body.state };
        }),
      );
    },
  });
}

function readingRoutes(router: Router, services: Services): void {
  router.add({
    method: 'GET',
    path: '/apis/:api/plans',
    operation: 'listPlans',
    tag,
    summary: 'List the plans of an API by name.',
    params: apiParam,
    query: pageFields,
    answers: answers(200, 'A page of plans.', pageSchema(planView)),
    handle({ params, query }) {
      const { name } = apiNamed(services, params.api);
      const page = pageOf(
        services.store.list('plan', defaultTenant).filter((plan) => plan.parent === name),
        (plan) => plan.name,
        query,
      );
      return { body: { ...page, items: page.items.map(viewOf) } };
    },
  });
  router.add({
    method: 'GET',
    path: '/apis/:api/plans/:plan',
    operation: 'getPlan',
    tag,
    summary: 'Read a plan.',
    params: planParam,
    answers: answers(200, 'The plan.', planView),
    handle: ({ params }) => shown(planNamed(services, params)),
  });
}

function writingRoutes(router: Router, services: Services): void {
  const { administration, store } = services;
  router.add({
    method: 'POST',
    path: '/apis/:api/plans',
    operation: 'createPlan',
    tag,
    summary: 'Create a plan of an API.',
    params: apiParam,
    body: newPlan,
    answers: answers(201, 'The new plan.', planView),
    async handle({ params, body, actor }) {
      const { name, ...spec } = body;
      const plan = await administration.changeOne(actor, async () => {
        apiNamed(services, params.api);
        if (store.get('plan', name, params.api) !== undefined)
          throw new GatewayError('CONFLICT', `The API ${params.api} has a plan ${name} already.`);
        const draft = creation('plan', { name, parent: params.api, spec }, administration.now());
        return { drafts: [draft], result: draft.resource };
      });
      return created(plan, `/apis/${params.api}/plans/${name}`);
    },
  });
  router.add({
    method: 'PUT',
    path: '/apis/:api/plans/:plan',
    operation: 'replacePlan',
    tag,
    summary: 'Replace a plan; what is left out takes its default, but for the state, which then stays.',
    params: planParam,
    body: changedPlan,
    precondition: 'required',
    answers: answers(200, 'The plan as it is now.', planView),
    async handle({ params, body, ifMatch, actor }) {
      return shown(
        await changePlan(services, params, { ifMatch, need: 'required', actor }, (plan) => ({
          ...body,
          state: body.state ?? plan.spec.state,
        })),
      );
    },
  });
}

function deletingRoute(router: Router, services: Services): void {
  const { administration, store } = services;
  router.add({
    method: 'DELETE',
    path: '/apis/:api/plans/:plan',
    operation: 'deletePlan',
    tag,
    summary: 'Delete a plan, once no subscription to it is open.',
    params: planParam,
    precondition: 'required',
    answers: goneAnswer,
    async handle({ params, ifMatch, actor }) {
      await administration.change(actor, async () => {
        const plan = planNamed(services, params);
        checkPrecondition(plan, ifMatch, 'required');
        const open = store
          .list('subscription', defaultTenant)
          .filter(({ spec }) => spec.api === plan.parent && spec.plan === plan.name && isOpen(spec.state)).length;
        if (open > 0)
          throw new GatewayError(
            'CONFLICT',
            `The plan ${plan.name} has ${open} open ${open === 1 ? 'subscription' : 'subscriptions'}; close them, or close the plan.`,
          );
        return { drafts: [deletion(plan)], result: undefined };
      });
      return gone;
    },
  });
}

interface ChangeTerms {
  readonly ifMatch: string | undefined;
  readonly need: 'required' | 'optional';
  readonly actor: string;
  readonly verb?: string;
}

type PlanName = { readonly api: string; readonly plan: string };

async function changePlan(
  services: Services,
  name: PlanName,
  terms: ChangeTerms,
  next: (plan: Resource<'plan'>) => PlanSpec,
): Promise<Resource<'plan'>> {
  const { administration, store } = services;
  return await administration.changeOne(terms.actor, async () => {
    const plan = planNamed(services, name);
    checkPrecondition(plan, terms.ifMatch, terms.need);
    const spec = compact(next(plan));
    if (isDeepStrictEqual(spec, plan.spec)) return { drafts: [], result: plan };
    if (spec.state !== plan.spec.state) checkTransition(planTransitions, `The plan ${plan.name}`, plan.spec.state, spec.state);
    const draft = revision(plan, spec, administration.now(), terms.verb);
    const stranded = strandedSubscriptions(new Outlook(store, [draft])).filter(
      (one) => one.spec.api === plan.parent && one.spec.plan === plan.name,
    );
    return {
      drafts: [draft, ...stranded.map((one) => closing(one, `The plan is ${spec.state}.`, administration.now()))],
      result: draft.resource,
    };
  });
}

function planNamed(services: Services, { api, plan }: PlanName): Resource<'plan'> {
  const found = services.store.get('plan', plan, apiNamed(services, api).name, defaultTenant);
  if (found === undefined) throw notFound(`plan of the API ${api} named`, plan);
  return found;
}

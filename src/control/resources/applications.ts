import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../../core/errors.ts';
import type { Resource } from '../../store/resources.ts';
import { applicationFields, readOnlyKeys } from '../config/config-shape.ts';
import { resourceName } from '../config/names.ts';
import { object, required } from '../config/shape.ts';
import { compact, creation, defaultTenant, deletion, revision } from '../draft.ts';
import { isOpen } from '../lifecycle.ts';
import { pageFields, pageOf, pageSchema } from '../paging.ts';
import { checkPrecondition } from '../precondition.ts';
import { viewOf } from '../present.ts';
import type { Router } from '../router.ts';
import { notFound } from '../router.ts';
import type { Services } from '../services.ts';
import { applicationView } from '../view-schemas.ts';
import { answers, created, gone, goneAnswer, shown } from './answers.ts';

const tag = 'Applications';
export const applicationParam = { application: required(resourceName, 'Name of the application.') } as const;
const newApplication = object(
  { name: required(resourceName, 'Name of the application.'), ...applicationFields },
  { ignored: readOnlyKeys },
);
const changedApplication = object(applicationFields, { ignored: readOnlyKeys });

/** The application of this name; throws NOT_FOUND. */
export function applicationNamed(services: Pick<Services, 'store'>, name: string): Resource<'application'> {
  const application = services.store.get('application', name, '', defaultTenant);
  if (application === undefined) throw notFound('application', name);
  return application;
}

export function applicationRoutes(router: Router, services: Services): void {
  readingRoutes(router, services);
  writingRoutes(router, services);
  deletingRoute(router, services);
}

function readingRoutes(router: Router, services: Services): void {
  router.add({
    method: 'GET',
    path: '/applications',
    operation: 'listApplications',
    tag,
    summary: 'List the applications by name.',
    query: pageFields,
    answers: answers(200, 'A page of applications.', pageSchema(applicationView)),
    handle({ query }) {
      const page = pageOf(services.store.list('application', defaultTenant), (application) => application.name, query);
      return { body: { ...page, items: page.items.map(viewOf) } };
    },
  });
  router.add({
    method: 'GET',
    path: '/applications/:application',
    operation: 'getApplication',
    tag,
    summary: 'Read an application.',
    params: applicationParam,
    answers: answers(200, 'The application.', applicationView),
    handle: ({ params }) => shown(applicationNamed(services, params.application)),
  });
}

function writingRoutes(router: Router, services: Services): void {
  const { administration, store } = services;
  router.add({
    method: 'POST',
    path: '/applications',
    operation: 'createApplication',
    tag,
    summary: 'Create an application.',
    body: newApplication,
    answers: answers(201, 'The new application.', applicationView),
    async handle({ body, actor }) {
      const { name, ...spec } = body;
      const application = await administration.changeOne(actor, async () => {
        if (store.get('application', name) !== undefined) throw new GatewayError('CONFLICT', `There is an application ${name} already.`);
        const draft = creation('application', { name, spec }, administration.now());
        return { drafts: [draft], result: draft.resource };
      });
      return created(application, `/applications/${name}`);
    },
  });
  router.add({
    method: 'PUT',
    path: '/applications/:application',
    operation: 'replaceApplication',
    tag,
    summary: "Replace an application's description and owner.",
    params: applicationParam,
    body: changedApplication,
    precondition: 'required',
    answers: answers(200, 'The application as it is now.', applicationView),
    async handle({ params, body, ifMatch, actor }) {
      const application = await administration.changeOne(actor, async () => {
        const current = applicationNamed(services, params.application);
        checkPrecondition(current, ifMatch, 'required');
        if (isDeepStrictEqual(compact(body), current.spec)) return { drafts: [], result: current };
        const draft = revision(current, body, administration.now());
        return { drafts: [draft], result: draft.resource };
      });
      return shown(application);
    },
  });
}

function deletingRoute(router: Router, services: Services): void {
  const { administration, store } = services;
  router.add({
    method: 'DELETE',
    path: '/applications/:application',
    operation: 'deleteApplication',
    tag,
    summary: 'Delete an application and its credentials, once no subscription of it is open.',
    params: applicationParam,
    precondition: 'required',
    answers: goneAnswer,
    async handle({ params, ifMatch, actor }) {
      await administration.change(actor, async () => {
        const application = applicationNamed(services, params.application);
        checkPrecondition(application, ifMatch, 'required');
        const open = store
          .list('subscription', defaultTenant)
          .filter(({ spec }) => spec.application === application.name && isOpen(spec.state)).length;
        if (open > 0)
          throw new GatewayError(
            'CONFLICT',
            `The application ${application.name} has ${open} open ${open === 1 ? 'subscription' : 'subscriptions'}; close them first.`,
          );
        const credentials = store.list('credential', defaultTenant).filter((credential) => credential.parent === application.name);
        return { drafts: [...credentials, application].map(deletion), result: undefined };
      });
      return gone;
    },
  });
}

import { GatewayError } from '../../core/errors.ts';
import type { Resource, SourceSpec } from '../../store/resources.ts';
import { checkSourceUrls } from '../called-urls.ts';
import { readOnlyKeys } from '../config/config-shape.ts';
import { resourceName } from '../config/names.ts';
import { text } from '../config/scalars.ts';
import { fallback, object, optional, required } from '../config/shape.ts';
import { sourceSecret } from '../config/source-secret-shape.ts';
import { checkSourceFields, sourceFields, sourceSettings, sourceState } from '../config/source-shape.ts';
import { creation, defaultTenant, deletion } from '../draft.ts';
import { mayReadOf, type Asking } from '../own.ts';
import { pageFields, pageOf, pageSchema } from '../paging.ts';
import { checkPrecondition, etagOf } from '../precondition.ts';
import { viewOf } from '../present.ts';
import type { Answer, Router } from '../router.ts';
import { needsNewSecret } from '../secret-destination.ts';
import type { Services } from '../services.ts';
import { checkTakesSource } from '../source-rules.ts';
import { takenSecret } from '../source-secrets.ts';
import { changeOwned, subscriptionFor, type ChangeTerms } from './owned.ts';
import { answers, gone, goneAnswer, shown } from './answers.ts';
import { sourceOf, sourceParam } from './source-of.ts';
import { sourceRotation } from './source-rotation.ts';
import { sourceStatusView, sourceView } from './source-view.ts';

const tag = 'Sources';
const ignored = [...readOnlyKeys, 'secrets'];
const filters = {
  ...pageFields,
  application: optional(resourceName, 'Only of this application.'),
  subscription: optional(text({ min: 1, max: 40 }), 'Only of this subscription.'),
} as const;
const newSource = object(
  {
    application: optional(resourceName, 'The application. Default: that of the subscription.'),
    subscription: required(text({ min: 1, max: 40 }), 'Id of the subscription under which its events are published.'),
    name: required(resourceName, 'Its name, unique within the application; it stands in the URL.'),
    ...sourceFields,
    secret: optional(
      sourceSecret,
      'What its signatures are verified by. Left out, one is made and answered, where the provider lets its users choose.',
    ),
    state: fallback(sourceState, 'started', 'Whether it takes webhooks at once.'),
  },
  { ignored, check: checkSourceFields },
);
const changedSource = object(
  {
    application: optional(resourceName, 'As it is.'),
    subscription: optional(text({ min: 1, max: 40 }), 'As it is: a source stays with its subscription.'),
    ...sourceFields,
    state: optional(sourceState, 'The state it should have. Default: as it is.'),
  },
  { ignored, check: checkSourceFields },
);

export function sourceRoutes(router: Router, services: Services): void {
  readingRoutes(router, services);
  creatingRoute(router, services);
  replacingRoute(router, services);
  deletingRoute(router, services);
  stateRoutes(router, services);
  sourceRotation(router, services);
}

function readingRoutes(router: Router, services: Services): void {
  router.add({
    method: 'GET',
    path: '/sources',
    operation: 'listSources',
    tag,
    summary: 'List sources, oldest first; an application sees its own.',
    access: 'owner',
    query: filters,
    answers: answers(200, 'A page of sources.', pageSchema(sourceView)),
    handle({ query, application }) {
      const page = pageOf(
        services.store
          .list('source', defaultTenant)
          .filter(
            ({ parent, spec }) =>
              (query.application ?? parent) === parent &&
              (query.subscription ?? spec.subscription) === spec.subscription &&
              mayReadOf(application, spec.subscription, services.store),
          ),
        (one) => `${String(one.createdAt).padStart(15, '0')} ${one.id}`,
        query,
      );
      return { body: { ...page, items: page.items.map(viewOf) } };
    },
  });
  router.add({
    method: 'GET',
    path: '/sources/:source',
    operation: 'getSource',
    tag,
    summary: 'Read a source, without its secrets; an application reads its own.',
    access: 'owner',
    params: sourceParam,
    answers: answers(200, 'The source.', sourceView),
    handle: ({ params, application }) => shown(sourceOf(services, params.source, application)),
  });
  router.add({
    method: 'GET',
    path: '/sources/:source/status',
    operation: 'getSourceStatus',
    tag,
    summary: 'Say how a source does that subscribes at a WebSub hub; an application asks about its own.',
    access: 'owner',
    params: sourceParam,
    answers: answers(200, 'How it does.', sourceStatusView),
    handle({ params, application }) {
      const { id, spec } = sourceOf(services, params.source, application);
      return { body: { source: id, state: spec.state, subscription: services.topicStatus(id) ?? null } };
    },
  });
}

function creatingRoute(router: Router, services: Services): void {
  const { administration, store } = services;
  router.add({
    method: 'POST',
    path: '/sources',
    operation: 'createSource',
    tag,
    summary: 'Take the webhooks of another provider as events of a subscription; a secret that is made here is answered this once.',
    access: 'owner',
    body: newSource,
    answers: answers(201, 'The new source.', sourceView),
    async handle({ body, actor, application: asking }) {
      const secret = takenSecret(body, body.secret);
      const source = await administration.changeOne(actor, async () => {
        const subscription = takingSubscription(services, body, asking);
        const { application } = subscription.spec;
        if (store.get('source', body.name, application, defaultTenant) !== undefined)
          throw new GatewayError('CONFLICT', `The application ${application} has a source ${body.name} already.`);
        checkSourceUrls(administration, body);
        const spec: SourceSpec = {
          ...sourceSettings(body),
          subscription: subscription.id,
          secrets: [{ sealed: administration.sealer.seal(secret) }],
          state: body.state,
        };
        const draft = creation('source', { name: body.name, parent: application, spec }, administration.now());
        return { drafts: [draft], result: draft.resource };
      });
      const made = body.secret === undefined ? { secret } : {};
      return {
        status: 201,
        body: { ...viewOf(source), ...made },
        headers: { etag: etagOf(source), location: `/api/v1/sources/${source.id}` },
      };
    },
  });
}

/** The subscription that a new source is for; throws when it takes none, or is none of the caller's. */
function takingSubscription({ store }: Services, body: Parameters<typeof subscriptionFor>[1], asking: Asking): Resource<'subscription'> {
  const subscription = subscriptionFor(store, body, asking);
  checkTakesSource(store, subscription.id, subscription.spec);
  return subscription;
}

function replacingRoute(router: Router, services: Services): void {
  router.add({
    method: 'PUT',
    path: '/sources/:source',
    operation: 'replaceSource',
    tag,
    summary:
      'Replace a source; what is left out takes its default, but for the state, which then stays, and the secrets, which do too: only where an application names another topic a new one is made, and answered this once.',
    access: 'owner',
    params: sourceParam,
    body: changedSource,
    precondition: 'required',
    answers: answers(200, 'The source as it is now.', sourceView),
    async handle({ params, body, ifMatch, actor, application }) {
      let made: string | undefined;
      const terms = { ifMatch, need: 'required', actor, application, verb: 'update' } as const;
      const answer = await changeSource(services, params.source, terms, ({ spec, parent }) => {
        if ((body.subscription ?? spec.subscription) !== spec.subscription || (body.application ?? parent) !== parent)
          throw new GatewayError('CONFLICT', 'A source stays with its subscription; make another one instead.');
        if (body.preset !== spec.preset)
          throw new GatewayError('CONFLICT', 'A source stays with its provider, whose secrets it has; make another one instead.');
        checkSourceUrls(services.administration, body, spec);
        made = needsNewSecret(application, spec.topic, body.topic) ? takenSecret(body, undefined) : undefined;
        const secrets = made === undefined ? spec.secrets : [{ sealed: services.administration.sealer.seal(made) }];
        return { ...sourceSettings(body), subscription: spec.subscription, secrets, state: body.state ?? spec.state };
      });
      return made === undefined ? answer : { ...answer, body: { ...(answer.body as object), secret: made } };
    },
  });
}

function deletingRoute(router: Router, services: Services): void {
  const { administration } = services;
  router.add({
    method: 'DELETE',
    path: '/sources/:source',
    operation: 'deleteSource',
    tag,
    summary: 'Delete a source: webhooks that are sent there are refused from now on.',
    access: 'owner',
    params: sourceParam,
    precondition: 'required',
    answers: goneAnswer,
    async handle({ params, ifMatch, actor, application }) {
      await administration.change(actor, async () => {
        const source = sourceOf(services, params.source, application);
        checkPrecondition(source, ifMatch, 'required');
        return { drafts: [deletion(source)], result: undefined };
      });
      return gone;
    },
  });
}

function stateRoutes(router: Router, services: Services): void {
  const common = {
    method: 'POST',
    tag,
    access: 'owner',
    params: sourceParam,
    precondition: 'optional',
    answers: answers(200, 'The source as it is now.', sourceView),
  } as const;
  router.add({
    ...common,
    path: '/sources/:source/pause',
    operation: 'pauseSource',
    summary: 'Pause a source: whoever sends is told to try again later.',
    handle: async ({ params, ifMatch, actor, application }) =>
      await changeSource(services, params.source, { ifMatch, need: 'optional', actor, application, verb: 'pause' }, ({ spec }) => ({
        ...spec,
        state: 'paused',
      })),
  });
  router.add({
    ...common,
    path: '/sources/:source/start',
    operation: 'startSource',
    summary: 'Start a source that was paused.',
    handle: async ({ params, ifMatch, actor, application }) =>
      await changeSource(services, params.source, { ifMatch, need: 'optional', actor, application, verb: 'start' }, ({ spec }) => ({
        ...spec,
        state: 'started',
      })),
  });
}

async function changeSource(
  services: Services,
  id: string,
  terms: ChangeTerms,
  next: (source: Resource<'source'>) => SourceSpec,
): Promise<Answer> {
  return await changeOwned(services, () => sourceOf(services, id, terms.application), terms, next);
}

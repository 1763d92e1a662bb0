import { GatewayError } from '../../core/errors.ts';
import type { StartFrom } from '../../core/position.ts';
import type { EndpointSpec, Resource } from '../../store/resources.ts';
import { checkEndpointUrls } from '../called-urls.ts';
import { readOnlyKeys } from '../config/config-shape.ts';
import { checkEndpointFields, endpointFields, endpointSettings, endpointState } from '../config/endpoint-shape.ts';
import { readerName, resourceName } from '../config/names.ts';
import { moment, text } from '../config/scalars.ts';
import type { Shape } from '../config/shape.ts';
import { fallback, object, optional, required } from '../config/shape.ts';
import { secretFault, signingSecret } from '../config/signing-secret-shape.ts';
import { creation, defaultTenant, deletion } from '../draft.ts';
import { endpointsOf, maxEndpoints, ownersEndpoints, takesEndpoints } from '../endpoint-rules.ts';
import { isAuthenticationFault, storedAuthentication } from '../endpoint-authentication.ts';
import { changeOfStyleFault, keptHeaders, mintSecret } from '../endpoint-secrets.ts';
import { isOpen } from '../lifecycle.ts';
import { mayReadOf, type Asking } from '../own.ts';
import { pageFields, pageOf, pageSchema } from '../paging.ts';
import { checkPrecondition, etagOf } from '../precondition.ts';
import { viewOf } from '../present.ts';
import type { Answer, Router } from '../router.ts';
import { keptSecrets } from '../secret-destination.ts';
import { unresolvedIn } from '../secret-options.ts';
import type { Services } from '../services.ts';
import { endpointView } from '../view-schemas.ts';
import { changeOwned, subscriptionFor, type ChangeTerms } from './owned.ts';
import { answers, gone, goneAnswer, shown } from './answers.ts';
import { endpointOf, endpointParam } from './endpoint-of.ts';
import { endpointVerificationRoute } from './endpoint-verification.ts';
import { endpointSecretRoutes } from './endpoint-secrets.ts';

const tag = 'Endpoints';
const ignored = [...readOnlyKeys, 'secrets'];
const filters = {
  ...pageFields,
  application: optional(resourceName, 'Only of this application.'),
  subscription: optional(text({ min: 1, max: 40 }), 'Only of this subscription.'),
} as const;
const newEndpoint = object(
  {
    application: optional(resourceName, 'The application. Default: that of the subscription.'),
    subscription: required(text({ min: 1, max: 40 }), 'Id of the subscription, under a plan of the mode push.'),
    name: required(readerName, 'Its name, unique within the application; also that of its durable reader.'),
    ...endpointFields,
    secret: optional(signingSecret, 'What signs its deliveries; without it one is made.'),
    state: fallback(endpointState, 'started', 'Whether it is delivered to at once.'),
  },
  {
    ignored,
    check(value, place) {
      checkEndpointFields(value, place);
      const fault = value.secret === undefined ? undefined : secretFault(value.signature.style, value.secret);
      if (fault !== undefined) place.at('secret').report(fault);
    },
  },
);
const changedEndpoint = object(
  {
    application: optional(resourceName, 'As it is.'),
    subscription: optional(text({ min: 1, max: 40 }), 'As it is: an endpoint stays with its subscription.'),
    ...endpointFields,
    state: optional(endpointState, 'The state it should have. Default: as it is.'),
  },
  { ignored, check: checkEndpointFields },
);

/** `held`: nowhere else than where it was. */
const place: Shape<StartFrom | undefined> = {
  decode(value, at) {
    if (value === 'held') return undefined;
    if (value === 'now') return { at: 'latest' };
    if (typeof value === 'string' && !/^\d/.test(value))
      return at.report(`${at.quote(value)} is neither held nor now, nor a date and time such as 2030-01-31T12:00:00Z`);
    const time = moment.decode(value, at);
    return time === undefined ? undefined : { at: 'time', time };
  },
  schema: () => ({ type: ['string', 'integer'], title: 'held, now or a time' }),
};
const starting = object({
  from: optional(place, '`held`: with all that came meanwhile. `now`, or a time: what came before is passed over. Default: held.'),
});

export function endpointRoutes(router: Router, services: Services): void {
  readingRoutes(router, services);
  creatingRoute(router, services);
  replacingRoute(router, services);
  deletingRoute(router, services);
  stateRoutes(router, services);
  endpointSecretRoutes(router, services);
  endpointVerificationRoute(router, services);
}

function readingRoutes(router: Router, services: Services): void {
  router.add({
    method: 'GET',
    path: '/endpoints',
    operation: 'listEndpoints',
    tag,
    summary: 'List endpoints, oldest first; an application sees its own.',
    access: 'owner',
    query: filters,
    answers: answers(200, 'A page of endpoints.', pageSchema(endpointView)),
    handle({ query, application }) {
      const page = pageOf(
        candidates(services, query, application).filter(
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
    path: '/endpoints/:endpoint',
    operation: 'getEndpoint',
    tag,
    summary: 'Read an endpoint, without its secrets; an application reads its own.',
    access: 'owner',
    params: endpointParam,
    answers: answers(200, 'The endpoint.', endpointView),
    handle: ({ params, application }) => shown(endpointOf(services, params.endpoint, application)),
  });
}

/** All that may be meant, without a look at those of other applications where one is named in some way. */
function candidates(
  { store }: Services,
  { application, subscription }: { readonly application?: string | undefined; readonly subscription?: string | undefined },
  asking: Asking,
): readonly Resource<'endpoint'>[] {
  const ofSubscription = subscription === undefined ? undefined : store.byId('subscription', subscription)?.spec.application;
  const parent = asking?.name ?? application ?? ofSubscription;
  return parent === undefined ? store.list('endpoint', defaultTenant) : store.children('endpoint', parent, defaultTenant);
}

function creatingRoute(router: Router, services: Services): void {
  const { administration, store } = services;
  router.add({
    method: 'POST',
    path: '/endpoints',
    operation: 'createEndpoint',
    tag,
    summary:
      'Push the events of a subscription to a URL; the secret that signs them is answered this once. An application may for its own.',
    access: 'owner',
    body: newEndpoint,
    answers: answers(201, 'The new endpoint with its secret.', endpointView),
    async handle({ body, actor, application: asking }) {
      const secret = body.secret ?? mintSecret();
      const endpoint = await administration.changeOne(actor, async () => {
        const subscription = pushSubscription(services, body, asking);
        const { application } = subscription.spec;
        if (store.get('endpoint', body.name, application, defaultTenant) !== undefined)
          throw new GatewayError('CONFLICT', `The application ${application} has an endpoint ${body.name} already.`);
        checkEndpointUrls(administration, body);
        const spec: EndpointSpec = {
          ...settingsOf(services, body, { parent: application, name: body.name }),
          subscription: subscription.id,
          secrets: [{ sealed: administration.sealer.seal(secret) }],
          state: body.state,
        };
        const draft = creation('endpoint', { name: body.name, parent: application, spec }, administration.now());
        return { drafts: [draft], result: draft.resource };
      });
      const location = `/api/v1/endpoints/${endpoint.id}`;
      return { status: 201, body: { ...viewOf(endpoint), secret }, headers: { etag: etagOf(endpoint), location } };
    },
  });
}

/** The subscription that a new endpoint is for; throws when it takes none, or is none of the caller's. */
function pushSubscription({ store }: Services, body: Parameters<typeof subscriptionFor>[1], asking: Asking): Resource<'subscription'> {
  const subscription = subscriptionFor(store, body, asking);
  const { id, spec } = subscription;
  if (!isOpen(spec.state)) throw new GatewayError('CONFLICT', `The subscription ${id} is ${spec.state} and takes no endpoints.`);
  if (!takesEndpoints(store, spec))
    throw new GatewayError('CONFLICT', `Endpoints need a subscription under a plan of the mode push; ${id} is not under one.`);
  if (ownersEndpoints(endpointsOf(store, subscription)).length >= maxEndpoints)
    throw new GatewayError('CONFLICT', `The subscription ${id} has ${maxEndpoints} endpoints, which is the most there can be.`);
  return subscription;
}

/** Throws BAD_REQUEST for what stands for a secret that is not stored, and for an authentication that cannot be used. */
function settingsOf(
  { administration }: Services,
  body: Parameters<typeof endpointSettings>[0],
  named: Pick<Resource<'endpoint'>, 'parent' | 'name'> & { readonly known?: ReturnType<typeof keptSecrets> },
): Omit<EndpointSpec, 'subscription' | 'secrets' | 'state'> {
  const headers = keptHeaders(named, body.headers, named.known?.headers ?? {});
  const [unresolved] = unresolvedIn(headers);
  if (unresolved !== undefined)
    throw new GatewayError('BAD_REQUEST', `/headers: ${unresolved.slice(0, 200)} stands for a secret that is not known here; fill it in.`);
  if (body.filter !== undefined) administration.checkFilter(body.filter);
  const { sealer } = administration;
  const stored = named.known?.authentication;
  const authentication = body.authentication && storedAuthentication(body.authentication, named, { stored, sealer });
  if (authentication !== undefined && isAuthenticationFault(authentication))
    throw new GatewayError('BAD_REQUEST', `/authentication/${authentication.member}: ${authentication.sentence}.`);
  return { ...endpointSettings(body), headers, ...(authentication && { authentication }) };
}

function replacingRoute(router: Router, services: Services): void {
  router.add({
    method: 'PUT',
    path: '/endpoints/:endpoint',
    operation: 'replaceEndpoint',
    tag,
    summary:
      'Replace an endpoint; what is left out takes its default, but for the state, which then stays, and the secrets, which always do.',
    access: 'owner',
    params: endpointParam,
    body: changedEndpoint,
    precondition: 'required',
    answers: answers(200, 'The endpoint as it is now.', endpointView),
    handle: async ({ params, body, ifMatch, actor, application }) =>
      await changeEndpoint(services, params.endpoint, { ifMatch, need: 'required', actor, application, verb: 'update' }, (endpoint) => {
        const { spec, parent } = endpoint;
        if ((body.subscription ?? spec.subscription) !== spec.subscription || (body.application ?? parent) !== parent)
          throw new GatewayError('CONFLICT', 'An endpoint stays with its subscription; make another one instead.');
        if (spec.websub !== undefined)
          throw new GatewayError(
            'CONFLICT',
            'A WebSub subscription is changed by its subscriber; it can be paused, started or deleted here.',
          );
        checkEndpointUrls(services.administration, body, spec);
        const { subscription, secrets } = spec;
        const known = keptSecrets(application, spec, body);
        const next = { ...settingsOf(services, body, { ...endpoint, known }), subscription, secrets, state: body.state ?? spec.state };
        const fault = changeOfStyleFault(spec, next, { sealer: services.administration.sealer, now: services.clock.now() });
        if (fault !== undefined) throw new GatewayError('CONFLICT', `The endpoint ${fault}.`);
        return next;
      }),
  });
}

function deletingRoute(router: Router, services: Services): void {
  const { administration } = services;
  router.add({
    method: 'DELETE',
    path: '/endpoints/:endpoint',
    operation: 'deleteEndpoint',
    tag,
    summary: 'Delete an endpoint: nothing is delivered to it any more, and what waits for another attempt is dropped.',
    access: 'owner',
    params: endpointParam,
    precondition: 'required',
    answers: goneAnswer,
    async handle({ params, ifMatch, actor, application }) {
      await administration.change(actor, async () => {
        const endpoint = endpointOf(services, params.endpoint, application);
        checkPrecondition(endpoint, ifMatch, 'required');
        return { drafts: [deletion(endpoint)], result: undefined };
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
    params: endpointParam,
    precondition: 'optional',
    answers: answers(200, 'The endpoint as it is now.', endpointView),
  } as const;
  router.add({
    ...common,
    path: '/endpoints/:endpoint/pause',
    operation: 'pauseEndpoint',
    summary: 'Pause an endpoint: nothing is delivered until it is started, and nothing is lost.',
    handle: async ({ params, ifMatch, actor, application }) =>
      await changeEndpoint(services, params.endpoint, { ifMatch, need: 'optional', actor, application, verb: 'pause' }, ({ spec }) => ({
        ...spec,
        state: 'paused',
      })),
  });
  router.add({
    ...common,
    path: '/endpoints/:endpoint/start',
    operation: 'startEndpoint',
    summary:
      'Start an endpoint that was paused, or that was stopped because it failed; it goes on where it was, or passes over what came before `from`.',
    body: starting,
    // Also written when it is started already: whoever delivers begins again at each version of an endpoint that it had given up.
    handle: async ({ params, body, ifMatch, actor, application }) => {
      if (body.from !== undefined) {
        const endpoint = endpointOf(services, params.endpoint, application);
        checkPrecondition(endpoint, ifMatch, 'optional');
        await services.deliveries.skip(endpoint, body.from);
        await services.store.note(endpoint, 'endpoint.skip', actor);
      }
      return await changeEndpoint(
        services,
        params.endpoint,
        { ifMatch, need: 'optional', actor, application, verb: 'start', always: true },
        ({ spec }) => ({ ...spec, state: 'started' }),
      );
    },
  });
}

async function changeEndpoint(
  services: Services,
  id: string,
  terms: ChangeTerms,
  next: (endpoint: Resource<'endpoint'>) => EndpointSpec,
): Promise<Answer> {
  return await changeOwned(services, () => endpointOf(services, id, terms.application), terms, next);
}

import { GatewayError } from '../../core/errors.ts';
import { apiKeyPrefix, hashApiKey, mintApiKey } from '../../store/api-key.ts';
import type { Resource } from '../../store/resources.ts';
import { keyValue } from '../config/config-shape.ts';
import { duration } from '../config/quantities.ts';
import { choice, moment, text } from '../config/scalars.ts';
import { fallback, object, optional, required } from '../config/shape.ts';
import type { Draft } from '../draft.ts';
import { creation, defaultTenant, revision } from '../draft.ts';
import { pageFields, pageOf, pageSchema } from '../paging.ts';
import { checkPrecondition, etagOf } from '../precondition.ts';
import type { View } from '../present.ts';
import { viewOf } from '../present.ts';
import type { Router } from '../router.ts';
import { notFound } from '../router.ts';
import type { Services } from '../services.ts';
import { credentialView } from '../view-schemas.ts';
import { answers, gone, goneAnswer } from './answers.ts';
import { applicationNamed, applicationParam } from './applications.ts';

const tag = 'Credentials';
const credentialParam = { ...applicationParam, credential: required(text({ min: 1, max: 40 }), 'Id of the credential.') } as const;
const newCredential = object({
  kind: fallback(choice(['api-key']), 'api-key', 'What it is.'),
  value: optional(keyValue, 'A key of your own; without it one is made.'),
  expiresAt: optional(moment, 'When it stops being valid.'),
});
const rotation = object({
  overlap: fallback(duration, 86_400_000, 'How long the old key stays valid beside the new one.', '24h'),
  value: optional(keyValue, 'A key of your own; without it one is made.'),
});

/** Keys of one application, valid ones and others: more is a program gone wild. */
const maxCredentials = 1000;

export function credentialRoutes(router: Router, services: Services): void {
  router.add({
    method: 'GET',
    path: '/applications/:application/credentials',
    operation: 'listCredentials',
    tag,
    summary: "List an application's credentials, oldest first; never their values.",
    params: applicationParam,
    query: pageFields,
    answers: answers(200, 'A page of credentials.', pageSchema(credentialView)),
    handle({ params, query }) {
      const page = pageOf(credentialsOf(services, applicationNamed(services, params.application).name), ageKey, query);
      return { body: { ...page, items: page.items.map((credential) => credentialViewOf(services, credential)) } };
    },
  });
  creatingRoutes(router, services);
  revokingRoute(router, services);
}

function creatingRoutes(router: Router, services: Services): void {
  const { administration } = services;
  router.add({
    method: 'POST',
    path: '/applications/:application/credentials',
    operation: 'createCredential',
    tag,
    summary: 'Give an application a key; its value is answered this once.',
    params: applicationParam,
    body: newCredential,
    answers: answers(201, 'The new credential with its value.', credentialView),
    async handle({ params, body, actor }) {
      const value = body.value ?? mintApiKey();
      const credential = await administration.changeOne(actor, async () => {
        const { name } = applicationNamed(services, params.application);
        const draft = newKey(services, name, value, body.expiresAt);
        return { drafts: [draft], result: draft.resource };
      });
      return withValue(services, credential, value);
    },
  });
  router.add({
    method: 'POST',
    path: '/applications/:application/credentials/:credential/rotate',
    operation: 'rotateCredential',
    tag,
    summary: 'Replace a key by a new one; the old one stays valid for the overlap.',
    params: credentialParam,
    body: rotation,
    precondition: 'optional',
    answers: answers(201, 'The new credential with its value.', credentialView),
    async handle({ params, body, ifMatch, actor }) {
      const value = body.value ?? mintApiKey();
      const credential = await administration.changeOne(actor, async () => {
        const old = credentialNamed(services, params);
        checkPrecondition(old, ifMatch, 'optional');
        if (stateOf(services, old) !== 'active')
          throw new GatewayError('CONFLICT', `The credential ${old.id} is ${stateOf(services, old)}; make a new one instead.`);
        const expiresAt = Math.min(old.spec.expiresAt ?? Infinity, administration.now() + body.overlap);
        const draft = newKey(services, params.application, value, undefined);
        return { drafts: [draft, revision(old, { ...old.spec, expiresAt }, administration.now(), 'rotate')], result: draft.resource };
      });
      return withValue(services, credential, value);
    },
  });
}

function revokingRoute(router: Router, services: Services): void {
  const { administration } = services;
  router.add({
    method: 'DELETE',
    path: '/applications/:application/credentials/:credential',
    operation: 'revokeCredential',
    tag,
    summary: 'Revoke a key at once; its record stays.',
    params: credentialParam,
    precondition: 'required',
    answers: goneAnswer,
    async handle({ params, ifMatch, actor }) {
      await administration.change(actor, async () => {
        const credential = credentialNamed(services, params);
        checkPrecondition(credential, ifMatch, 'required');
        const drafts: Draft[] =
          credential.spec.revokedAt === undefined
            ? [revision(credential, { ...credential.spec, revokedAt: administration.now() }, administration.now(), 'revoke')]
            : [];
        return { drafts, result: undefined };
      });
      return gone;
    },
  });
}

function newKey(services: Services, application: string, value: string, expiresAt: number | undefined) {
  const { store, administration } = services;
  const hash = hashApiKey(value);
  const same = store.list('credential').find(({ spec }) => spec.hash === hash);
  if (same !== undefined && same.parent !== application)
    throw new GatewayError('CONFLICT', 'This key belongs to another application; each application needs a key of its own.');
  if (same !== undefined) {
    const state = stateOf(services, same);
    throw new GatewayError(
      'CONFLICT',
      `The application ${application} has this key already${state === 'active' ? '' : `, and it is ${state}: choose another one`}.`,
    );
  }
  if (credentialsOf(services, application).length >= maxCredentials)
    throw new GatewayError('CONFLICT', `The application ${application} has ${maxCredentials} credentials, which is the most there can be.`);
  return creation(
    'credential',
    { parent: application, spec: { kind: 'api-key', hash, prefix: apiKeyPrefix(value), origin: 'api', expiresAt } },
    administration.now(),
  );
}

function withValue(services: Services, credential: Resource<'credential'>, value: string) {
  const location = `/api/v1/applications/${credential.parent}/credentials/${credential.id}`;
  return { status: 201, body: { ...credentialViewOf(services, credential), value }, headers: { etag: etagOf(credential), location } };
}

function credentialViewOf(services: Services, credential: Resource<'credential'>): View {
  return { ...viewOf(credential), state: stateOf(services, credential), lastUsed: services.insights.lastUsed(credential.id) ?? null };
}

function stateOf(services: Services, { spec }: Resource<'credential'>): 'active' | 'expired' | 'revoked' {
  if (spec.revokedAt !== undefined) return 'revoked';
  return (spec.expiresAt ?? Infinity) <= services.clock.now() ? 'expired' : 'active';
}

function credentialsOf(services: Services, application: string): readonly Resource<'credential'>[] {
  return services.store.list('credential', defaultTenant).filter((credential) => credential.parent === application);
}

function credentialNamed(
  services: Services,
  { application, credential: id }: { readonly application: string; readonly credential: string },
): Resource<'credential'> {
  const { name } = applicationNamed(services, application);
  const found = services.store.get('credential', id, name, defaultTenant);
  if (found === undefined) throw notFound(`credential of the application ${application} with the id`, id);
  return found;
}

/** Oldest first, and the same for ever. */
function ageKey(resource: Resource): string {
  return `${String(resource.createdAt).padStart(15, '0')} ${resource.id}`;
}

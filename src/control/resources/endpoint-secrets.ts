import { GatewayError } from '../../core/errors.ts';
import { endpointKeys } from '../../push/endpoint-keys.ts';
import { duration } from '../config/quantities.ts';
import type { Shape } from '../config/shape.ts';
import { fallback, object, optional } from '../config/shape.ts';
import { secretFault, signingSecret } from '../config/signing-secret-shape.ts';
import { revision } from '../draft.ts';
import { mintSecret, rotated } from '../endpoint-secrets.ts';
import { checkPrecondition, etagOf } from '../precondition.ts';
import { viewOf } from '../present.ts';
import type { Router } from '../router.ts';
import type { Services } from '../services.ts';
import { endpointView } from '../view-schemas.ts';
import { answers } from './answers.ts';
import { endpointOf, endpointParam } from './endpoint-of.ts';

const tag = 'Endpoints';
const maxOverlap = 7 * 86_400_000;

/** How long a replaced secret counts, in milliseconds. */
export const overlap: Shape<number> = {
  decode(value, place) {
    const milliseconds = duration.decode(value, place);
    if (milliseconds === undefined || milliseconds <= maxOverlap) return milliseconds;
    return place.report(`must be at most 7d, not ${place.quote(value)}`);
  },
  schema: (form) => duration.schema(form),
};

const rotation = object({
  overlap: fallback(overlap, 86_400_000, 'How long the old secret signs along, at most 7d.', '24h'),
  secret: optional(signingSecret, 'A secret of your own; without it one is made of the same kind.'),
});

const secretsView = {
  type: 'object',
  properties: {
    secrets: {
      type: 'array',
      items: {
        type: 'object',
        properties: { secret: { type: 'string' }, expiresAt: { type: 'integer', description: 'Milliseconds since 1970.' } },
        required: ['secret'],
        additionalProperties: false,
      },
      description: 'All that sign, newest first.',
    },
  },
  required: ['secrets'],
  additionalProperties: false,
};

const keysView = {
  type: 'object',
  properties: { keys: { type: 'array', items: { type: 'object' }, description: 'RFC 7517, RFC 8037.' } },
  required: ['keys'],
  additionalProperties: false,
};

/** Showing and replacing what signs an endpoint's deliveries. */
export function endpointSecretRoutes(router: Router, services: Services): void {
  const { administration, store } = services;
  router.add({
    method: 'POST',
    path: '/endpoints/:endpoint/rotate',
    operation: 'rotateEndpointSecret',
    tag,
    summary: 'Give an endpoint a new secret, which is answered this once; the old one signs along for the overlap.',
    access: 'owner',
    params: endpointParam,
    body: rotation,
    precondition: 'optional',
    answers: answers(200, 'The endpoint with its new secret.', endpointView),
    async handle({ params, body, ifMatch, actor, application }) {
      let secret = body.secret ?? '';
      const endpoint = await administration.changeOne(actor, async () => {
        const current = endpointOf(services, params.endpoint, application);
        checkPrecondition(current, ifMatch, 'optional');
        const { sealer } = administration;
        const newest = current.spec.secrets[0]?.sealed;
        const fault = body.secret && secretFault(current.spec.signature?.style ?? 'standard', body.secret);
        if (fault !== undefined && fault !== '') throw new GatewayError('BAD_REQUEST', `/secret: ${fault}`);
        secret = body.secret ?? mintSecret(newest && sealer.open(newest));
        const now = administration.now();
        const secrets = rotated(current.spec.secrets, sealer.seal(secret), { now, until: now + body.overlap });
        const draft = revision(current, { ...current.spec, secrets }, now, 'rotate');
        return { drafts: [draft], result: draft.resource };
      });
      return { body: { ...viewOf(endpoint), secret }, headers: { etag: etagOf(endpoint) } };
    },
  });
  keysRoute(router, services);
  router.add({
    method: 'GET',
    path: '/endpoints/:endpoint/secret',
    operation: 'revealEndpointSecret',
    tag,
    summary: 'Read the secrets that sign the deliveries of an endpoint; the audit says who did.',
    params: endpointParam,
    answers: answers(200, 'The secrets.', secretsView),
    async handle({ params, actor }) {
      const endpoint = endpointOf(services, params.endpoint);
      const now = administration.now();
      const secrets = endpoint.spec.secrets
        .filter(({ expiresAt = Infinity }) => expiresAt > now)
        .map(({ sealed, expiresAt }) => ({ secret: administration.sealer.open(sealed), expiresAt }));
      await store.note(endpoint, 'endpoint.reveal', actor);
      return { body: { secrets } };
    },
  });
}

function keysRoute(router: Router, services: Services): void {
  const { administration } = services;
  router.add({
    method: 'GET',
    path: '/endpoints/:endpoint/keys',
    operation: 'getEndpointKeys',
    tag,
    summary: 'Read the public keys whose signatures (v1a) an endpoint gets, as a JSON Web Key Set; the gateway shows them to everybody.',
    access: 'owner',
    params: endpointParam,
    answers: answers(200, 'The keys; none where shared secrets sign.', keysView),
    handle({ params, application }) {
      const endpoint = endpointOf(services, params.endpoint, application);
      return { body: endpointKeys(endpoint, { open: (sealed) => administration.sealer.open(sealed), now: administration.now() }) };
    },
  });
}

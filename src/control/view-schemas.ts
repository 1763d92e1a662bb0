import { apiFields } from './config/config-shape.ts';
import { endpointFields, endpointState } from './config/endpoint-shape.ts';
import { planFields } from './config/plan-shape.ts';
import type { JsonSchema } from './config/shape.ts';
import { object } from './config/shape.ts';

const time = { type: 'integer', description: 'Milliseconds since 1970.' };
const text = { type: 'string' };
const texts = { type: 'array', items: text };

/** JSON Schema of a resource as it is answered: its own members and those that every resource has. */
function view(members: JsonSchema, needed: readonly string[]): JsonSchema {
  return {
    type: 'object',
    properties: {
      id: { type: 'string', description: 'Given once and never used again.' },
      name: text,
      ...members,
      version: { type: 'integer', description: 'Grows by one with each change; the ETag.' },
      createdAt: time,
      updatedAt: time,
    },
    required: ['id', 'name', ...needed, 'version', 'createdAt', 'updatedAt'],
    additionalProperties: false,
  };
}

const shownContract = {
  type: 'object',
  properties: { name: text, text, files: {}, bytes: { type: 'integer' } },
  required: ['name'],
  description: 'The contract; in lists only its name, its size in bytes and the number of files beside it.',
};

const apiShown = object(apiFields).schema('body')['properties'] as JsonSchema;
const endpointShown = object(endpointFields).schema('body')['properties'] as JsonSchema;
const planShown = object(planFields).schema('body')['properties'] as JsonSchema;

export const apiView = view({ ...apiShown, kind: { const: 'event' }, contract: shownContract }, [
  'kind',
  'contract',
  'path',
  'backbone',
  'entrypoints',
  'lifecycle',
  'retention',
  'dedup',
  'maxEventBytes',
]);

export const planView = view({ api: text, ...planShown }, ['api', 'state', 'security', 'approval', 'limits']);

export const applicationView = view({ description: text, owner: text }, []);

export const credentialView = view(
  {
    application: text,
    kind: { const: 'api-key' },
    prefix: { type: 'string', description: 'The first characters of the key.' },
    origin: { enum: ['api', 'config'] },
    state: { enum: ['active', 'expired', 'revoked'] },
    expiresAt: time,
    revokedAt: time,
    lastUsed: { type: ['integer', 'null'], description: 'Milliseconds since 1970; null: never.' },
    value: { type: 'string', description: 'The key itself: shown this once.' },
  },
  ['application', 'kind', 'prefix', 'origin', 'state', 'lastUsed'],
);

export const subscriptionView = view(
  {
    application: text,
    api: text,
    plan: text,
    as: { enum: ['client', 'provider'] },
    allow: { type: 'object', properties: { publish: texts, read: texts }, required: ['publish', 'read'] },
    state: { enum: ['pending', 'accepted', 'rejected', 'paused', 'closed'] },
    reason: { type: 'string', description: 'Why it was rejected, paused or closed.' },
  },
  ['application', 'api', 'as', 'allow', 'state'],
);

export const endpointView = view(
  {
    application: text,
    subscription: text,
    ...endpointShown,
    secrets: {
      type: 'array',
      items: {
        type: 'object',
        properties: { fingerprint: { type: 'string', description: 'Tells secrets apart.' }, expiresAt: time },
        required: ['fingerprint'],
      },
      description: 'What signs its deliveries, newest first; never the secrets themselves.',
    },
    state: endpointState.schema('body'),
    secret: { type: 'string', description: 'The secret itself: shown this once.' },
  },
  ['application', 'subscription', 'address', 'url', 'events', 'headers', 'secrets', 'content', 'timeout', 'retry', 'order', 'state'],
);

export const anyObject: JsonSchema = { type: 'object', additionalProperties: true };

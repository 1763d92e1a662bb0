import { object, type JsonSchema } from '../config/shape.ts';
import { sourceFields, sourceState } from '../config/source-shape.ts';
import { view } from '../view-schemas.ts';

const time = { type: 'integer', description: 'Milliseconds since 1970.' };
const fields = object(sourceFields).schema('body')['properties'] as JsonSchema;

const orNull = (type: string, description: string): JsonSchema => ({ type: [type, 'null'], description });

/** JSON Schema of how a source does. */
export const sourceStatusView: JsonSchema = {
  type: 'object',
  properties: {
    source: { type: 'string' },
    state: sourceState.schema('body'),
    subscription: {
      type: ['object', 'null'],
      properties: {
        state: { enum: ['subscribed', 'asking', 'failing'] },
        topic: orNull('string', 'The topic as it names itself; null until it was read.'),
        hub: orNull('string', 'The hub that was asked last; null until one was found.'),
        leaseUntil: orNull('integer', 'Until when the subscription lasts, in milliseconds since 1970; null when it does not.'),
        nextAt: { ...time, description: 'When the hub is asked next, in milliseconds since 1970.' },
        reason: orNull('string', 'Why the last request came to nothing; null when it did not.'),
      },
      required: ['state', 'topic', 'hub', 'leaseUntil', 'nextAt', 'reason'],
      additionalProperties: false,
      description: 'Its subscription at a hub; null for a source without a topic.',
    },
  },
  required: ['source', 'state', 'subscription'],
  additionalProperties: false,
};

/** JSON Schema of a source as it is answered. */
export const sourceView = view(
  {
    application: { type: 'string' },
    subscription: { type: 'string' },
    ...fields,
    secrets: {
      type: 'array',
      items: {
        type: 'object',
        properties: { fingerprint: { type: 'string', description: 'Tells secrets apart.' }, expiresAt: time },
        required: ['fingerprint'],
      },
      description: 'What is believed, newest first; never the secrets themselves.',
    },
    state: sourceState.schema('body'),
    secret: { type: 'string', description: 'A secret that was made here: shown this once.' },
  },
  ['application', 'subscription', 'preset', 'address', 'tolerance', 'types', 'replay', 'secrets', 'state'],
);

import { object, type JsonSchema } from '../config/shape.ts';
import { sourceFields, sourceState } from '../config/source-shape.ts';
import { view } from '../view-schemas.ts';

const time = { type: 'integer', description: 'Milliseconds since 1970.' };
const fields = object(sourceFields).schema('body')['properties'] as JsonSchema;

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

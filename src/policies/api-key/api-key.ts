import { GatewayError } from '../../core/errors.ts';
import type { Policy } from '../../core/policy.ts';

/**
 * Lets in only who identified itself by an API key. Finding the application by the key's hash is the gateway's work and is done
 * before any policy runs, so all that is left here is the kind of the credential.
 */
export const apiKey: Policy<Record<string, never>> = {
  kind: 'api-key',
  schema: {
    title: 'API key',
    description: 'The application identifies itself by an API key. Takes no options.',
    type: 'object',
    additionalProperties: false,
    properties: {},
  },
  prepare: () => () => ({
    onConnect: ({ credential }) =>
      credential === 'api-key'
        ? undefined
        : new GatewayError('UNAUTHENTICATED', 'This plan takes API keys only: send one as `Authorization: Bearer` or `X-API-Key`.', {
            details: { accepts: ['api-key'] },
          }),
  }),
};

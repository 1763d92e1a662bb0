import { applyConfig, planConfig } from '../configuration.ts';
import { configShape } from '../config/config-shape.ts';
import { text } from '../config/scalars.ts';
import type { Shape } from '../config/shape.ts';
import { fallback, object, required } from '../config/shape.ts';
import { exportConfig } from '../export-config.ts';
import type { Router } from '../router.ts';
import type { Services } from '../services.ts';
import { anyObject } from '../view-schemas.ts';
import { answers } from './answers.ts';

const tag = 'Configuration';

/** The configuration as it came: decoded where it is applied, so that its problems have the paths of the file. */
const rawConfig: Shape<unknown> = { decode: (value) => value, schema: (form) => configShape.schema(form) };

const flag: Shape<boolean> = {
  decode: (value, place) => (typeof value === 'boolean' ? value : place.report(`must be true or false, not ${place.quote(value)}`)),
  schema: () => ({ type: 'boolean' }),
};

const oneLine = text({ min: 1, max: 1000, pattern: { test: /^[^\r\n\t]+$/, wanted: 'one line of text' } });

const request = object({
  config: required(rawConfig, 'The configuration: as in the file, its contracts as documents.'),
  prune: fallback(flag, false, 'Whether what it does not name is deleted.'),
  actor: fallback(oneLine, 'admin', 'Who wants it, for the audit.'),
});

const changes = {
  type: 'object',
  properties: {
    changes: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          op: { enum: ['create', 'update', 'delete'] },
          kind: { type: 'string' },
          name: { type: 'string' },
          parent: { type: 'string' },
          before: anyObject,
          after: anyObject,
        },
        required: ['op', 'kind', 'name', 'parent'],
        additionalProperties: false,
      },
    },
  },
  required: ['changes'],
};

export function configRoutes(router: Router, services: Services): void {
  const { administration } = services;
  router.add({
    method: 'POST',
    path: '/plan',
    operation: 'planConfiguration',
    tag,
    summary: 'Show what a configuration would change.',
    body: request,
    answers: answers(200, 'The difference.', changes),
    handle: async ({ body }) => ({ body: { changes: await planConfig(administration, body.config, body) } }),
  });
  router.add({
    method: 'POST',
    path: '/apply',
    operation: 'applyConfiguration',
    tag,
    summary: 'Make everything as a configuration says: all of it, or nothing.',
    body: request,
    answers: answers(200, 'What was changed.', changes),
    handle: async ({ body }) => ({ body: { changes: await applyConfig(administration, body.config, body) } }),
  });
  router.add({
    method: 'GET',
    path: '/export',
    operation: 'exportConfiguration',
    tag,
    summary: 'Answer the configuration that gives what there is; keys as hashes, other secrets as `${env:…}`.',
    answers: answers(200, 'The configuration.', configShape.schema('body')),
    handle: () => ({ body: exportConfig(services.store, administration.now()) }),
  });
}

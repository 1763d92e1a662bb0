import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import type { Router } from './router.ts';
import { anyObject } from './view-schemas.ts';

/** Draws the OpenAPI 3.1 document from the routes that are added after this. */
export function describeRoutes(app: FastifyInstance, version: string): void {
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sluice management API',
        version,
        description:
          'APIs, plans, applications, subscriptions and what they use. Errors are problem documents (RFC 9457) with a stable `code`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'This control plane.' }],
      components: {
        securitySchemes: {
          adminToken: {
            type: 'http',
            scheme: 'bearer',
            description: 'The admin token: SLUICE_ADMIN_TOKEN, or the one kept in the data folder.',
          },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: "An application's API key." },
          applicationToken: { type: 'http', scheme: 'bearer', description: "An application's API key." },
        },
      },
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => (typeof json.$id === 'string' ? json.$id : `schema${index}`) },
  });
}

export function openApiRoute(router: Router, app: FastifyInstance): void {
  router.add({
    method: 'GET',
    path: '/openapi.json',
    operation: 'getOpenApi',
    tag: 'Status',
    summary: 'This document.',
    access: 'open',
    answers: { 200: { description: 'OpenAPI 3.1.', schema: anyObject } },
    handle: () => ({ body: app.swagger() }),
  });
}

import { choice, text } from '../config/scalars.ts';
import { optional } from '../config/shape.ts';
import { defaultTenant } from '../draft.ts';
import { integerText, pageFields } from '../paging.ts';
import type { Router } from '../router.ts';
import type { Services } from '../services.ts';
import { answers } from './answers.ts';

const spec = { description: 'The spec without secrets; null when there was or is none.' };
const auditView = {
  type: 'object',
  properties: {
    seq: { type: 'integer' },
    at: { type: 'integer', description: 'Milliseconds since 1970.' },
    actor: { type: 'string' },
    action: { type: 'string' },
    kind: { type: 'string' },
    name: { type: 'string' },
    parent: { type: 'string' },
    before: spec,
    after: spec,
  },
  required: ['seq', 'at', 'actor', 'action', 'kind', 'name', 'parent', 'before', 'after'],
  additionalProperties: false,
};

export function auditRoutes(router: Router, { store }: Services): void {
  router.add({
    method: 'GET',
    path: '/audit',
    operation: 'listAudit',
    tag: 'Audit',
    summary: 'List what was changed, by whom, from what to what, newest first.',
    query: {
      kind: optional(
        choice(['backbone', 'api', 'plan', 'application', 'credential', 'subscription', 'endpoint', 'source']),
        'Only changes of this kind of resource.',
      ),
      name: optional(text({ min: 1, max: 128 }), 'Only of the resource of this name.'),
      before: optional(integerText({ min: 0, max: Number.MAX_SAFE_INTEGER }), 'Only entries older than the one with this `seq`.'),
      limit: pageFields.limit,
    },
    answers: answers(200, 'Entries; ask for older ones with `before`.', {
      type: 'object',
      properties: {
        items: { type: 'array', items: auditView },
        next: { type: ['string', 'null'], description: 'Ask for older entries with `?before=`; null at the end.' },
      },
      required: ['items', 'next'],
    }),
    async handle({ query }) {
      const entries = await store.audit({ tenant: defaultTenant, ...query, limit: query.limit + 1 });
      const items = entries.slice(0, query.limit).map((entry) => ({ ...entry, tenant: undefined }));
      return { body: { items, next: entries.length > items.length ? String(items.at(-1)!.seq) : null } };
    },
  });
}

import { optional, required } from '../config/shape.ts';
import { text } from '../config/scalars.ts';
import { defaultTenant } from '../draft.ts';
import { integerText, pageFields, pageOf, pageSchema } from '../paging.ts';
import { checkPrecondition } from '../precondition.ts';
import type { Router } from '../router.ts';
import { notFound } from '../router.ts';
import type { Services } from '../services.ts';
import { anyObject, apiView } from '../view-schemas.ts';
import { answers, shown } from './answers.ts';
import { apiNamed, apiParam, changeApi } from './apis.ts';

const tag = 'Contracts';
const revisionParam = {
  ...apiParam,
  revision: required(integerText({ min: 1, max: 1e9 }), 'Number of the revision: the version the API had.'),
} as const;
const revisionEntry = {
  type: 'object',
  properties: {
    revision: { type: 'integer' },
    at: { type: 'integer', description: 'Milliseconds since 1970.' },
    actor: { type: 'string' },
  },
  required: ['revision', 'at', 'actor'],
};

/** What an API promises, now and before. */
export function contractRoutes(router: Router, services: Services): void {
  router.add({
    method: 'GET',
    path: '/apis/:api/contract',
    operation: 'getContract',
    tag,
    summary: "Read an API's contract as the document it is.",
    params: apiParam,
    query: { file: optional(text({ min: 1, max: 500 }), 'One of the documents beside it.') },
    answers: { 200: { description: 'The document.', contentType: 'text/plain', schema: { type: 'string' } } },
    handle({ params, query }) {
      const { contract } = apiNamed(services, params.api).spec;
      if (query.file !== undefined && !Object.hasOwn(contract.files, query.file))
        throw notFound('file beside the contract named', query.file);
      return {
        body: query.file === undefined ? contract.text : contract.files[query.file]!,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
      };
    },
  });
  router.add({
    method: 'GET',
    path: '/apis/:api/channels',
    operation: 'getChannels',
    tag,
    summary: 'Read the channels of an API: addresses, who may do what, and messages.',
    params: apiParam,
    answers: answers(200, "The contract's model.", anyObject),
    handle: async ({ params }) => ({ body: await services.describeContract(apiNamed(services, params.api).spec.contract) }),
  });
  revisionRoutes(router, services);
}

function revisionRoutes(router: Router, services: Services): void {
  router.add({
    method: 'GET',
    path: '/apis/:api/revisions',
    operation: 'listRevisions',
    tag,
    summary: 'List the revisions of an API, oldest first.',
    params: apiParam,
    query: pageFields,
    answers: answers(200, 'A page of revisions.', pageSchema(revisionEntry)),
    async handle({ params, query }) {
      const revisions = await services.store.revisions(apiNamed(services, params.api).name, defaultTenant);
      const page = pageOf(revisions, ({ revision }) => String(revision).padStart(10, '0'), query);
      return { body: { ...page, items: page.items.map(({ revision, at, actor }) => ({ revision, at, actor })) } };
    },
  });
  router.add({
    method: 'GET',
    path: '/apis/:api/revisions/:revision',
    operation: 'getRevision',
    tag,
    summary: 'Read an API as it was.',
    params: revisionParam,
    answers: answers(200, 'The revision.', {
      ...revisionEntry,
      properties: { ...revisionEntry.properties, spec: anyObject },
      required: [...revisionEntry.required, 'spec'],
    }),
    handle: async ({ params }) => ({ body: await revisionOf(services, params.api, params.revision) }),
  });
  router.add({
    method: 'POST',
    path: '/apis/:api/revisions/:revision/restore',
    operation: 'restoreRevision',
    tag,
    summary: 'Make an API what it was at a revision; its lifecycle stays.',
    params: revisionParam,
    precondition: 'optional',
    answers: answers(200, 'The API as it is now.', apiView),
    async handle({ params, ifMatch, actor }) {
      const { spec } = await revisionOf(services, params.api, params.revision);
      checkPrecondition(apiNamed(services, params.api), ifMatch, 'optional');
      await services.administration.requireContract(spec.contract);
      return shown(
        await changeApi(services, params.api, { ifMatch, need: 'optional', actor, verb: 'restore' }, (api) => ({
          ...spec,
          lifecycle: api.spec.lifecycle,
        })),
      );
    },
  });
}

async function revisionOf(services: Services, name: string, number: number) {
  const api = apiNamed(services, name);
  const found = (await services.store.revisions(api.name, defaultTenant)).find(({ revision }) => revision === number);
  if (found === undefined) throw notFound(`revision of the API ${name} with the number`, String(number));
  return found;
}

import { GatewayError } from '../../core/errors.ts';
import { resourceName } from '../config/names.ts';
import { choice, text } from '../config/scalars.ts';
import { optional, required } from '../config/shape.ts';
import { defaultTenant } from '../draft.ts';
import { applicationAsked, mayReadOf } from '../own.ts';
import { decodeCursor, encodeCursor, pageFields, pageSchema } from '../paging.ts';
import type { Router } from '../router.ts';
import { notFound } from '../router.ts';
import type { Services } from '../services.ts';
import { anyObject } from '../view-schemas.ts';
import { answers, gone, goneAnswer } from './answers.ts';

const tag = 'Readers';
const readerParam = { reader: required(text({ min: 1, max: 200 }), 'Id of the reader.') } as const;
const readerView = { ...anyObject, required: ['id', 'subscription', 'application', 'api', 'protocol', 'address', 'state', 'cursor'] };

const listQuery = {
  ...pageFields,
  subscription: optional(text({ min: 1, max: 40 }), 'Only of this subscription.'),
  api: optional(resourceName, 'Only of this API.'),
  application: optional(resourceName, 'Only of this application.'),
  state: optional(choice(['live', 'catching-up', 'paused', 'closed']), 'Only in this state.'),
} as const;

export function readerRoutes(router: Router, { insights, store }: Services): void {
  router.add({
    method: 'GET',
    path: '/readers',
    operation: 'listReaders',
    tag,
    summary: 'List readers: who reads what, how far they are, and how far behind; an application sees its own.',
    access: 'owner',
    query: listQuery,
    answers: answers(200, 'A page of readers.', pageSchema(readerView)),
    async handle({ query, application }) {
      const asked = {
        ...query,
        after: query.after && decodeCursor(query.after),
        application: applicationAsked(application, query.application),
      };
      const { items, next } = await insights.readers(defaultTenant, asked);
      const mine = items.filter(({ subscription }) => mayReadOf(application, subscription, store));
      return { body: { items: mine, next: next && encodeCursor(next) } };
    },
  });
  router.add({
    method: 'GET',
    path: '/readers/:reader',
    operation: 'getReader',
    tag,
    summary: 'Read how far a reader is; an application reads its own.',
    access: 'owner',
    params: readerParam,
    answers: answers(200, 'The reader.', readerView),
    async handle({ params, application }) {
      const reader = await insights.reader(defaultTenant, params.reader);
      if (reader === undefined || !mayReadOf(application, reader.subscription, store)) throw notFound('reader', params.reader);
      return { body: reader };
    },
  });
  router.add({
    method: 'DELETE',
    path: '/readers/:reader',
    operation: 'forgetReader',
    tag,
    summary: 'Forget a durable reader that is not connected, with its cursor.',
    params: readerParam,
    answers: goneAnswer,
    async handle({ params }) {
      const reader = await insights.reader(defaultTenant, params.reader);
      if (reader === undefined) throw notFound('reader', params.reader);
      if (await insights.forget(defaultTenant, params.reader)) return gone;
      throw new GatewayError(
        'CONFLICT',
        reader.name === null
          ? 'This reader has no name: it ends with its connection.'
          : `The reader ${reader.name} is connected; it can be forgotten once it is not.`,
      );
    },
  });
}

import { GatewayError } from '../../core/errors.ts';
import type { StartFrom } from '../../core/position.ts';
import type { Replay } from '../../push/replay-log.ts';
import { choice, moment, text } from '../config/scalars.ts';
import type { Shape } from '../config/shape.ts';
import { listOf, object, optional, required } from '../config/shape.ts';
import { notFound, type Router } from '../router.ts';
import type { Services } from '../services.ts';
import { replayView } from '../view-schemas.ts';
import { answers, gone, goneAnswer } from './answers.ts';
import { endpointOf, endpointParam } from './endpoint-of.ts';

const tag = 'Endpoints';
const positionText = text({ title: 'position', min: 1, max: 128 });
const moments = /^\d{4}-\d\d-\d\d[Tt ]/;

/** A position, an RFC 3339 time, or `earliest`. */
const place: Shape<StartFrom> = {
  decode(value, at) {
    if (value === 'earliest') return { at: 'earliest' };
    if (typeof value !== 'string' || moments.test(value)) {
      const time = moment.decode(value, at);
      return time === undefined ? undefined : { at: 'time', time };
    }
    const position = positionText.decode(value, at);
    return position === undefined ? undefined : { at: 'position', position };
  },
  schema: () => ({ type: ['string', 'integer'], maxLength: 128, title: 'position or time' }),
};

const replayParam = { ...endpointParam, replay: required(text({ min: 1, max: 40 }), 'Id of the replay.') } as const;
const wish = object({
  from: optional(place, 'Where it begins: after a position, at a time, or at `earliest`. Not with `state`.'),
  until: optional(place, 'Where it ends: with a position, or before a time. Default: with what is there now.'),
  types: optional(listOf(text({ min: 1, max: 256 }), { max: 100 }), 'Only these event types; `.*` at the end stands for all below.'),
  state: optional(choice(['dead']), 'Instead of a range: what is given up.'),
  before: optional(moment, 'With `state`: only what was given up before then. Default: now.'),
});

/** Delivering a stretch of the log again, or everything that was given up; an application may for its own endpoints. */
export function replayRoutes(router: Router, services: Services): void {
  startingRoute(router, services);
  readingRoutes(router, services);
  cancellingRoute(router, services);
}

function startingRoute(router: Router, services: Services): void {
  const { clock, store } = services;
  const { replays } = services.deliveries;
  router.add({
    method: 'POST',
    path: '/endpoints/:endpoint/replays',
    operation: 'startReplay',
    tag,
    summary: 'Deliver a range of the log to an endpoint once more, or its dead deliveries; goes on by itself and over restarts.',
    access: 'owner',
    params: endpointParam,
    body: wish,
    answers: { 202: { description: 'It is on its way.', schema: replayView } },
    async handle({ params, body, application, actor }) {
      const endpoint = endpointOf(services, params.endpoint, application);
      const { from, until, types = [], state, before } = body;
      if ((from === undefined) === (state === undefined))
        throw new GatewayError('BAD_REQUEST', 'Say either where the range begins, with `from`, or `state`: `dead`.');
      if (state !== undefined && (until !== undefined || types.length > 0))
        throw new GatewayError('BAD_REQUEST', '`until` and `types` go with `from`.');
      if (from !== undefined && before !== undefined) throw new GatewayError('BAD_REQUEST', '`before` goes with `state`.');
      const replay =
        from === undefined ? await replays.dead(endpoint, before ?? clock.now()) : await replays.range(endpoint, { from, until, types });
      await store.note(endpoint, 'endpoint.replay', actor);
      return { status: 202, body: shownReplay(replay), headers: { location: `/api/v1/endpoints/${endpoint.id}/replays/${replay.id}` } };
    },
  });
}

function readingRoutes(router: Router, services: Services): void {
  const { replays } = services.deliveries;
  router.add({
    method: 'GET',
    path: '/endpoints/:endpoint/replays',
    operation: 'listReplays',
    tag,
    summary:
      'List the replays to an endpoint, newest first: those that are not over, and the last hundred that are; an application sees its own.',
    access: 'owner',
    params: endpointParam,
    answers: answers(200, 'The replays.', {
      type: 'object',
      properties: { items: { type: 'array', items: replayView } },
      required: ['items'],
      additionalProperties: false,
    }),
    async handle({ params, application }) {
      const { id } = endpointOf(services, params.endpoint, application);
      return { body: { items: (await replays.list(id)).map(shownReplay) } };
    },
  });
  router.add({
    method: 'GET',
    path: '/endpoints/:endpoint/replays/:replay',
    operation: 'getReplay',
    tag,
    summary: 'Read how far a replay has come; an application reads its own.',
    access: 'owner',
    params: replayParam,
    answers: answers(200, 'The replay.', replayView),
    async handle({ params, application }) {
      const { id } = endpointOf(services, params.endpoint, application);
      const replay = await replays.get(id, params.replay);
      if (replay === undefined) throw notFound('replay', params.replay);
      return { body: shownReplay(replay) };
    },
  });
}

function cancellingRoute(router: Router, services: Services): void {
  const { replays } = services.deliveries;
  router.add({
    method: 'DELETE',
    path: '/endpoints/:endpoint/replays/:replay',
    operation: 'cancelReplay',
    tag,
    summary: 'Cancel a replay: nothing more of it is sent; an application may for its own endpoints.',
    access: 'owner',
    params: replayParam,
    answers: goneAnswer,
    async handle({ params, application, actor }) {
      const endpoint = endpointOf(services, params.endpoint, application);
      if (!(await replays.cancel(endpoint.id, params.replay))) {
        const replay = await replays.get(endpoint.id, params.replay);
        if (replay === undefined) throw notFound('replay', params.replay);
        throw new GatewayError('CONFLICT', `The replay is over already: it is ${replay.state}.`);
      }
      await services.store.note(endpoint, 'endpoint.replay-cancel', actor);
      return gone;
    },
  });
}

function shownReplay(replay: Replay): object {
  const { id, endpoint, kind, after, until, types, before, state, reason, total, cursor, createdAt, changedAt } = replay;
  const { passed, sent, succeeded, failed } = replay;
  const isRange = kind === 'range';
  return {
    id,
    endpoint,
    kind,
    state,
    reason: reason === undefined ? null : reason,
    from: isRange ? after : null,
    until: isRange ? until : null,
    types,
    before: before ?? null,
    total,
    cursor: isRange ? cursor : null,
    passed,
    sent,
    succeeded,
    failed,
    createdAt,
    changedAt,
  };
}

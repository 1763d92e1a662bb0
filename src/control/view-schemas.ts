import { apiFields } from './config/config-shape.ts';
import { endpointFields, endpointState } from './config/endpoint-shape.ts';
import { planFields } from './config/plan-shape.ts';
import type { JsonSchema } from './config/shape.ts';
import { object } from './config/shape.ts';

const time = { type: 'integer', description: 'Milliseconds since 1970.' };
const text = { type: 'string' };
const texts = { type: 'array', items: text };

/** JSON Schema of a resource as it is answered: its own members and those that every resource has. */
export function view(members: JsonSchema, needed: readonly string[]): JsonSchema {
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
    websub: {
      type: 'object',
      properties: {
        topic: text,
        hub: { type: 'string', description: 'The hub as the subscriber knows it.' },
        self: { type: 'string', description: 'The canonical URL of the topic.' },
        method: { type: 'string', description: 'How deliveries are signed where the subscriber gave a secret.' },
        secret: { type: 'object', properties: { fingerprint: text }, required: ['fingerprint'] },
        leaseUntil: { ...time, description: 'When it ends unless it is renewed, in milliseconds since 1970.' },
        request: { type: 'string', description: 'The request that made it what it is.' },
      },
      required: ['topic', 'hub', 'self', 'method', 'leaseUntil', 'request'],
      additionalProperties: false,
      description: 'It is a WebSub subscription: its subscriber made it at the hub, and renews or ends it there.',
    },
    state: endpointState.schema('body'),
    secret: { type: 'string', description: 'The secret itself: shown this once.' },
  },
  ['application', 'subscription', 'address', 'url', 'events', 'headers', 'secrets', 'content', 'timeout', 'retry', 'order', 'state'],
);

const textOrNull = { type: ['string', 'null'] };
const timeOrNull = { type: ['integer', 'null'], description: 'Milliseconds since 1970.' };
const why = {
  type: ['object', 'null'],
  properties: { code: text, sentence: text },
  required: ['code', 'sentence'],
  additionalProperties: false,
};

/** An object that has all these members and no others. */
function exactly(properties: JsonSchema): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

export const verificationView = exactly({
  policy: { enum: ['challenge', 'cloudevents', 'signed-ping'], description: 'How its receiver is asked.' },
  state: { enum: ['pending', 'verified', 'failed'], description: 'failed: it is asked again only when somebody says so.' },
  verifiedAt: { ...timeOrNull, description: 'When it last said that it wants deliveries.' },
  allowedPerMinute: { type: ['integer', 'null'], description: 'Deliveries a minute it allows; null: as many as there are.' },
  tries: { type: 'integer', description: 'How often it was asked in vain.' },
  nextAt: { ...timeOrNull, description: 'When it is asked again.' },
  sentence: { ...textOrNull, description: 'Why it last was a no.' },
});

export const endpointStatusView = exactly({
  endpoint: text,
  state: {
    enum: ['started', 'failing', 'stopped', 'paused'],
    description: 'paused: by its owner. stopped: it failed, or its receiver wants no more.',
  },
  held: { ...why, description: 'Why nothing is sent at the moment; null when nothing is in the way.' },
  refused: { ...why, description: 'Why nothing can be pushed though it is started; null when it can.' },
  verification: {
    anyOf: [verificationView, { type: 'null' }],
    description: 'Whether its receiver has said that it wants deliveries; null where it is not asked.',
  },
  failingSince: { ...timeOrNull, description: 'The first failure since the last success.' },
  failures: { type: 'integer', description: 'Failures in a row.' },
  stoppedAt: timeOrNull,
  pausedUntil: { ...timeOrNull, description: 'The receiver asked for a pause until then.' },
  breaker: exactly({ state: { enum: ['closed', 'open', 'half-open'] }, openUntil: timeOrNull }),
  waiting: { type: 'integer', description: 'Deliveries that wait for another attempt or for their turn.' },
  dead: { type: 'integer', description: 'Deliveries that are attempted no more until somebody retries them, as long as they are kept.' },
  keepDeadLetters: {
    ...text,
    description: 'How long they are kept, such as 30d: as the endpoint says, but no longer than the operator keeps any.',
  },
  dropped: {
    type: ['object', 'null'],
    properties: { letters: { type: 'integer', description: 'How many so far.' }, at: time },
    required: ['letters', 'at'],
    additionalProperties: false,
    description: 'What was given up and is gone, since it was kept long enough; `at` is when some last went. Null: nothing.',
  },
  reader: { type: ['object', 'null'], description: 'The reader it is pushed through, with its cursor and lag; null while it is not.' },
});

const seenEvent = {
  id: text,
  source: text,
  type: text,
  subject: text,
  address: text,
  position: text,
  acceptedAt: time,
  bytes: { type: 'integer', description: 'Size of the data, which is not shown.' },
};

/** Everything but the subject, which not every event has. */
function seen(more: JsonSchema): JsonSchema {
  const { subject, ...always } = { ...seenEvent, ...more };
  return { ...exactly({ subject, ...always }), required: Object.keys(always) };
}

export const previewView = exactly({
  examined: { type: 'integer', description: 'Events of the address that were looked at, whatever their type.' },
  matched: { type: 'integer', description: 'Those of them that an endpoint would get.' },
  from: { ...timeOrNull, description: 'When the oldest of them was accepted, in milliseconds since 1970.' },
  to: { ...timeOrNull, description: 'When the newest of them was.' },
  complete: { type: 'boolean', description: 'False: time was up before the newest were reached.' },
  examples: { type: 'array', items: seen({}), description: 'The newest that matched, newest first.' },
  faults: exactly({
    events: { type: 'integer', description: 'Events on which the expression failed; they do not match.' },
    examples: { type: 'array', items: seen({ sentence: text }), description: 'The newest of them, with what was wrong.' },
  }),
});

export const attemptView: JsonSchema = {
  type: 'object',
  properties: {
    id: text,
    position: text,
    event: { type: 'string', description: 'Id of the event, or of the first of several.' },
    events: { type: ['array', 'null'], items: text, description: 'Ids of all events of an attempt that carried several; else null.' },
    type: text,
    attempt: { type: 'integer', description: '1 for the first.' },
    lane: { enum: ['first', 'retry', 'replay'] },
    at: time,
    outcome: { enum: ['delivered', 'retry', 'dead', 'held'] },
    status: { type: ['integer', 'null'], description: 'HTTP status; null when there was no answer.' },
    failure: { ...textOrNull, description: 'Class of the failure where there was no answer.' },
    sentence: textOrNull,
    duration: { type: 'integer', description: 'Milliseconds.' },
    nextAt: timeOrNull,
    url: text,
    timings: { type: 'object', description: 'Milliseconds of each phase.' },
    request: { type: 'array', description: 'Headers that were sent; what is secret is left out.' },
    response: {
      type: ['object', 'null'],
      properties: { headers: { type: 'array' }, truncated: { type: 'boolean' }, body: text, encoding: { enum: ['text', 'base64'] } },
      description: 'The answer, its body as far as it is kept; null when there was none.',
    },
  },
  required: [
    'id',
    'position',
    'event',
    'type',
    'attempt',
    'at',
    'outcome',
    'status',
    'failure',
    'sentence',
    'duration',
    'nextAt',
    'response',
  ],
  additionalProperties: true,
};

const deliveryMembers = {
  position: { type: 'string', description: 'Its place on the log.' },
  event: { type: 'string', description: 'Id of the event.' },
  type: text,
  address: text,
  key: { ...textOrNull, description: 'What its order goes by.' },
  state: { enum: ['waiting', 'dead'] },
  reason: { type: 'string', description: 'Why the last attempt did not deliver it, or why it is dead.' },
  attempts: { type: 'integer' },
  dueAt: { ...timeOrNull, description: 'When it is attempted next; null when it is dead.' },
  acceptedAt: time,
  changedAt: time,
};

export const deliveryView = exactly(deliveryMembers);

export const wholeDeliveryView = exactly({
  ...deliveryMembers,
  cloudEvent: {
    type: 'object',
    description: 'The event in the JSON format of CloudEvents, as the content mode structured sends it, whatever that of the endpoint is.',
  },
});

export const discardView = exactly({
  discarded: { type: 'integer', description: 'Dead deliveries that are gone.' },
  left: {
    type: 'integer',
    description: 'Dead ones that are there still: repeat the call with the same `before`, as long as it discards any.',
  },
  before: { ...time, description: 'Only what had died before then was meant.' },
});

export const redriveView = exactly({
  retried: { type: 'integer', description: 'Dead deliveries that are due now.' },
  left: { type: 'integer', description: 'Dead ones that are left: repeat the call with the same `before`.' },
  before: { ...time, description: 'Only what had died before then was meant.' },
});

export const replayView = exactly({
  id: text,
  endpoint: text,
  kind: { enum: ['range', 'dead'], description: 'A stretch of the log, or what was given up.' },
  state: {
    enum: ['waiting', 'running', 'done', 'cancelled', 'failed'],
    description: 'waiting: for those before it, or for an endpoint that cannot be delivered to. A paused endpoint holds up what runs.',
  },
  reason: { ...why, description: 'Why it failed or waits, or what it left out; null when there is nothing to say.' },
  from: { ...textOrNull, description: 'The place after which the range begins; null for what was given up.' },
  until: { ...textOrNull, description: 'Its last place.' },
  types: texts,
  before: { ...timeOrNull, description: 'Only what had been given up before then is meant.' },
  total: { type: 'integer', description: 'About how many events: those of the range before the endpoint chooses, or what was given up.' },
  cursor: { ...textOrNull, description: 'Everything up to here was dealt with, or waits for another attempt.' },
  passed: { type: 'integer', description: 'Events up to the cursor, or how many of what was given up are due again.' },
  sent: { type: 'integer', description: 'Attempts made.' },
  succeeded: { type: 'integer', description: 'Events that were delivered.' },
  failed: { type: 'integer', description: 'Events given up; of what was given up before, what cannot be read.' },
  createdAt: time,
  changedAt: time,
});

export const anyObject: JsonSchema = { type: 'object', additionalProperties: true };

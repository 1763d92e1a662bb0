import { noticeKinds, noticeType, type NoticeKind } from './notice.ts';

/** Name of the document, by which the built-in API is told from one that somebody wrote. */
export const noticeContractName = 'sluice-notices.asyncapi.json';

const text = { type: 'string' };
const time = { type: 'string', format: 'date-time' };

/** The endpoint a notice is about. */
const endpoint = object({ id: text, name: text, subscription: text, api: text, address: text });

const state = { enum: ['started', 'failing', 'stopped'] };
const change = { from: state, to: state };
const health = { failures: { type: 'integer', minimum: 0 }, failingSince: time };

interface MessageText {
  readonly title: string;
  readonly summary: string;
  readonly needed: Readonly<Record<string, object>>;
  readonly optional?: Readonly<Record<string, object>>;
}

const messages: Readonly<Record<NoticeKind, MessageText>> = {
  failing: {
    title: 'An endpoint is failing',
    summary: 'For half of the time after which it is stopped no delivery has succeeded.',
    needed: change,
    optional: health,
  },
  stopped: {
    title: 'An endpoint was stopped',
    summary: 'Nothing is sent until somebody starts it again; what comes for it is held.',
    needed: { ...change, reason: text },
    optional: health,
  },
  gone: {
    title: 'A receiver is gone',
    summary: 'It answered 410 Gone, so the endpoint was stopped.',
    needed: { ...change, reason: text },
    optional: health,
  },
  recovered: { title: 'An endpoint works again', summary: 'A delivery succeeded after it was failing.', needed: change, optional: health },
  started: {
    title: 'An endpoint was started again',
    summary: 'Somebody started it after it was stopped.',
    needed: change,
    optional: health,
  },
  held: {
    title: 'An endpoint is held back',
    summary: 'For long so much fails that one delivery is tried from time to time.',
    needed: {},
    optional: health,
  },
  refused: {
    title: 'Nothing can be pushed to an endpoint',
    summary: 'For a reason of its configuration, its subscription or its reader.',
    needed: { code: text },
  },
  unverified: {
    title: 'A receiver has not confirmed',
    summary: 'It was asked whether it wants deliveries and did not say so; they are held until it does.',
    needed: {},
  },
  'dead-letters': {
    title: 'Deliveries were given up',
    summary: 'How many in a stretch of time; they are kept until somebody sends them again.',
    needed: { count: { type: 'integer', minimum: 1 }, from: time, to: time, newest: object({ event: text, type: text, position: text }) },
  },
};

/** The contract of the built-in API, an AsyncAPI 3.0 document as JSON. */
export function noticeContract(): string {
  const channel = { $ref: '#/channels/endpoints' };
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'Notices of Sluice',
      version: '1.0.0',
      description: 'What becomes of endpoints, for the applications that own them and for operators.',
    },
    defaultContentType: 'application/json',
    channels: {
      endpoints: {
        address: 'endpoints/{application}',
        title: 'Endpoints of one application',
        parameters: { application: { description: 'Name of the application that owns the endpoints.' } },
        messages: Object.fromEntries(noticeKinds.map((kind) => [kind, { $ref: `#/components/messages/${kind}` }])),
      },
    },
    operations: { tell: { action: 'send', channel } },
    components: { messages: Object.fromEntries(noticeKinds.map((kind) => [kind, messageOf(kind)])) },
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function messageOf(kind: NoticeKind): object {
  const { title, summary, needed, optional = {} } = messages[kind];
  const always = { application: text, endpoint, sentence: text, ...needed };
  return { name: noticeType(kind), title, summary, payload: { ...object({ ...always, ...optional }), required: Object.keys(always) } };
}

/** An object with all these members; more may come with a later version. */
function object(properties: Readonly<Record<string, object>>): object {
  return { type: 'object', properties, required: Object.keys(properties) };
}

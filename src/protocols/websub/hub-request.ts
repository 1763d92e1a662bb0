import { isUtf8Charset, parseMediaType } from '../cloudevents/content-type.ts';
import { readForm, type FormField } from './form.ts';
import { decodeUnreserved, faultOfUrl } from './url-text.ts';

/** What a subscriber or a publisher asks a hub for. */
export type HubRequest = SubscribeRequest | UnsubscribeRequest | PublishRequest;

/** Topic and callback together name a subscription; both are compared as strings, their unreserved characters decoded. */
interface Subject {
  readonly callback: string;
  readonly topic: string;
  /** The topic as the subscriber wrote it: it is told this one again, and may compare it as a string. */
  readonly topicAsGiven: string;
}

/** Asks for a subscription, or for an active one again with other terms. */
export interface SubscribeRequest extends Subject {
  readonly kind: 'subscribe';
  /** A positive whole number as asked for, not yet bounded by a policy. */
  readonly leaseSeconds: number | undefined;
  /** 1 to 199 bytes of UTF-8. */
  readonly secret: string | undefined;
}

/** Asks for the end of a subscription; whatever it says of lease and secret is ignored. */
export interface UnsubscribeRequest extends Subject {
  readonly kind: 'unsubscribe';
}

/** Says that topics have new content. */
export interface PublishRequest {
  readonly kind: 'publish';
  /** Each once, in the order of the request. */
  readonly topics: readonly string[];
}

/** A request that a hub cannot handle: the sentence is the answer's body as text/plain. */
export interface Refusal {
  readonly kind: 'refused';
  readonly status: 400 | 413 | 415;
  readonly sentence: string;
}

type Form = ReadonlyMap<string, readonly (string | undefined)[]>;

/** Longest request body that a hub reads, in bytes: room for a hundred long topics in one ping. */
export const maxRequestBytes = 65_536;
const maxFields = 256;
const maxTopics = 100;
/** WebSub, section 5.1: less than 200 bytes. */
const secretLimitBytes = 200;

/** Reads a POST to a hub (WebSub, sections 5.1 and 6). What it does not know it ignores; what it knows may be there once only. */
export function parseHubRequest(contentType: string | undefined, body: Uint8Array): HubRequest | Refusal {
  const media = contentType === undefined ? undefined : parseMediaType(contentType);
  if (media?.essence !== 'application/x-www-form-urlencoded') {
    return refused('The Content-Type must be application/x-www-form-urlencoded.', 415);
  }
  if (!isUtf8Charset(media)) return refused('The request must be in UTF-8.', 415);
  if (body.length > maxRequestBytes) return refused(`The request has more than ${maxRequestBytes} bytes.`, 413);
  const fields = readForm(body, maxFields);
  if (fields === undefined) return refused(`The request has more than ${maxFields} fields.`, 413);
  const form = byName(fields);
  const mode = required(form, 'hub.mode');
  if (typeof mode !== 'string') return mode;
  if (mode === 'subscribe') return parseSubscribe(form);
  if (mode === 'unsubscribe') return parseUnsubscribe(form);
  if (mode === 'publish') return parsePublish(fields);
  return refused('hub.mode must be subscribe, unsubscribe or publish.');
}

function parseSubscribe(form: Form): SubscribeRequest | Refusal {
  const subject = parseSubject(form);
  if ('kind' in subject) return subject;
  const lease = optional(form, 'hub.lease_seconds');
  if (typeof lease === 'object') return lease;
  const leaseSeconds = lease === undefined ? undefined : parseLease(lease);
  if (typeof leaseSeconds === 'object') return leaseSeconds;
  const secret = optional(form, 'hub.secret');
  if (typeof secret === 'object') return secret;
  if (secret !== undefined && Buffer.byteLength(secret) >= secretLimitBytes) {
    return refused(`hub.secret must have less than ${secretLimitBytes} bytes.`);
  }
  return { kind: 'subscribe', ...subject, leaseSeconds, secret };
}

function parseUnsubscribe(form: Form): UnsubscribeRequest | Refusal {
  const subject = parseSubject(form);
  return 'kind' in subject ? subject : { kind: 'unsubscribe', ...subject };
}

/** Hubs of old know `hub.url`, newer publishers send `hub.topic`; either may be there many times. */
function parsePublish(fields: readonly FormField[]): PublishRequest | Refusal {
  const topics = new Set<string>();
  for (const { name, value } of fields) {
    if (name !== 'hub.url' && name !== 'hub.topic') continue;
    const fault = value === undefined ? 'is not UTF-8' : faultOfUrl(value);
    if (value === undefined || fault !== undefined) return refused(`${name} ${fault}.`);
    topics.add(decodeUnreserved(value));
    if (topics.size > maxTopics) return refused(`The request names more than ${maxTopics} topics.`, 413);
  }
  if (topics.size === 0) return refused('hub.url or hub.topic is missing.');
  return { kind: 'publish', topics: [...topics] };
}

function parseSubject(form: Form): Subject | Refusal {
  const callback = required(form, 'hub.callback');
  if (typeof callback !== 'string') return callback;
  const topic = required(form, 'hub.topic');
  if (typeof topic !== 'string') return topic;
  const callbackFault = callback.includes('#') ? 'must not have a fragment' : faultOfUrl(callback);
  if (callbackFault !== undefined) return refused(`hub.callback ${callbackFault}.`);
  const topicFault = faultOfUrl(topic);
  if (topicFault !== undefined) return refused(`hub.topic ${topicFault}.`);
  return { callback: decodeUnreserved(callback), topic: decodeUnreserved(topic), topicAsGiven: topic };
}

function parseLease(text: string): number | Refusal {
  const seconds = /^[0-9]+$/.test(text) ? Number(text) : 0;
  return seconds > 0 ? Math.min(seconds, Number.MAX_SAFE_INTEGER) : refused('hub.lease_seconds must be a positive whole number.');
}

function required(form: Form, name: string): string | Refusal {
  return optional(form, name) ?? refused(`${name} is missing.`);
}

/** An empty value is as if the field was not there: some subscribers send every field they know. */
function optional(form: Form, name: string): string | undefined | Refusal {
  const values = form.get(name);
  if (values === undefined) return undefined;
  if (values.length > 1) return refused(`${name} is there more than once.`);
  const [value] = values;
  if (value === undefined) return refused(`${name} is not UTF-8.`);
  return value === '' ? undefined : value;
}

function byName(fields: readonly FormField[]): Form {
  const form = new Map<string, (string | undefined)[]>();
  for (const { name, value } of fields) {
    const values = form.get(name);
    if (values === undefined) form.set(name, [value]);
    else values.push(value);
  }
  return form;
}

function refused(sentence: string, status: Refusal['status'] = 400): Refusal {
  return { kind: 'refused', status, sentence };
}

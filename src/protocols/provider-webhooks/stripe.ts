import { createHmac } from 'node:crypto';
import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { oneHeader } from '../standard-webhooks/one-header.ts';
import { fromHex, sameBytes } from '../standard-webhooks/signature-bytes.ts';
import {
  isRefused,
  matchSecret,
  readTimestamp,
  refused,
  type Believing,
  type Refused,
  type Verdict,
} from '../standard-webhooks/verdict.ts';
import { ProviderWebhookError } from './provider-webhook-error.ts';
import type { ProviderWebhook, WebhookRequest } from './provider-webhook.ts';
import { digestId, eventType, firstOf, providerEvent, uriPart } from './provider-event.ts';
import { fieldReader, unlessMalformed } from './read-fields.ts';

/** Most `v1` signatures that are looked at, here and in what is signed; Stripe sends two while a secret is rolled. */
const maxSignatures = 10;
/** Longest header that is read, in characters: a time and ten signatures with as many of versions unknown here. */
const maxHeaderLength = 2048;

/**
 * Stripe: `Stripe-Signature: t=<Unix seconds>,v1=<hex>`, an HMAC-SHA256 over `t.body` by the whole text of the secret, `whsec_` included.
 * There may be several `v1`; other versions are passed over. The id is the event's own and signed; `t` is new for every attempt.
 */
export const stripe: ProviderWebhook = {
  name: 'stripe',
  isIdSigned: true,
  secretFault: (secret) => (secret === '' ? 'The secret is empty.' : undefined),
  verify,
  toEvents,
  sign({ timestamp, body }, secrets) {
    const known = secrets.slice(0, maxSignatures);
    if (known.length === 0 || known.includes('')) throw new ProviderWebhookError('There is no secret to sign with, or an empty one.');
    const signatures = known.map((secret) => `v1=${digest(secret, String(timestamp), body).toString('hex')}`);
    return { 'Stripe-Signature': [`t=${timestamp}`, ...signatures].join(',') };
  },
};

function verify({ headers, body }: WebhookRequest, secrets: readonly string[], believing: Believing): Verdict {
  const header = oneHeader(headers, 'stripe-signature', maxHeaderLength);
  if (isRefused(header)) return header;
  const parts = readHeader(header);
  if (isRefused(parts)) return parts;
  const timestamp = readTimestamp(parts.time, believing);
  if (isRefused(timestamp)) return timestamp;
  const secret = matchSecret(secrets, (candidate) => {
    const expected = digest(candidate, parts.time, body);
    return parts.signatures.some((given) => sameBytes(given, expected));
  });
  if (isRefused(secret)) return secret;
  return { ok: true, id: unlessMalformed(() => read(body))?.id ?? digestId(body), timestamp, secret };
}

function readHeader(header: string): { readonly time: string; readonly signatures: readonly Buffer[] } | Refused {
  const times: string[] = [];
  const signatures: Buffer[] = [];
  for (const item of header.split(',')) {
    const [name, value = ''] = item.trim().split('=', 2);
    if (name === 't') times.push(value);
    if (name !== 'v1') continue;
    const bytes = fromHex(value);
    if (bytes !== undefined) signatures.push(bytes);
  }
  const [time] = times;
  if (time === undefined) return refused('HEADER_MALFORMED', 'Stripe-Signature holds no time (t=).');
  if (times.length > 1) return refused('HEADER_MALFORMED', 'Stripe-Signature holds more than one time (t=).');
  if (signatures.length === 0) return refused('NO_KNOWN_SIGNATURE', 'Stripe-Signature holds no signature of version v1.');
  if (signatures.length > maxSignatures)
    return refused('HEADER_MALFORMED', `Stripe-Signature holds more than ${maxSignatures} signatures.`);
  return { time, signatures };
}

function digest(secret: string, time: string, body: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${time}.`).update(body).digest();
}

const read = fieldReader(['id', 'type', 'created', 'account', 'context', 'data.object.id', 'related_object.id']);

/**
 * One event. id: the event's. source: `https://api.stripe.com`, for a connected account with its path. type: `com.stripe.<type>`.
 * subject: the id of the object it is about. time: `created`. data: the body.
 */
function toEvents({ body }: WebhookRequest): readonly CloudEvent[] {
  const found = read(body);
  const account = firstOf(found.account, found.context);
  return [
    providerEvent({
      id: found.id ?? digestId(body),
      source: account === undefined ? 'https://api.stripe.com' : `https://api.stripe.com/v1/accounts/${uriPart(account)}`,
      type: `com.stripe.${eventType(found.type)}`,
      subject: firstOf(found['data.object.id'], found['related_object.id']),
      time: found.created,
      datacontenttype: 'application/json',
      data: body,
    }),
  ];
}

import { createHash } from 'node:crypto';
import { decodeBinary, hasEventHeaders } from '../cloudevents/binary.ts';
import { CloudEventError } from '../cloudevents/cloud-event-error.ts';
import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { bodyForm } from '../cloudevents/content-type.ts';
import { decodeBatch, decodeStructured } from '../cloudevents/structured.ts';
import { oneHeader } from '../standard-webhooks/one-header.ts';
import { sameBytes } from '../standard-webhooks/signature-bytes.ts';
import { isRefused, matchSecret, refused, type Refused, type Verdict } from '../standard-webhooks/verdict.ts';
import { ProviderWebhookError } from './provider-webhook-error.ts';
import type { ProviderWebhook, WebhookRequest } from './provider-webhook.ts';
import { contentType } from './provider-event.ts';

/** Longest token that is read, in characters. */
const maxTokenLength = 4096;
/** Most events of one batch, as when they are published. */
const maxEvents = 10_000;

/**
 * CloudEvents webhooks sign nothing: the sender shows a token, `Authorization: Bearer` or `?access_token=`, and the secrets are the tokens
 * accepted (CE-7). The handshake that goes before is in `handshake.ts`.
 */
export const cloudevents: ProviderWebhook = {
  name: 'cloudevents',
  isIdSigned: false,
  secretFault,
  verify,
  toEvents,
  sign(_outgoing, [secret = '']) {
    const fault = secretFault(secret);
    if (fault !== undefined) throw new ProviderWebhookError(fault);
    return { Authorization: `Bearer ${secret}` };
  },
};

function secretFault(secret: string): string | undefined {
  return /^[\x21-\x7e]+$/.test(secret) ? undefined : 'A token is made of printable ASCII characters without spaces.';
}

function verify(request: WebhookRequest, secrets: readonly string[]): Verdict {
  const token = tokenOf(request);
  if (isRefused(token)) return token;
  // Hashed first, since how long a token is may be secret.
  const given = digest(token);
  const secret = matchSecret(secrets, (candidate) => sameBytes(given, digest(candidate)));
  return isRefused(secret) ? secret : { ok: true, secret };
}

function tokenOf({ url, headers }: WebhookRequest): string | Refused {
  const inQuery = new URLSearchParams(/\?([^#]*)/.exec(url)?.[1] ?? '').getAll('access_token');
  if (headers['authorization'] === undefined && inQuery.length === 1) return inQuery[0] ?? '';
  const header = oneHeader(headers, 'authorization', maxTokenLength);
  if (isRefused(header)) return header;
  // RFC 6750, section 2: one method only.
  if (inQuery.length > 0) return refused('HEADER_REPEATED', 'The token is sent both in the URL and in a header.');
  const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(header)?.[1];
  return token ?? refused('HEADER_MALFORMED', 'The header authorization does not hold a Bearer token.');
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** The events as they are, in any content mode: structured, batch or binary. */
function toEvents({ headers, body }: WebhookRequest): readonly CloudEvent[] {
  const form = bodyForm(contentType(headers));
  if (form === 'structured') return [decodeStructured(body)];
  if (form === 'batch') return decodeBatch(body, maxEvents);
  if (form === 'plain' && hasEventHeaders(headers)) return [decodeBinary(headers, body)];
  throw new CloudEventError('', 'the request is not a CloudEvent: it needs ce- headers, or the content type application/cloudevents+json');
}

import { createHmac, hash } from 'node:crypto';
import type { CloudEvent } from '../cloudevents/cloud-event.ts';
import { oneHeader, optionalHeader, type WebhookHeaders } from '../standard-webhooks/one-header.ts';
import { fromBase64, fromHex, sameBytes } from '../standard-webhooks/signature-bytes.ts';
import { isRefused, matchSecret, refused, type Refused, type Verdict } from '../standard-webhooks/verdict.ts';
import { toWebhookId } from '../standard-webhooks/webhook-id.ts';
import { ProviderWebhookError } from './provider-webhook-error.ts';
import type { EventDefaults, ProviderWebhook, WebhookRequest } from './provider-webhook.ts';
import { contentType, digestId, eventType, firstOf, isForm, providerEvent, uriPart } from './provider-event.ts';

/** Most parameters of a form; Twilio sends a few dozen. */
const maxParameters = 1000;

/**
 * Twilio: `X-Twilio-Signature`, base64 of an HMAC-SHA1 by the account's auth token over the whole URL and then, of a form, each parameter's
 * name and values in their order, repeated values once. Of any other body the URL brings the SHA-256 as `bodySHA256`; a body that neither
 * covers is refused. Twilio is not consistent about a port in the URL, so it is tried with and without, as its own libraries do.
 * Neither a time nor the id, `I-Twilio-Idempotency-Token`, is signed, nor where within a form one name or value ends.
 */
export const twilio: ProviderWebhook = {
  name: 'twilio',
  isIdSigned: false,
  secretFault: (secret) => (secret === '' ? 'The auth token is empty.' : undefined),
  verify,
  toEvents,
  sign(outgoing, secrets) {
    const [secret = ''] = secrets;
    if (secret === '') throw new ProviderWebhookError('There is no auth token to sign with.');
    const parameters = signedParameters(outgoing.url, outgoing.contentType, outgoing.body);
    if (isRefused(parameters)) throw new ProviderWebhookError(parameters.sentence);
    return {
      'X-Twilio-Signature': digest(secret, outgoing.url, parameters).toString('base64'),
      'I-Twilio-Idempotency-Token': toWebhookId(outgoing.id),
    };
  },
};

function verify({ url, headers, body }: WebhookRequest, secrets: readonly string[]): Verdict {
  const header = oneHeader(headers, 'x-twilio-signature');
  if (isRefused(header)) return header;
  const given = fromBase64(header);
  if (given === undefined) return refused('HEADER_MALFORMED', 'X-Twilio-Signature is not base64.');
  const parameters = signedParameters(url, contentType(headers), body);
  if (isRefused(parameters)) return parameters;
  const urls = urlForms(url);
  const secret = matchSecret(secrets, (candidate) => urls.some((form) => sameBytes(given, digest(candidate, form, parameters))));
  return isRefused(secret) ? secret : { ok: true, id: idOf(headers) ?? digestId(url, body), secret };
}

/** What follows the URL in the signed text. */
function signedParameters(url: string, type: string | undefined, body: Buffer): string | Refused {
  const claimed = bodyHash(url);
  if (claimed !== undefined) {
    const bytes = fromHex(claimed);
    if (bytes !== undefined && sameBytes(bytes, Buffer.from(hash('sha256', body, 'hex'), 'hex'))) return '';
    return refused('SIGNATURE_MISMATCH', 'The body does not have the SHA-256 that the URL names as bodySHA256.');
  }
  if (body.length === 0) return '';
  if (!isForm(type)) {
    return refused(
      'BODY_UNSIGNED',
      'The body is no form, and the URL does not name its SHA-256 as bodySHA256, so that no signature covers it.',
    );
  }
  // Before it is read: whoever sends it is not believed yet, and reading millions of them takes long.
  if (hasManyParameters(body)) return refused('BODY_MALFORMED', `The form has more than ${maxParameters} parameters.`);
  const values = new Map<string, Set<string>>();
  const form = new URLSearchParams(body.toString());
  for (const [name, value] of form) values.set(name, (values.get(name) ?? new Set()).add(value));
  return [...values.keys()]
    .toSorted()
    .map((name) =>
      [...(values.get(name) ?? [])]
        .toSorted()
        .map((value) => name + value)
        .join(''),
    )
    .join('');
}

function hasManyParameters(body: Buffer): boolean {
  let at = -1;
  for (let found = 0; found < maxParameters; found += 1) {
    at = body.indexOf('&', at + 1);
    if (at === -1) return false;
  }
  return true;
}

function bodyHash(url: string): string | undefined {
  const query = /\?([^#]*)/.exec(url)?.[1];
  return query === undefined ? undefined : (new URLSearchParams(query).get('bodySHA256') ?? undefined);
}

function digest(token: string, url: string, parameters: string): Buffer {
  return createHmac('sha1', token).update(url).update(parameters).digest();
}

const parts = /^(https?):\/\/([^/?#@]*@)?(\[[^\]/?#]*\]|[^/?#:]*)(:\d{1,5})?(.*)$/s;

/** The URL as it is, without its port, and with the usual port of its scheme. */
function urlForms(url: string): readonly string[] {
  const match = parts.exec(url);
  if (match === null) return [url];
  const [, scheme = '', user = '', host = '', port, rest = ''] = match;
  const withPort = (chosen: string): string => `${scheme}://${user}${host}${chosen}${rest}`;
  return [...new Set([url, withPort(''), withPort(port ?? (scheme === 'https' ? ':443' : ':80'))])];
}

function idOf(headers: WebhookHeaders): string | undefined {
  return optionalHeader(headers, 'i-twilio-idempotency-token');
}

/**
 * One event. id: `I-Twilio-Idempotency-Token`, else a hash of URL and body. source: the account. type: `com.twilio.message.<status>` or
 * `com.twilio.call.<status>`, `com.twilio.webhook` for what is neither. subject: the id of the message or call.
 * data: the body as it came, mostly a form; of a GET request its query.
 */
function toEvents({ method, url, headers, body }: WebhookRequest, defaults: EventDefaults): readonly CloudEvent[] {
  const type = contentType(headers);
  const query = /\?([^#]*)/.exec(url)?.[1] ?? '';
  const isGet = method === 'GET';
  const data = isGet ? Buffer.from(query) : body;
  const form = new URLSearchParams(isGet || isForm(type) ? data.toString() : '');
  const field = (name: string): string | undefined => form.get(name) ?? undefined;
  const account = field('AccountSid');
  return [
    providerEvent({
      id: idOf(headers) ?? digestId(url, body),
      source: account === undefined ? defaults.source : `https://api.twilio.com/2010-04-01/Accounts/${uriPart(account)}`,
      type: `com.twilio.${typeOf(field)}`,
      subject: firstOf(field('MessageSid'), field('SmsSid'), field('CallSid')),
      datacontenttype: isGet ? 'application/x-www-form-urlencoded' : type,
      data,
    }),
  ];
}

function typeOf(field: (name: string) => string | undefined): string {
  const message = firstOf(field('MessageStatus'), field('SmsStatus'));
  if (message !== undefined) return eventType('message', message);
  const call = field('CallStatus');
  return call === undefined ? 'webhook' : eventType('call', call);
}

import { createSecretKey } from 'node:crypto';
import type { ProviderWebhook, WebhookRequest } from '../../protocols/provider-webhooks/provider-webhook.ts';
import { presets } from '../../protocols/provider-webhooks/presets.ts';
import type { SharedSecret } from '../../protocols/standard-webhooks/secret.ts';
import type { Believed, Believing, RefusalCode } from '../../protocols/standard-webhooks/verdict.ts';
import { verifyStandardWebhook } from '../../protocols/standard-webhooks/verify.ts';
import { bodyChanges } from './body-changes.ts';

/** What is wrong, as far as it can be known. */
export type Culprit = 'time' | 'body' | 'secret' | 'headers' | 'url' | 'style' | 'unknown';

export type Diagnosis =
  | { readonly ok: true; readonly verdict: Believed }
  | { readonly ok: false; readonly code: RefusalCode; readonly culprit: Culprit; readonly sentence: string };

/** Each style by the header that only it has. */
const tellingHeaders: readonly (readonly [header: string, style: string])[] = [
  ['webhook-signature', 'standard'],
  ['svix-signature', 'standard'],
  ['stripe-signature', 'stripe'],
  ['x-hub-signature-256', 'github'],
  ['x-github-event', 'github-sha1'],
  ['x-slack-signature', 'slack'],
  ['x-shopify-hmac-sha256', 'shopify'],
  ['x-twilio-signature', 'twilio'],
  ['x-twilio-email-event-webhook-signature', 'sendgrid'],
  ['x-hub-signature', 'websub'],
];

/** The style that a request's headers are of; undefined when none is known. */
export function styleOf(headers: WebhookRequest['headers']): string | undefined {
  return tellingHeaders.find(([header]) => headers[header] !== undefined)?.[1];
}

const anyTime = { toleranceSeconds: Number.POSITIVE_INFINITY } as const;

/** Says whether a request's signature holds, and if not, which change would make it hold: that is what went wrong. */
export function diagnose(style: ProviderWebhook, given: WebhookRequest, secrets: readonly string[], believing: Believing): Diagnosis {
  const { request, renamed } = withKnownNames(given);
  const verdict = style.verify(request, secrets, believing);
  if (verdict.ok) return { ok: true, verdict };
  const { code, sentence } = verdict;
  const late = { ...believing, ...anyTime };
  const holds = (changed: Partial<WebhookRequest>, by = secrets): boolean => style.verify({ ...request, ...changed }, by, late).ok;
  const answer = (culprit: Culprit, text: string): Diagnosis => ({ ok: false, code, culprit, sentence: `${text}${renamed}` });
  if (code === 'HEADER_MISSING') return answer(...otherStyle(style, request, sentence));
  const isTime = code === 'TIMESTAMP_TOO_OLD' || code === 'TIMESTAMP_TOO_NEW';
  if (isTime && holds({})) return answer('time', `The signature holds, but its time does not: ${lowered(sentence)}`);
  if (!isTime && code !== 'SIGNATURE_MISMATCH') return answer('headers', sentence);
  const besides = isTime ? ` Besides: ${lowered(sentence)}` : '';
  const kind = style.name === 'standard' ? wrongKind(request, secrets) : undefined;
  if (kind !== undefined) return answer('secret', kind + besides);
  for (const { body, sentence: change } of bodyChanges(request.body))
    if (holds({ body })) return answer('body', `The secret is right, but the body was changed: it fits ${change}.${besides}`);
  const secret = otherSecret(style, request, secrets, late);
  if (secret !== undefined) return answer('secret', secret + besides);
  for (const url of otherUrls(request.url))
    if (style.name === 'twilio' && holds({ url })) return answer('url', `The body is right, but the URL is not: it fits ${url}.${besides}`);
  const parts = style.name === 'standard' ? 'id, time or body' : 'body';
  const sorry = `No usual change of the body or the secret makes it fit. Either the secret is another one, or the ${parts} changed otherwise.`;
  return answer('unknown', `The signature does not fit. ${sorry}${besides}`);
}

/** Svix sends the same under names of its own. */
function withKnownNames(request: WebhookRequest): { readonly request: WebhookRequest; readonly renamed: string } {
  const { headers } = request;
  if (headers['webhook-signature'] !== undefined || headers['svix-signature'] === undefined) return { request, renamed: '' };
  const entries = Object.entries(headers).map(([name, value]) => [name.replace(/^svix-/, 'webhook-'), value] as const);
  const renamed = ' (The headers svix-… were taken for webhook-….)';
  return { request: { ...request, headers: Object.fromEntries(entries) }, renamed };
}

function otherStyle(style: ProviderWebhook, { headers }: WebhookRequest, sentence: string): readonly [Culprit, string] {
  const other = styleOf(headers);
  if (other === undefined || other === style.name || !presets.has(other)) return ['headers', sentence];
  return ['style', `${sentence} The headers are those of the style ${other}: try --style ${other}.`];
}

/** A shared secret where only a public key can verify, or the other way round. */
function wrongKind({ headers }: WebhookRequest, secrets: readonly string[]): string | undefined {
  const versions = String(headers['webhook-signature'] ?? '').match(/(^|[ ,])v1a?(?=,)/g) ?? [];
  const has = (version: string): boolean => versions.some((one) => one.trim().replace(',', '') === version);
  const isPublic = (secret: string): boolean => /^wh[ps]k_/.test(secret.trim());
  if (has('v1a') && !has('v1') && !secrets.some(isPublic))
    return 'The header holds v1a signatures only: they are verified with the public key of the sender, whpk_….';
  if (has('v1') && !has('v1a') && secrets.every(isPublic))
    return 'The header holds v1 signatures only: they are verified with the shared secret, whsec_….';
  return undefined;
}

function otherSecret(
  style: ProviderWebhook,
  request: WebhookRequest,
  secrets: readonly string[],
  believing: Believing,
): string | undefined {
  for (const secret of secrets) {
    for (const [other, change] of secretForms(secret))
      if (other !== secret && style.secretFault(other) === undefined && style.verify(request, [other], believing).ok)
        return `The body is right, but the secret is not: it fits the secret ${change}.`;
    if (style.name !== 'standard') continue;
    for (const [key, change] of rawKeys(secret))
      if (verifyStandardWebhook(request.headers, request.body, [key], believing).ok)
        return `The body is right, but the sender did not use the secret as it is meant: it fits ${change}.`;
  }
  return undefined;
}

function secretForms(secret: string): readonly (readonly [string, string])[] {
  return [
    [secret.trim(), 'without the white space around it'],
    [secret.trim().replace(/^(['"])(.*)\1$/, '$2'), 'without the quotes around it'],
    [secret.replace(/^whsec_/, ''), 'without whsec_'],
    [`whsec_${secret}`, 'with whsec_ before it'],
    [`${secret}\n`, 'with a line break behind it'],
  ];
}

/** Keys made of a secret's text in a wrong way. */
function rawKeys(secret: string): readonly (readonly [SharedSecret, string])[] {
  const shared = (key: Buffer): SharedSecret => ({ kind: 'shared', key: createSecretKey(key) });
  const bare = secret.replace(/^whsec_/, '');
  return [
    [shared(Buffer.from(secret)), 'the text of the secret with whsec_ as key, where the base64 behind it should be decoded'],
    [shared(Buffer.from(bare)), 'the text behind whsec_ as key, where it should be decoded from base64'],
    [shared(Buffer.from(bare, 'hex')), 'the text behind whsec_ read as hexadecimal'],
  ];
}

function otherUrls(url: string): readonly string[] {
  const bare = url.replace(/[?#].*$/, '');
  const forms = [url.replace(/^https:/, 'http:'), url.replace(/^http:/, 'https:'), bare, `${bare}/`, bare.replace(/\/$/, '')];
  return forms.filter((form) => form !== url);
}

function lowered(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

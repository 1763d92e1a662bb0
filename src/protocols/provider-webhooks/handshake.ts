import { oneHeader, type WebhookHeaders } from '../standard-webhooks/one-header.ts';
import { isRefused, refused, type Refused } from '../standard-webhooks/verdict.ts';

/** What a sender asks of a target before it sends (CloudEvents HTTP webhook 1.0.2, section 4.1; CE-8). */
export interface DeliveryRequest {
  /** DNS name of the sending system. */
  readonly origin: string;
  /** Where the target may grant the request later, by GET or POST; hard to guess. */
  readonly callback?: string | undefined;
  /** Requests a minute the sender wishes to make. */
  readonly ratePerMinute?: number | undefined;
}

/** What a target grants (section 4.2; CE-9). */
export interface Consent {
  readonly ok: true;
  /** Requests a minute; Infinity where the target set no limit, undefined where it said nothing and was not asked. */
  readonly ratePerMinute: number | undefined;
}

/** A DNS name expression, with `*` and underscores allowed as they occur. */
const origin = /^[A-Za-z0-9_*](?:[A-Za-z0-9._*-]{0,251}[A-Za-z0-9_*])?$/;
const rate = /^[1-9]\d{0,8}$/;
const maxCallbackLength = 2048;

/** The headers of the OPTIONS request by which a sender asks (CE-8). */
export function askHeaders({ origin: from, callback, ratePerMinute }: DeliveryRequest): Readonly<Record<string, string>> {
  return {
    'WebHook-Request-Origin': from,
    ...(callback === undefined ? {} : { 'WebHook-Request-Callback': callback }),
    ...(ratePerMinute === undefined ? {} : { 'WebHook-Request-Rate': String(ratePerMinute) }),
  };
}

/** Reads what an OPTIONS request asks; the callback is https, and must be called like any address a stranger gave. */
export function readAsk(headers: WebhookHeaders): DeliveryRequest | Refused {
  const from = oneHeader(headers, 'webhook-request-origin');
  if (isRefused(from)) return from;
  if (!origin.test(from)) return refused('HEADER_MALFORMED', 'WebHook-Request-Origin is not a DNS name.');
  const callback = optional(headers, 'webhook-request-callback', maxCallbackLength);
  if (isRefused(callback)) return callback;
  if (callback !== undefined && !isHttps(callback)) return refused('HEADER_MALFORMED', 'WebHook-Request-Callback is not an https URL.');
  const asked = optional(headers, 'webhook-request-rate');
  if (isRefused(asked)) return asked;
  if (asked !== undefined && !rate.test(asked))
    return refused('HEADER_MALFORMED', 'WebHook-Request-Rate is not a number of requests a minute.');
  return { origin: from, callback, ratePerMinute: asked === undefined ? undefined : Number(asked) };
}

/** The headers of the answer that consents (section 4.2); without them, whatever its status, an answer is no consent. */
export function consentHeaders(from: string, ratePerMinute: number | undefined): Readonly<Record<string, string>> {
  return {
    Allow: 'POST',
    'WebHook-Allowed-Origin': from,
    'WebHook-Allowed-Rate': ratePerMinute === undefined || ratePerMinute === Infinity ? '*' : String(ratePerMinute),
  };
}

/** Whether the headers of an answer consent to what was asked; the status proves nothing (CE-9). */
export function readConsent(headers: WebhookHeaders, asked: DeliveryRequest): Consent | Refused {
  const allowed = oneHeader(headers, 'webhook-allowed-origin');
  if (isRefused(allowed)) return allowed;
  if (allowed !== '*' && allowed.toLowerCase() !== asked.origin.toLowerCase()) {
    return refused('ORIGIN_REFUSED', 'WebHook-Allowed-Origin names another origin than the one that asked.');
  }
  const granted = optional(headers, 'webhook-allowed-rate');
  if (isRefused(granted)) return granted;
  if (granted === undefined) {
    if (asked.ratePerMinute === undefined) return { ok: true, ratePerMinute: undefined };
    return refused('HEADER_MISSING', 'WebHook-Allowed-Rate is missing, though a rate was asked for.');
  }
  if (granted === '*') return { ok: true, ratePerMinute: Infinity };
  if (rate.test(granted)) return { ok: true, ratePerMinute: Number(granted) };
  return refused('HEADER_MALFORMED', 'WebHook-Allowed-Rate is neither * nor a number of requests a minute.');
}

function optional(headers: WebhookHeaders, name: string, maxLength?: number): string | undefined | Refused {
  const value = oneHeader(headers, name, maxLength);
  return isRefused(value) && value.code === 'HEADER_MISSING' ? undefined : value;
}

function isHttps(text: string): boolean {
  return URL.parse(text)?.protocol === 'https:';
}

import { writeForm } from './form.ts';
import { endlessSeconds } from './lease.ts';
import { checkSignature, type SignatureMethod } from './signature.ts';
import { decodeUnreserved, faultOfUrl } from './url-text.ts';

/** What a subscriber asks of a hub. */
export interface SubscriptionWish {
  readonly mode: 'subscribe' | 'unsubscribe';
  /** Best one that nobody can guess, for this subscription alone. */
  readonly callback: string;
  /** The topic's `rel=self` URL. */
  readonly topic: string;
  readonly leaseSeconds?: number;
  /** Less than 200 bytes. */
  readonly secret?: string;
}

/** What a hub's answer to a request means; `moved` asks to send it again to another hub, for good when `permanent`. */
export type RequestOutcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'moved'; readonly hub: string; readonly permanent: boolean }
  | { readonly kind: 'refused'; readonly status: number };

/** The answer to a GET of the callback. */
export type CallbackAnswer =
  | {
      readonly kind: 'confirmed';
      readonly status: 200;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      /** How long the subscription lasts from now on; undefined where the hub says nothing of use, or ends it. */
      readonly leaseSeconds: number | undefined;
    }
  | { readonly kind: 'denied'; readonly status: 200; readonly reason: string | undefined }
  | { readonly kind: 'refused'; readonly status: 404 };

/** The answer to content; what is `dropped` must not be processed. */
export type DeliveryAnswer =
  | { readonly kind: 'taken'; readonly status: 202 }
  | { readonly kind: 'dropped'; readonly status: 403; readonly sentence: string };

/** WebSub, section 5.1: less than 200 bytes. */
const secretLimitBytes = 200;
/** Section 8.2 asks to restrict what is echoed: visible ASCII, not too much of it. */
const challengeForm = /^[\x21-\x7e]{1,512}$/;
const maxReasonChars = 500;
/** So that browsers neither render nor run what was echoed (section 8.1). */
const echoHeaders = { 'Content-Type': 'application/octet-stream', 'X-Content-Type-Options': 'nosniff' };
/** Section 5.3.1: the answer of who does not agree. */
const refused: CallbackAnswer = { kind: 'refused', status: 404 };

/** The form of a subscription request (WebSub, section 5.1); a secret of 200 bytes or more is a RangeError. */
export function subscriptionBody({ mode, callback, topic, leaseSeconds, secret }: SubscriptionWish): string {
  const fields: [string, string][] = [
    ['hub.callback', callback],
    ['hub.mode', mode],
    ['hub.topic', topic],
  ];
  if (leaseSeconds !== undefined) fields.push(['hub.lease_seconds', String(leaseSeconds)]);
  if (secret !== undefined) {
    if (Buffer.byteLength(secret) >= secretLimitBytes) throw new RangeError(`A secret must have less than ${secretLimitBytes} bytes.`);
    fields.push(['hub.secret', secret]);
  }
  return writeForm(fields);
}

/** Reads a hub's answer to a request (WebSub, section 5.1.2); who follows `moved` has to count how often. */
export function readRequestOutcome(status: number, location: string | undefined, hub: string): RequestOutcome {
  if (status === 202) return { kind: 'accepted' };
  if ((status === 307 || status === 308) && location !== undefined) {
    const next = URL.parse(location, hub)?.href;
    if (next !== undefined && faultOfUrl(next) === undefined) return { kind: 'moved', hub: next, permanent: status === 308 };
  }
  return { kind: 'refused', status };
}

/**
 * Answers a hub that asks whether a subscription was meant, or says that there is none; `query` is that of the request, and `wanted`
 * what the owner of this callback wants now. Hubs may ask again at any time, so a wish holds as long as its subscription should.
 */
export function answerCallback(query: string, wanted: Pick<SubscriptionWish, 'mode' | 'topic'> | undefined): CallbackAnswer {
  const fields = new URLSearchParams(query);
  // What the hub says stands last: it appends to whatever the callback has of the same names.
  const last = (name: string): string | undefined => fields.getAll(name).at(-1);
  const mode = last('hub.mode');
  const topic = last('hub.topic');
  if (wanted === undefined || topic === undefined || decodeUnreserved(topic) !== decodeUnreserved(wanted.topic)) return refused;
  if (mode === 'denied') return { kind: 'denied', status: 200, reason: readable(last('hub.reason')) };
  const challenge = last('hub.challenge');
  if (mode !== wanted.mode || challenge === undefined || !challengeForm.test(challenge)) return refused;
  const leaseSeconds = mode === 'subscribe' ? parseLease(last('hub.lease_seconds')) : undefined;
  return { kind: 'confirmed', status: 200, headers: echoHeaders, body: challenge, leaseSeconds };
}

/**
 * Answers content that came to the callback. `secrets` are all that a hub may sign with now, none where there was no secret; with one,
 * content without a signature of it is dropped, and the hub told so, since it would take a 2xx for a success.
 */
export function answerDelivery(
  signature: string | undefined,
  body: Uint8Array,
  secrets: readonly string[],
  minimum?: SignatureMethod,
): DeliveryAnswer {
  if (secrets.length === 0) return { kind: 'taken', status: 202 };
  switch (checkSignature(signature, body, secrets, minimum)) {
    case 'valid':
      return { kind: 'taken', status: 202 };
    case 'missing':
      return dropped('X-Hub-Signature is missing.');
    case 'weak':
      return dropped('The method of X-Hub-Signature is too weak.');
    case 'malformed':
      return dropped('X-Hub-Signature is not a signature.');
    case 'wrong':
      return dropped('X-Hub-Signature does not match.');
  }
}

/**
 * When to ask for a subscription again, in milliseconds of the clock of `confirmedAt`: after two thirds to three quarters of the lease,
 * so that there is time to try more than once, and not all at the same moment. `random` is in [0, 1).
 */
export function renewalTime(confirmedAt: number, leaseSeconds: number, random: number): number {
  return confirmedAt + leaseSeconds * 1000 * (2 / 3 + random / 12);
}

function dropped(sentence: string): DeliveryAnswer {
  return { kind: 'dropped', status: 403, sentence };
}

function parseLease(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,15}$/.test(text)) return undefined;
  const seconds = Number(text);
  return seconds > 0 ? Math.min(seconds, endlessSeconds) : undefined;
}

/** A hub's words as people may be shown them: nothing that moves a terminal's cursor. */
function readable(text: string | undefined): string | undefined {
  return text?.replaceAll(/\p{C}+/gu, ' ').slice(0, maxReasonChars);
}

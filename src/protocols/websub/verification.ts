import { writeForm } from './form.ts';

/** What a subscriber is asked to confirm; `topic` as it wrote it in its request. */
export type Verification =
  | {
      readonly mode: 'subscribe';
      readonly callback: string;
      readonly topic: string;
      readonly challenge: string;
      readonly leaseSeconds: number;
    }
  | { readonly mode: 'unsubscribe'; readonly callback: string; readonly topic: string; readonly challenge: string };

/** What a subscriber is told that is not to have a topic. */
export interface Denial {
  readonly callback: string;
  /** As the subscriber wrote it in its request. */
  readonly topic: string;
  /** A sentence for the subscriber. */
  readonly reason: string | undefined;
}

/** What a callback answered to a verification request, its body at least up to one byte more than the challenge has. */
export interface ChallengeAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

const challengeBytes = 32;
/** Longest reason that is sent, in characters: it has to fit into a URL. */
const maxReasonChars = 500;

/** The URL a hub GETs to ask whether a subscriber meant it (WebSub, section 5.3). */
export function verificationUrl(verification: Verification): string {
  const { callback, mode, topic, challenge } = verification;
  const fields: [string, string][] = [
    ['hub.mode', mode],
    ['hub.topic', topic],
    ['hub.challenge', challenge],
  ];
  if (verification.mode === 'subscribe') fields.push(['hub.lease_seconds', String(verification.leaseSeconds)]);
  return appendToQuery(callback, fields);
}

/** The URL a hub GETs to say that there is no subscription, or no longer (WebSub, section 5.2). */
export function denialUrl({ callback, topic, reason }: Denial): string {
  const fields: [string, string][] = [
    ['hub.mode', 'denied'],
    ['hub.topic', topic],
  ];
  if (reason !== undefined) fields.push(['hub.reason', reason.slice(0, maxReasonChars)]);
  return appendToQuery(callback, fields);
}

/** A challenge for one verification request, from 32 bytes that nobody can guess; letters, digits, `-` and `_` only. */
export function createChallenge(randomBytes: (size: number) => Uint8Array): string {
  return Buffer.from(randomBytes(challengeBytes)).toString('base64url');
}

/** Whether a callback confirmed: 2xx and nothing but the challenge (WebSub, section 5.3.1). A redirect is none. */
export function isConfirmed({ status, body }: ChallengeAnswer, challenge: string): boolean {
  return status >= 200 && status <= 299 && Buffer.from(challenge).equals(body);
}

/** Only adds: what the callback's query has of the same names stays, and stays before (WebSub, section 5.1.1). */
function appendToQuery(callback: string, fields: readonly (readonly [string, string])[]): string {
  const query = callback.indexOf('?');
  const join = query === -1 ? '?' : query === callback.length - 1 || callback.endsWith('&') ? '' : '&';
  return `${callback}${join}${writeForm(fields)}`;
}

import type { PushTarget } from '../push-target.ts';
import { unverified, type VerificationCheck } from './verification-check.ts';

/** Asks by GET with `challenge` in the query, which the receiver has to answer with 2xx and nothing but the challenge. */
export function challengeCheck(target: PushTarget, challenge: string): VerificationCheck {
  const expected = Buffer.from(challenge);
  return {
    request: {
      url: withParameter(target.url, 'challenge', challenge),
      method: 'GET',
      headers: target.headers,
      limits: { totalMs: target.timeout, answerMs: target.timeout },
    },
    judge(outcome) {
      if (outcome.kind === 'failed') return unverified(outcome.sentence);
      if (outcome.status < 200 || outcome.status > 299) return unverified(`The receiver answered the challenge with ${outcome.status}.`);
      if (outcome.truncated !== undefined || !outcome.body.equals(expected))
        return unverified('The receiver did not answer with the challenge and nothing else.');
      return { isVerified: true, perMinute: undefined };
    },
  };
}

/** The query stays as it is, also when it has a parameter of this name. */
function withParameter(url: string, name: string, value: string): string {
  const [base = ''] = url.split('#', 1);
  return `${base}${base.includes('?') ? '&' : '?'}${name}=${encodeURIComponent(value)}`;
}

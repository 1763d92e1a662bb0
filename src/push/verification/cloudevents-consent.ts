import type { AnswerHeaders } from '../../outgoing/exchange.ts';
import type { PushTarget } from '../push-target.ts';
import { unverified, type VerificationCheck, type Verdict } from './verification-check.ts';

/** Every delivery to a receiver that has consented carries it (CE-10). */
export const originHeader = 'WebHook-Request-Origin';

/** Asks by OPTIONS, as the abuse protection of CloudEvents webhooks has it (CE-8, CE-9): consent stands in headers alone, whatever the status. */
export function cloudeventsCheck(
  target: PushTarget,
  { origin, callback }: { readonly origin: string; readonly callback: string | undefined },
): VerificationCheck {
  const rate = target.perSecond === undefined ? undefined : Math.max(1, Math.floor(target.perSecond * 60));
  return {
    request: {
      url: target.url,
      method: 'OPTIONS',
      headers: [
        ...target.headers,
        [originHeader, origin],
        ...(callback === undefined ? [] : [['WebHook-Request-Callback', callback] as const]),
        ...(rate === undefined ? [] : [['WebHook-Request-Rate', String(rate)] as const]),
      ],
      limits: { totalMs: target.timeout, answerMs: target.timeout },
    },
    judge: (outcome) =>
      outcome.kind === 'failed' ? unverified(outcome.sentence) : consentIn(outcome.headers, { origin, isRateAsked: rate !== undefined }),
  };
}

function consentIn(headers: AnswerHeaders, asked: { readonly origin: string; readonly isRateAsked: boolean }): Verdict {
  const allowed = one(headers, 'webhook-allowed-origin');
  if (allowed === undefined) return unverified('The receiver does not answer with one WebHook-Allowed-Origin.');
  if (allowed !== '*' && allowed.toLowerCase() !== asked.origin.toLowerCase())
    return unverified(`The receiver allows another origin than ${asked.origin}.`);
  const rate = headers['webhook-allowed-rate'];
  return rate === undefined && asked.isRateAsked
    ? unverified('The receiver was asked for a rate and does not answer with a WebHook-Allowed-Rate.')
    : allowedRate(rate);
}

/** What a WebHook-Allowed-Rate says; without one as much as there is. */
export function allowedRate(value: string | readonly string[] | undefined): Verdict {
  const rate = typeof value === 'string' ? value.trim() : value;
  if (rate === undefined || rate === '*') return { isVerified: true, perMinute: undefined };
  if (typeof rate === 'string' && /^[1-9]\d{0,8}$/.test(rate)) return { isVerified: true, perMinute: Number(rate) };
  return unverified('The WebHook-Allowed-Rate of the receiver is neither * nor a number of requests a minute.');
}

/** Undefined also when there are several. */
function one(headers: AnswerHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value.trim() : undefined;
}

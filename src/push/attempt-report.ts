import type { OutgoingRequest } from '../outgoing/http-sender.ts';
import type { Outcome } from '../outgoing/outcome.ts';
import type { AttemptRecord } from './attempt-record.ts';
import { headerOf } from './authentication/authentication.ts';
import type { Delivery } from './delivery.ts';
import type { Lane } from './lane-turns.ts';
import type { PushTarget } from './push-target.ts';

/** Names of headers whose values are nobody's business later. */
const secretHeader = /auth|cookie|token|secret|key|pass|credential|signature/i;

interface Made {
  readonly target: Pick<PushTarget, 'id' | 'tenant' | 'authentication'>;
  readonly delivery: Delivery;
  readonly lane: Lane;
  readonly at: number;
  readonly request: OutgoingRequest;
  readonly outcome: Outcome;
  readonly result: AttemptRecord['outcome'];
}

/** What is kept of an attempt: everything the owner needs to see why it failed, and nothing secret. */
export function attemptRecord({ target, delivery, lane, at, request, outcome, result }: Made): AttemptRecord {
  const { first, items, attempts, size } = delivery;
  const { position, eventId, eventType } = first;
  const { timings, remoteAddress, reused, resent } = outcome;
  const isAnswered = outcome.kind === 'answered';
  return {
    tenant: target.tenant,
    endpoint: target.id,
    position,
    eventId,
    eventType,
    eventIds: size > 1 ? items.map((item) => item.eventId) : undefined,
    attempt: attempts,
    lane,
    at,
    outcome: result,
    status: isAnswered ? outcome.status : undefined,
    failure: isAnswered ? undefined : outcome.class,
    sentence: isAnswered ? undefined : outcome.sentence,
    duration: timings.totalMs,
    detail: {
      url: withoutUser(request.url),
      timings: Object.fromEntries(Object.entries(timings).map(([phase, time]) => [phase, Math.round(Number(time) * 10) / 10])),
      remoteAddress,
      reused,
      resent,
      request: [...redacted(request.headers ?? []), ...shownAuthentication(target)],
      ...(isAnswered ? { response: redacted(fieldsOf(outcome.headers)), truncated: outcome.truncated } : { phase: outcome.phase }),
    },
    response: isAnswered && outcome.body.length > 0 ? outcome.body : undefined,
    nextAt: result === 'retry' ? delivery.dueAt : undefined,
  };
}

/** That it was sent, and in which header. */
function shownAuthentication({ authentication }: Made['target']): readonly (readonly [string, string])[] {
  const header = authentication && headerOf(authentication);
  return header === undefined ? [] : [[header, '***']];
}

function fieldsOf(headers: Readonly<Record<string, string | readonly string[] | undefined>>): readonly (readonly [string, string])[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : (value ?? [])).map((one) => [name, one] as const),
  );
}

function redacted(fields: readonly (readonly [name: string, value: string])[]): readonly (readonly [string, string])[] {
  return fields.map(([name, value]) => [name, secretHeader.test(name) ? '***' : value]);
}

function withoutUser(url: string): string {
  return url.replace(/(:\/\/)[^/@\s]*@/, '$1***@');
}

import type { StopReason } from './hold-reason.ts';
import { readRetryAfter } from './retry-after.ts';

/**
 * Why there was no answer. `overloaded` (no room here), `proxy` (ours is away) and `aborted` are faults of our own; with `authentication`
 * it is the owner's token server that fails.
 */
export type FailureClass =
  | 'blocked'
  | 'overloaded'
  | 'proxy'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'reset'
  | 'protocol'
  | 'aborted'
  | 'authentication';

/** How far it had come: waiting for a free connection, looking up the name, connecting, TLS, until the status line, reading the body. */
type Phase = 'waiting' | 'dns' | 'connect' | 'tls' | 'answer' | 'body';

/** What came back from one attempt; the names of the headers in lower case. */
export type AttemptResult =
  | { readonly status: number; readonly headers: Readonly<Record<string, string | readonly string[] | undefined>> }
  | { readonly class: FailureClass; readonly phase: Phase };

/** Why a delivery is tried again: what the next attempt tells the receiver in `webhook-retry-reason`. */
export type RetryReason =
  | FailureClass
  | 'redirect'
  | 'client-error'
  | 'request-timeout'
  | 'too-early'
  | 'throttled'
  | 'server-error'
  | 'format-refused';

/** An attempt to repeat. Whose fault it was decides what it costs: theirs an attempt, a throttling only patience, ours nothing. */
export interface RetryDecision {
  readonly kind: 'retry';
  readonly reason: RetryReason;
  /** The receiver will hardly change its mind: fewer attempts. */
  readonly shortened: boolean;
  readonly fault: 'theirs' | 'throttled' | 'ours';
}

/** What becomes of the delivery: with `gone` it is held, since the endpoint stops; `format-refused` is tried once more; `abandon-message` is dead at once. */
export type Decision =
  | { readonly kind: 'delivered' | 'gone' | 'abandon-message' }
  | { readonly kind: 'format-refused'; readonly reason: 'format-refused' }
  | RetryDecision;

/** What a breaker learns: whether it was reached, or nothing. */
type BreakerNews = 'success' | 'failure' | 'none';

/** One decision about the delivery and what its endpoint learns from the attempt. */
export interface AttemptOutcome {
  readonly decision: Decision;
  /** Wall time in milliseconds until which the endpoint is sent nothing. */
  readonly pauseUntil: number | undefined;
  /** The breaker of those that share the connections: names, connecting and TLS. */
  readonly originBreaker: BreakerNews;
  /** The breaker of this endpoint alone: what it answers. */
  readonly endpointBreaker: BreakerNews;
  readonly window: 'grow' | 'halve' | 'keep';
  /** What it says about whether the endpoint works at all. */
  readonly failing: BreakerNews;
  /** The receiver wants no more. */
  readonly stop: StopReason | undefined;
}

/** A receiver that pauses us for longer is asked again after a day. */
const maxPause = 86_400_000;
/** Of a 429 that does not say how long. */
const defaultPause = 30_000;
/** Of a 429 that asks for none: what was too much is not sent again at once. */
const minPause = 1_000;

type Answer = Extract<AttemptResult, { status: number }>;

/** Decides by the status line and three headers, or by the class of the failure; `now` is wall time in milliseconds. */
export function judgeAttempt(result: AttemptResult, now: number): AttemptOutcome {
  if ('class' in result) return judgeFailure(failureOf(result));
  if (!Number.isInteger(result.status) || result.status < 200 || result.status > 599) return judgeFailure('protocol');
  return judgeAnswer(result, now);
}

/** Who hung up or took too long is told apart by how far it had come: the receiver itself begins with TLS done. */
function failureOf({ class: failure, phase }: Extract<AttemptResult, { class: FailureClass }>): FailureClass {
  if (failure !== 'timeout' && failure !== 'reset') return failure;
  if (phase === 'waiting') return 'overloaded';
  return phase === 'dns' || phase === 'connect' || phase === 'tls' ? phase : failure;
}

function judgeFailure(failure: FailureClass): AttemptOutcome {
  const ours = failure === 'aborted' || failure === 'proxy' || failure === 'overloaded';
  const unreached = failure === 'dns' || failure === 'connect' || failure === 'tls';
  const broken = failure === 'timeout' || failure === 'reset' || failure === 'protocol' || failure === 'authentication';
  return {
    decision: { kind: 'retry', reason: failure, shortened: failure === 'blocked', fault: ours ? 'ours' : 'theirs' },
    pauseUntil: undefined,
    originBreaker: unreached ? 'failure' : 'none',
    endpointBreaker: broken ? 'failure' : 'none',
    window: failure === 'timeout' ? 'halve' : 'keep',
    failing: ours ? 'none' : 'failure',
    stop: undefined,
  };
}

function judgeAnswer(answer: Answer, now: number): AttemptOutcome {
  const { status } = answer;
  const isSuccess = status < 300;
  const stop = stopReason(answer);
  const asked = isSuccess ? undefined : askedPause(answer, now);
  const pause = status === 429 ? Math.max(asked ?? defaultPause, minPause) : (asked ?? 0);
  const isBroken = status === 408 || status >= 500;
  return {
    decision: isSuccess ? { kind: 'delivered' } : stop === undefined ? decideRefusal(answer, asked !== undefined) : { kind: 'gone' },
    pauseUntil: pause > 0 ? now + Math.min(pause, maxPause) : undefined,
    originBreaker: 'success',
    endpointBreaker: isBroken ? 'failure' : 'success',
    window: isSuccess ? 'grow' : isBroken || status === 429 ? 'halve' : 'keep',
    failing: isSuccess ? 'success' : 'failure',
    stop,
  };
}

function stopReason(answer: Answer): StopReason | undefined {
  if (answer.status === 410) return 'GONE';
  return hasToken(answer, 'webhook-delivery', 'disable') ? 'STOPPED_BY_RECEIVER' : undefined;
}

function decideRefusal(answer: Answer, asksForPause: boolean): Decision {
  const { status } = answer;
  if (hasToken(answer, 'webhook-delivery', 'abort-message') || hasToken(answer, 'x-slack-no-retry', '1')) {
    return { kind: 'abandon-message' };
  }
  if (status === 413 || status === 415) return { kind: 'format-refused', reason: 'format-refused' };
  if (status === 429 || (status === 503 && asksForPause)) {
    return { kind: 'retry', reason: 'throttled', shortened: false, fault: 'throttled' };
  }
  const again = { kind: 'retry', shortened: false, fault: 'theirs' } as const;
  if (status >= 500) return { ...again, reason: 'server-error' };
  if (status === 408) return { ...again, reason: 'request-timeout' };
  if (status === 425) return { ...again, reason: 'too-early' };
  return { ...again, reason: status < 400 ? 'redirect' : 'client-error', shortened: true };
}

/** Milliseconds; of several values the longest counts. */
function askedPause(answer: Answer, now: number): number | undefined {
  const asked = valuesOf(answer, 'retry-after')
    .map((text) => readRetryAfter(text, now))
    .filter((pause) => pause !== undefined);
  return asked.length > 0 ? Math.max(...asked) : undefined;
}

function hasToken(answer: Answer, name: string, token: string): boolean {
  return valuesOf(answer, name).some((value) => value.split(',').some((part) => part.trim().toLowerCase() === token));
}

function valuesOf(answer: Answer, name: string): readonly string[] {
  const value = Object.hasOwn(answer.headers, name) ? answer.headers[name] : undefined;
  const values = typeof value === 'string' ? [value] : (value ?? []);
  return values.map((text) => text.trim());
}

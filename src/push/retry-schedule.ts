import { GatewayError } from '../core/errors.ts';
import type { Decision, RetryReason } from './attempt-outcome.ts';

/** What follows the first attempt, which is made at once: milliseconds from the end of each attempt to the next. */
export interface RetrySchedule {
  readonly delays: readonly number[];
}

/** What a delivery has used up; kept with it. */
export interface Tries {
  /** Attempts that count against the schedule. */
  readonly counted: number;
  /** Attempts the receiver throttled. */
  readonly throttled: number;
  /** Answers that the format is not understood. */
  readonly formatRefused: number;
}

/** What a delivery starts with. */
export const noTries: Tries = { counted: 0, throttled: 0, formatRefused: 0 };

/** When a delivery is tried again, or why it is a dead letter. */
export type NextAttempt =
  | { readonly kind: 'again'; readonly tries: Tries; readonly delayMilliseconds: number }
  | { readonly kind: 'dead'; readonly tries: Tries; readonly reason: 'exhausted' | 'format-refused' };

/** A number from 0 up to but not including 1, drawn anew at each call. */
export type Random = () => number;

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const presets: ReadonlyMap<string, RetrySchedule> = new Map([
  // SW-15: the table Standard Webhooks gives, 75 h 35 min in all.
  ['standard', { delays: [5 * second, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour] }],
  ['short', { delays: [5 * second, 30 * second, 2 * minute, 10 * minute] }],
  ['none', { delays: [] }],
]);

/** Where nothing else is configured. */
export const standardSchedule = presets.get('standard') as RetrySchedule;

const maxAttempts = 50;
const maxTotal = 30 * day;
const minDelay = 100;
/** Retries of what the receiver will hardly take later: half an hour with the standard table. */
const shortenedRetries = 3;
/** One more might reach an instance of the receiver that is newer. */
const formatRetries = 1;
/** A receiver that goes on throttling one delivery uses up its attempts from here on. */
const maxThrottled = 100;
const firstThrottledDelay = 5 * second;
const maxThrottledDelay = 5 * minute;
/** After a shutdown it goes out at once. */
const ownFaultDelays: ReadonlyMap<RetryReason, number> = new Map([
  ['aborted', 0],
  ['overloaded', 5 * second],
  ['proxy', 30 * second],
]);

/**
 * What comes after an attempt that did not deliver; a pause of the endpoint may make it later. Pauses, open breakers and faults of our
 * own use up no attempt. While the endpoint is `recovering` the delay is anything up to the planned one, so that what piled up does
 * not come back at once.
 */
export function nextAttempt(
  schedule: RetrySchedule,
  decision: Extract<Decision, { reason: string }>,
  tries: Tries,
  { random, recovering }: { readonly random: Random; readonly recovering: boolean },
): NextAttempt {
  const again = (next: Tries, delay: number): NextAttempt => {
    const jitter = recovering ? random() : 0.8 + 0.4 * random();
    return { kind: 'again', tries: next, delayMilliseconds: Math.round(delay * jitter) };
  };
  if (decision.kind === 'retry' && decision.fault === 'ours') {
    return again(tries, ownFaultDelays.get(decision.reason) ?? 0);
  }
  if (decision.kind === 'retry' && decision.fault === 'throttled' && tries.throttled < maxThrottled) {
    const delay = Math.min(firstThrottledDelay * 2 ** tries.throttled, maxThrottledDelay);
    return again({ ...tries, throttled: tries.throttled + 1 }, delay);
  }
  const isFormat = decision.kind === 'format-refused';
  const used: Tries = { ...tries, counted: tries.counted + 1, formatRefused: tries.formatRefused + (isFormat ? 1 : 0) };
  if (used.formatRefused > formatRetries && isFormat) return { kind: 'dead', tries: used, reason: 'format-refused' };
  const delay = schedule.delays[tries.counted];
  const isOver = !isFormat && decision.shortened && used.counted > shortenedRetries;
  if (delay === undefined || isOver) return { kind: 'dead', tries: used, reason: isFormat ? 'format-refused' : 'exhausted' };
  return again(used, delay);
}

/** A schedule as it is configured: the name of a preset, or delays such as `["5s", "5m"]`. Throws INVALID_CONFIGURATION. */
export function readRetrySchedule(value: unknown): RetrySchedule {
  if (typeof value === 'string') {
    const preset = presets.get(value);
    if (preset === undefined) throw invalid(`there is no retry schedule of this name; there are ${[...presets.keys()].join(', ')}`);
    return preset;
  }
  if (!Array.isArray(value)) throw invalid('a retry schedule is a list of delays, such as ["5s", "5m"], or the name of a preset');
  if (value.length >= maxAttempts)
    throw invalid(`a delivery is attempted at most ${maxAttempts} times, so ${maxAttempts - 1} delays are the most`);
  const delays = value.map((delay) => readDelay(delay));
  if (delays.reduce((sum, delay) => sum + delay, 0) > maxTotal) throw invalid('all delays together may be 30 days at most');
  return { delays };
}

const units: Readonly<Record<string, number>> = { ms: 1, s: second, m: minute, h: hour, d: day };

function readDelay(value: unknown): number {
  const [, digits = '', unit = ''] = (typeof value === 'string' && /^(\d{1,10})(ms|s|m|h|d)$/.exec(value)) || [];
  const delay = Number(digits) * (units[unit] ?? 0);
  if (delay >= minDelay && delay <= maxTotal) return delay;
  throw invalid('each delay is a time from 100ms to 30d, such as 5s, 5m, 2h or 1d');
}

function invalid(sentence: string): GatewayError {
  return new GatewayError('INVALID_CONFIGURATION', `The retry schedule is not valid: ${sentence}.`);
}

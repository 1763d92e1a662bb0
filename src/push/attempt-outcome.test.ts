import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeAttempt } from './attempt-outcome.ts';
import type { AttemptOutcome, AttemptResult, Decision, FailureClass } from './attempt-outcome.ts';

const now = Date.UTC(2026, 10, 22, 12, 0, 0);
const day = 86_400_000;

type Headers = Extract<AttemptResult, { status: number }>['headers'];

function answered(status: number, headers: Headers = {}): AttemptOutcome {
  return judgeAttempt({ status, headers }, now);
}

/** The decision in one line: `retry:timeout`, with `shortened` and whose fault it was unless it was theirs. */
function told(decision: Decision): string {
  if (decision.kind !== 'retry') return decision.kind;
  return [`retry:${decision.reason}`, decision.shortened ? 'shortened' : '', decision.fault === 'theirs' ? '' : decision.fault]
    .filter((part) => part !== '')
    .join(' ');
}

/** What the endpoint learns: origin breaker, endpoint breaker, window, failing. */
function learned(outcome: AttemptOutcome): string {
  return `${outcome.originBreaker} ${outcome.endpointBreaker} ${outcome.window} ${outcome.failing}`;
}

describe('an answer', () => {
  const table: readonly (readonly [string, number, Headers, string, string])[] = [
    ['SW-16: any 2xx is success', 200, {}, 'delivered', 'success success grow success'],
    ['SW-16: 204 is success', 204, {}, 'delivered', 'success success grow success'],
    ['CE-3: 202 is success', 202, {}, 'delivered', 'success success grow success'],
    ['SW-16: 299 is success', 299, {}, 'delivered', 'success success grow success'],
    ['SW-17: 301 is a failure', 301, { location: 'http://10.0.0.1/' }, 'retry:redirect shortened', 'success success keep failure'],
    ['CE-2: 307 is a failure', 307, {}, 'retry:redirect shortened', 'success success keep failure'],
    ['SW-15: 400 is tried again, less often', 400, {}, 'retry:client-error shortened', 'success success keep failure'],
    ['SW-15: 404 is tried again, less often', 404, {}, 'retry:client-error shortened', 'success success keep failure'],
    ['408 is tried again', 408, {}, 'retry:request-timeout', 'success failure halve failure'],
    ['SW-18: 410 stops the endpoint', 410, {}, 'gone', 'success success keep failure'],
    ['413 is a format refused', 413, {}, 'format-refused', 'success success keep failure'],
    ['CE-6: 415 is a format refused', 415, {}, 'format-refused', 'success success keep failure'],
    ['425 is tried again', 425, {}, 'retry:too-early', 'success success keep failure'],
    ['SW-19: 429 throttles', 429, {}, 'retry:throttled throttled', 'success success halve failure'],
    ['500 is tried again', 500, {}, 'retry:server-error', 'success failure halve failure'],
    ['SW-19: 502 throttles', 502, {}, 'retry:server-error', 'success failure halve failure'],
    ['503 is tried again', 503, {}, 'retry:server-error', 'success failure halve failure'],
    ['503 with a pause is a throttling', 503, { 'retry-after': '5' }, 'retry:throttled throttled', 'success failure halve failure'],
    ['503 with nonsense is none', 503, { 'retry-after': 'soon' }, 'retry:server-error', 'success failure halve failure'],
    ['SW-19: 504 throttles', 504, {}, 'retry:server-error', 'success failure halve failure'],
    ['101 is no answer to a POST', 101, {}, 'retry:protocol', 'none failure keep failure'],
    ['999 is no status', 999, {}, 'retry:protocol', 'none failure keep failure'],
    ['NaN is no status', Number.NaN, {}, 'retry:protocol', 'none failure keep failure'],
  ];
  for (const [name, status, headers, decision, effects] of table) {
    it(name, () => {
      const outcome = answered(status, headers);
      assert.equal(told(outcome.decision), decision);
      assert.equal(learned(outcome), effects);
      assert.equal(outcome.stop, status === 410 ? 'GONE' : undefined);
    });
  }
});

describe('no answer', () => {
  const table: Readonly<Record<FailureClass, readonly [string, string]>> = {
    blocked: ['retry:blocked shortened', 'none none keep failure'],
    dns: ['retry:dns', 'failure none keep failure'],
    connect: ['retry:connect', 'failure none keep failure'],
    tls: ['retry:tls', 'failure none keep failure'],
    timeout: ['retry:timeout', 'none failure halve failure'],
    reset: ['retry:reset', 'none failure keep failure'],
    authentication: ['retry:authentication', 'none failure keep failure'],
    protocol: ['retry:protocol', 'none failure keep failure'],
    overloaded: ['retry:overloaded ours', 'none none keep none'],
    proxy: ['retry:proxy ours', 'none none keep none'],
    aborted: ['retry:aborted ours', 'none none keep none'],
  };
  for (const [failure, [decision, effects]] of Object.entries(table)) {
    it(`because of ${failure}: ${decision}`, () => {
      const outcome = judgeAttempt({ class: failure as FailureClass, phase: 'answer' }, now);
      assert.equal(told(outcome.decision), decision);
      assert.equal(learned(outcome), effects);
      assert.equal(outcome.pauseUntil, undefined);
      assert.equal(outcome.stop, undefined);
    });
  }
});

describe('what took too long or was hung up on', () => {
  const table: readonly (readonly ['timeout' | 'reset', 'waiting' | 'dns' | 'connect' | 'tls' | 'answer' | 'body', string, string])[] = [
    ['timeout', 'waiting', 'retry:overloaded ours', 'none none keep none'],
    ['timeout', 'dns', 'retry:dns', 'failure none keep failure'],
    ['timeout', 'connect', 'retry:connect', 'failure none keep failure'],
    ['reset', 'tls', 'retry:tls', 'failure none keep failure'],
    ['reset', 'answer', 'retry:reset', 'none failure keep failure'],
    ['timeout', 'answer', 'retry:timeout', 'none failure halve failure'],
    ['timeout', 'body', 'retry:timeout', 'none failure halve failure'],
  ];
  for (const [failure, phase, decision, effects] of table) {
    it(`E3: is held against whoever it was: ${failure} in ${phase}`, () => {
      const outcome = judgeAttempt({ class: failure, phase }, now);
      assert.deepEqual([told(outcome.decision), learned(outcome)], [decision, effects]);
    });
  }
});

describe('CE-5: a pause', () => {
  const table: readonly (readonly [string, number, Headers, number | undefined])[] = [
    ['in seconds', 429, { 'retry-after': '120' }, 120_000],
    ['until a date', 503, { 'retry-after': 'Sun, 22 Nov 2026 12:00:30 GMT' }, 30_000],
    ['with any failure', 500, { 'retry-after': '7' }, 7_000],
    ['of a redirect', 302, { 'retry-after': '7' }, 7_000],
    ['of 429 without Retry-After is half a minute', 429, {}, 30_000],
    ['of 429 with nonsense is half a minute', 429, { 'retry-after': '-3' }, 30_000],
    ['of 429 for no time is a second', 429, { 'retry-after': '0' }, 1_000],
    ['is a day at most', 429, { 'retry-after': '999999999999' }, day],
    ['until next year is a day', 503, { 'retry-after': 'Wed, 22 Dec 2027 12:00:30 GMT' }, day],
    ['given twice is the longer one', 503, { 'retry-after': ['5', 'x', '50'] }, 50_000],
    ['may have space around it', 503, { 'retry-after': ' 5 ' }, 5_000],
    ['until a date gone by is none', 503, { 'retry-after': 'Sun, 22 Nov 2026 11:00:30 GMT' }, undefined],
    ['is not read from a success', 200, { 'retry-after': '50' }, undefined],
    ['is not invented for 500', 500, {}, undefined],
  ];
  for (const [name, status, headers, pause] of table) {
    it(name, () => assert.equal(answered(status, headers).pauseUntil, pause === undefined ? undefined : now + pause));
  }
});

describe('the receiver controls', () => {
  const table: readonly (readonly [string, number, Headers, string, string | undefined])[] = [
    ['disable with a failure', 500, { 'webhook-delivery': 'disable' }, 'gone', 'STOPPED_BY_RECEIVER'],
    ['disable with a success, which stays one', 200, { 'webhook-delivery': 'disable' }, 'delivered', 'STOPPED_BY_RECEIVER'],
    ['410 says it already', 410, { 'webhook-delivery': 'disable' }, 'gone', 'GONE'],
    ['abort-message', 500, { 'webhook-delivery': 'abort-message' }, 'abandon-message', undefined],
    ['abort-message of a throttling', 429, { 'webhook-delivery': 'abort-message' }, 'abandon-message', undefined],
    ['abort-message of a format', 415, { 'webhook-delivery': 'abort-message' }, 'abandon-message', undefined],
    ['abort-message says nothing of a success', 200, { 'webhook-delivery': 'abort-message' }, 'delivered', undefined],
    ['both', 500, { 'webhook-delivery': 'abort-message, disable' }, 'gone', 'STOPPED_BY_RECEIVER'],
    ['in any case', 500, { 'webhook-delivery': ' Abort-Message ' }, 'abandon-message', undefined],
    ['in two headers', 500, { 'webhook-delivery': ['x', 'disable'] }, 'gone', 'STOPPED_BY_RECEIVER'],
    ['as Slack does', 500, { 'x-slack-no-retry': '1' }, 'abandon-message', undefined],
    ['as Slack does not', 500, { 'x-slack-no-retry': '0' }, 'retry:server-error', undefined],
    ['with an unknown word', 500, { 'webhook-delivery': 'disabled' }, 'retry:server-error', undefined],
    ['by nothing inherited', 500, Object.create({ 'webhook-delivery': 'disable' }) as Headers, 'retry:server-error', undefined],
  ];
  for (const [name, status, headers, decision, stop] of table) {
    it(name, () => {
      const outcome = answered(status, headers);
      assert.equal(told(outcome.decision), decision);
      assert.equal(outcome.stop, stop);
    });
  }
});

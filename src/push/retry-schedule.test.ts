import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../core/errors.ts';
import { judgeAttempt } from './attempt-outcome.ts';
import type { AttemptResult, Decision } from './attempt-outcome.ts';
import { nextAttempt, noTries, readRetrySchedule, standardSchedule } from './retry-schedule.ts';
import type { RetrySchedule, Tries } from './retry-schedule.ts';

const hour = 3_600_000;
/** The middle of the jitter. */
const even = { random: (): number => 0.5, recovering: false };

function decisionOf(result: AttemptResult): Extract<Decision, { reason: string }> {
  const { decision } = judgeAttempt(result, 0);
  return 'reason' in decision ? decision : assert.fail(`${decision.kind} is not tried again`);
}

/** Delays until the delivery is dead when it always ends alike; the reason last. */
function delaysOf(schedule: RetrySchedule, results: readonly AttemptResult[], most = 500): readonly (number | string)[] {
  const delays: (number | string)[] = [];
  let tries: Tries = noTries;
  for (let index = 0; index < most; index += 1) {
    const result = results[Math.min(index, results.length - 1)] as AttemptResult;
    const next = nextAttempt(schedule, decisionOf(result), tries, even);
    if (next.kind === 'dead') return [...delays, next.reason];
    tries = next.tries;
    delays.push(next.delayMilliseconds);
  }
  return delays;
}

const standard = [5_000, 300_000, 1_800_000, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour];

describe('SW-15: the standard schedule', () => {
  it('has ten attempts in 75 h 35 min and 5 s', () => {
    assert.deepEqual(delaysOf(standardSchedule, [{ status: 500, headers: {} }]), [...standard, 'exhausted']);
    assert.equal(
      standard.reduce((sum, delay) => sum + delay, 0),
      75 * hour + 35 * 60_000 + 5_000,
    );
  });
  for (const failure of ['dns', 'connect', 'tls', 'timeout', 'reset', 'protocol'] as const) {
    it(`is kept after ${failure}`, () =>
      assert.deepEqual(delaysOf(standardSchedule, [{ class: failure, phase: 'answer' }]), [...standard, 'exhausted']));
  }
  for (const status of [301, 400, 401, 404, 422]) {
    it(`is shortened after ${status}`, () => {
      assert.deepEqual(delaysOf(standardSchedule, [{ status, headers: {} }]), [...standard.slice(0, 3), 'exhausted']);
    });
  }
  it('is shortened by the last answer, not by an earlier one', () => {
    const results = [404, 404, 404, 500, 500].map((status) => ({ status, headers: {} }));
    assert.deepEqual(delaysOf(standardSchedule, results), [...standard, 'exhausted']);
    assert.deepEqual(delaysOf(standardSchedule, [...results, { status: 404, headers: {} }]), [...standard.slice(0, 5), 'exhausted']);
  });
});

describe('what the receiver does not understand', () => {
  for (const status of [413, 415]) {
    it(`CE-6: is sent once more after ${status}`, () => {
      assert.deepEqual(delaysOf(standardSchedule, [{ status, headers: {} }]), [5_000, 'format-refused']);
    });
  }
  it('counts as refused also when something else came in between', () => {
    const results = [415, 500, 415].map((status) => ({ status, headers: {} }));
    assert.deepEqual(delaysOf(standardSchedule, results), [5_000, 300_000, 'format-refused']);
  });
  it('is dead for its format where nothing is tried again', () => {
    assert.deepEqual(delaysOf(readRetrySchedule('none'), [{ status: 415, headers: {} }]), ['format-refused']);
  });
});

describe('attempts are not used up', () => {
  it('by throttling, within reason', () => {
    const delays = delaysOf(standardSchedule, [{ status: 429, headers: {} }]);
    assert.deepEqual(delays.slice(0, 8), [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
    assert.equal(delays.length, 100 + standard.length + 1);
    assert.deepEqual(delays.slice(100), [...standard, 'exhausted']);
  });
  it('by a throttling between failures', () => {
    const failed = { status: 500, headers: {} };
    const throttled = { status: 503, headers: { 'retry-after': '9' } };
    assert.deepEqual(delaysOf(standardSchedule, [failed, throttled, failed]), [5_000, 5_000, ...standard.slice(1), 'exhausted']);
  });
  it('by a proxy of ours that is away', () => {
    assert.deepEqual(
      delaysOf(standardSchedule, [{ class: 'proxy', phase: 'answer' }], 400),
      Array.from({ length: 400 }, () => 30_000),
    );
  });
  it('by having no room ourselves', () => {
    assert.deepEqual(delaysOf(standardSchedule, [{ class: 'overloaded', phase: 'waiting' }], 3), [5_000, 5_000, 5_000]);
  });
  it('by our own shutdown, after which they go out at once', () => {
    assert.deepEqual(delaysOf(readRetrySchedule('none'), [{ class: 'aborted', phase: 'answer' }], 3), [0, 0, 0]);
  });
});

describe('jitter', () => {
  const seed = Date.now() & 0x7fff_ffff;
  it(`is a fifth either way, and anything below while recovering (seed ${seed})`, () => {
    const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(draw, fc.nat(8), fc.boolean(), (drawn, counted, recovering) => {
        const decision = decisionOf({ class: 'timeout', phase: 'answer' });
        const next = nextAttempt(standardSchedule, decision, { ...noTries, counted }, { random: () => drawn, recovering });
        const planned = standard[counted] as number;
        assert.equal(next.kind, 'again');
        const delay = next.kind === 'again' ? next.delayMilliseconds : Number.NaN;
        assert.ok(delay >= Math.floor(planned * (recovering ? 0 : 0.8)) && delay <= Math.ceil(planned * (recovering ? 1 : 1.2)));
        assert.ok(Math.abs(delay - planned * (recovering ? drawn : 0.8 + 0.4 * drawn)) <= 1);
      }),
      { seed },
    );
  });
});

describe('a configured schedule', () => {
  const read: readonly (readonly [unknown, readonly number[]])[] = [
    ['standard', standard],
    ['short', [5_000, 30_000, 120_000, 600_000]],
    ['none', []],
    [[], []],
    [['100ms'], [100]],
    [
      ['5s', '5m', '2h', '1d'],
      [5_000, 300_000, 2 * hour, 24 * hour],
    ],
    [['30d'], [30 * 24 * hour]],
    [Array.from({ length: 49 }, () => '1s'), Array.from({ length: 49 }, () => 1_000)],
  ];
  for (const [value, delays] of read) {
    it(`${JSON.stringify(value).slice(0, 40)} is read`, () => assert.deepEqual(readRetrySchedule(value).delays, delays));
  }

  const refused: readonly (readonly [unknown, RegExp])[] = [
    ['', /no retry schedule of this name; there are standard, short, none/],
    ['constructor', /no retry schedule of this name/],
    [undefined, /is a list of delays/],
    [null, /is a list of delays/],
    [5, /is a list of delays/],
    [{ length: 1, 0: '5s' }, /is a list of delays/],
    [['99ms'], /from 100ms to 30d/],
    [['0s'], /from 100ms to 30d/],
    [['-5s'], /from 100ms to 30d/],
    [['31d'], /from 100ms to 30d/],
    [['5'], /from 100ms to 30d/],
    [[5_000], /from 100ms to 30d/],
    [['1e3s'], /from 100ms to 30d/],
    [['99999999999s'], /from 100ms to 30d/],
    [['5constructor'], /from 100ms to 30d/],
    [[['5s']], /from 100ms to 30d/],
    [['20d', '11d'], /30 days at most/],
    [Array.from({ length: 50 }, () => '1s'), /at most 50 times/],
    [Array.from({ length: 1_000_000 }), /at most 50 times/],
  ];
  for (const [value, sentence] of refused) {
    it(`${String(JSON.stringify(value)).slice(0, 40)} is refused`, () => {
      assert.throws(
        () => readRetrySchedule(value),
        (error: unknown) => error instanceof GatewayError && error.code === 'INVALID_CONFIGURATION' && sentence.test(error.message),
      );
    });
  }
});

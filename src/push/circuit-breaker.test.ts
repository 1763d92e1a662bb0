import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ManualTime } from '../testing/manual-time.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import type { BreakerResult } from './circuit-breaker.ts';

const minute = 60_000;

function setUp(saved?: ConstructorParameters<typeof CircuitBreaker>[2]): { time: ManualTime; breaker: CircuitBreaker } {
  const time = new ManualTime();
  return { time, breaker: new CircuitBreaker(time, {}, saved) };
}

function results(breaker: CircuitBreaker, ...all: readonly BreakerResult[]): void {
  for (const result of all) breaker.record('send', result);
}

const many = (count: number, result: BreakerResult): readonly BreakerResult[] => Array.from({ length: count }, () => result);

/** Opens it and goes to the moment at which it may be tried again; the milliseconds that took. */
function openAndWait(breaker: CircuitBreaker, time: ManualTime): number {
  results(breaker, ...many(10, 'failure'));
  const { wait } = breaker;
  time.advance(wait);
  return wait;
}

describe('a breaker opens', () => {
  const table: readonly (readonly [string, readonly BreakerResult[], boolean])[] = [
    ['after ten failures', many(10, 'failure'), true],
    ['not after nine', many(9, 'failure'), false],
    ['when half of ten failed', [...many(5, 'success'), ...many(5, 'failure')], true],
    ['not when fewer than half of ten failed', [...many(6, 'success'), ...many(4, 'failure')], false],
    ['not by a success', [...many(5, 'failure'), ...many(5, 'success')], false],
    ['when it cannot be reached five times in a row', many(5, 'unreached'), true],
    ['not when it cannot be reached four times', many(4, 'unreached'), false],
    ['not when it was reached in between', [...many(4, 'unreached'), 'failure', ...many(4, 'unreached')], false],
    ['when it cannot be reached, whatever ended without a result in between', [...many(4, 'unreached'), 'unknown', 'unreached'], true],
    ['not by what says nothing', many(1_000, 'unknown'), false],
  ];
  for (const [name, samples, isOpen] of table) {
    it(name, () => {
      const { breaker } = setUp();
      results(breaker, ...samples);
      assert.equal(breaker.state, isOpen ? 'open' : 'closed');
      assert.equal(breaker.admit(), isOpen ? 'wait' : 'send');
      assert.equal(breaker.wait, isOpen ? 30_000 : 0);
    });
  }

  it('and says so once', () => {
    const { breaker } = setUp();
    results(breaker, ...many(9, 'failure'));
    assert.equal(breaker.record('send', 'failure'), true);
    assert.equal(breaker.record('send', 'failure'), false);
  });

  it('by the results of the last minute only', () => {
    const { time, breaker } = setUp();
    results(breaker, ...many(9, 'failure'));
    time.advance(minute);
    results(breaker, ...many(9, 'failure'));
    assert.equal(breaker.state, 'closed');
    time.advance(50_000);
    results(breaker, 'failure');
    assert.equal(breaker.state, 'open');
  });

  it('by nothing it saw before the clock was set back', () => {
    const { time, breaker } = setUp();
    results(breaker, ...many(9, 'failure'));
    time.advance(-3_600_000);
    results(breaker, 'failure');
    assert.equal(breaker.state, 'closed');
  });
});

describe('an open breaker', () => {
  it('lets one delivery through after half a minute, and the others only when that succeeded', () => {
    const { time, breaker } = setUp();
    results(breaker, ...many(10, 'failure'));
    time.advance(29_999);
    assert.deepEqual([breaker.admit(), breaker.wait], ['wait', 1]);
    time.advance(1);
    assert.equal(breaker.state, 'half-open');
    assert.equal(breaker.admit(), 'probe');
    assert.deepEqual([breaker.admit(), breaker.wait, breaker.state], ['wait', Infinity, 'half-open']);
    assert.equal(breaker.record('probe', 'success'), true);
    assert.deepEqual([breaker.state, breaker.admit(), breaker.wait], ['closed', 'send', 0]);
  });

  it('stays open twice as long after each failure, half an hour at most', () => {
    const { time, breaker } = setUp();
    const waits = [openAndWait(breaker, time)];
    for (let round = 0; round < 8; round += 1) {
      assert.equal(breaker.admit(), 'probe');
      assert.equal(breaker.record('probe', round % 2 === 0 ? 'failure' : 'unreached'), true);
      waits.push(breaker.wait);
      time.advance(breaker.wait);
    }
    assert.deepEqual(
      waits,
      [30, 60, 120, 240, 480, 960, 1_800, 1_800, 1_800].map((seconds) => seconds * 1_000),
    );
  });

  it('gives the trial to another delivery when it ended without a result', () => {
    const { time, breaker } = setUp();
    openAndWait(breaker, time);
    assert.equal(breaker.admit(), 'probe');
    assert.equal(breaker.record('probe', 'unknown'), false);
    assert.equal(breaker.admit(), 'probe');
  });

  it('hears nothing from what was under way when it opened', () => {
    const { time, breaker } = setUp();
    results(breaker, ...many(10, 'failure'));
    assert.equal(breaker.record('send', 'success'), false);
    assert.equal(breaker.record('send', 'failure'), false);
    assert.equal(breaker.wait, 30_000);
    time.advance(30_000);
    assert.equal(breaker.admit(), 'probe');
    assert.equal(breaker.record('send', 'success'), false);
    assert.equal(breaker.state, 'half-open');
  });

  it('makes nobody wait longer because the clock was set back', () => {
    const { time, breaker } = setUp();
    results(breaker, ...many(10, 'failure'));
    time.advance(-86_400_000);
    assert.equal(breaker.wait, 30_000);
  });

  it('is closed by hand', () => {
    const { time, breaker } = setUp();
    openAndWait(breaker, time);
    breaker.admit();
    breaker.reset();
    assert.equal(breaker.admit(), 'send');
    assert.equal(breaker.record('probe', 'failure'), false, 'the trial from before no longer counts');
    assert.deepEqual(breaker.snapshot(), { openUntil: undefined, openings: 0 });
  });
});

describe('a breaker that closed', () => {
  it('begins with half a minute again when it was well for a minute', () => {
    const { time, breaker } = setUp();
    openAndWait(breaker, time);
    breaker.admit();
    breaker.record('probe', 'success');
    time.advance(minute + 1);
    results(breaker, ...many(10, 'failure'));
    assert.equal(breaker.wait, 30_000);
  });

  it('goes on doubling when it fails at once', () => {
    const { time, breaker } = setUp();
    openAndWait(breaker, time);
    breaker.admit();
    breaker.record('probe', 'success');
    results(breaker, ...many(10, 'failure'));
    assert.equal(breaker.wait, 60_000);
  });
});

describe('P5: a breaker', () => {
  it('is the same after a restart', () => {
    const { time, breaker } = setUp();
    openAndWait(breaker, time);
    breaker.admit();
    breaker.record('probe', 'failure');
    const again = new CircuitBreaker(time, {}, JSON.parse(JSON.stringify(breaker.snapshot())) as ReturnType<CircuitBreaker['snapshot']>);
    assert.equal(again.wait, 60_000);
    time.advance(60_000);
    assert.equal(again.admit(), 'probe');
    again.record('probe', 'failure');
    assert.equal(again.wait, 120_000);
  });

  const seed = Date.now() & 0x7fff_ffff;
  it(`has one trial at a time and is never open for more than half an hour (seed ${seed})`, () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant('ask' as const) }),
      fc.record({
        op: fc.constant('end' as const),
        result: fc.constantFrom<BreakerResult>('success', 'failure', 'failure', 'unreached', 'unknown'),
      }),
      fc.record({ op: fc.constant('pass' as const), milliseconds: fc.integer({ min: 0, max: 40_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { time, breaker } = setUp();
        const underWay: ('send' | 'probe')[] = [];
        for (const one of steps) {
          if (one.op === 'pass') time.advance(one.milliseconds);
          if (one.op === 'ask') {
            const admission = breaker.admit();
            if (admission !== 'wait') underWay.push(admission);
          }
          const [first] = underWay;
          if (one.op === 'end' && first !== undefined) {
            underWay.shift();
            breaker.record(first, one.result);
          }
          assert.ok(underWay.filter((admission) => admission === 'probe').length <= 1);
          assert.equal(breaker.wait === Infinity, underWay.includes('probe'));
          if (breaker.wait !== Infinity) assert.ok(breaker.wait <= 1_800_000);
          assert.equal(breaker.state === 'closed', breaker.snapshot().openUntil === undefined);
        }
      }),
      { seed, numRuns: 200 },
    );
  });
});

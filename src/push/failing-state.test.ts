import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ManualTime } from '../testing/manual-time.ts';
import { FailingState } from './failing-state.ts';
import type { FailingSnapshot, Transition } from './failing-state.ts';
import { holdReasons } from './hold-reason.ts';
import type { StopReason } from './hold-reason.ts';

const hour = 3_600_000;
const day = 24 * hour;

interface Step {
  readonly at: number;
  readonly transition: string;
}

function told(transition: Transition | undefined): string {
  if (transition === undefined) return '';
  return `${transition.from} → ${transition.to}${transition.reason === undefined ? '' : ` ${transition.reason}`}`;
}

/** Fails every `every` milliseconds with message `n % messages`; the transitions and when they came. */
function fail(
  state: FailingState,
  time: ManualTime,
  { every, messages, days }: { every: number; messages: number; days: number },
): readonly Step[] {
  const began = time.now();
  const steps: Step[] = [];
  for (let count = 0; time.now() - began <= days * day; count += 1) {
    const transition = told(state.failed(`m${count % messages}`));
    if (transition !== '') steps.push({ at: time.now() - began, transition });
    time.advance(every);
  }
  return steps;
}

describe('SW-25: an endpoint that does not work', () => {
  const warned = (at: number): Step => ({ at, transition: 'started → failing' });
  const stopped = (at: number): Step => ({ at, transition: 'failing → stopped STOPPED_AFTER_FAILURES' });
  const table: readonly (readonly [string, { every: number; messages: number; days: number }, readonly Step[]])[] = [
    [
      'is warned about after two and a half days and stopped after five',
      { every: hour, messages: 100, days: 30 },
      [warned(60 * hour), stopped(120 * hour)],
    ],
    ['is not stopped for ten messages alone', { every: 1_000, messages: 10_000, days: 0.1 }, []],
    ['is only warned about for nine messages', { every: hour, messages: 9, days: 30 }, [warned(60 * hour)]],
    ['is stopped for ten', { every: hour, messages: 10, days: 30 }, [warned(60 * hour), stopped(120 * hour)]],
    ['is not warned about for four messages', { every: hour, messages: 4, days: 30 }, []],
    [
      'has a day from the warning on, however late that came',
      { every: 60 * hour, messages: 100, days: 40 },
      [warned(240 * hour), stopped(540 * hour)],
    ],
  ];
  for (const [name, failures, steps] of table) {
    it(name, () => {
      const time = new ManualTime();
      assert.deepEqual(fail(new FailingState(time), time, failures), steps);
    });
  }

  it('has a day from the warning on when we were away ourselves', () => {
    const time = new ManualTime();
    const state = new FailingState(time);
    for (let count = 0; count < 20; count += 1) state.failed(`m${count}`);
    time.advance(6 * day);
    assert.deepEqual(fail(state, time, { every: hour, messages: 5, days: 2 }), [
      { at: 0, transition: 'started → failing' },
      { at: day, transition: 'failing → stopped STOPPED_AFTER_FAILURES' },
    ]);
  });

  it('works again with the first success', () => {
    const time = new ManualTime();
    const state = new FailingState(time);
    fail(state, time, { every: hour, messages: 100, days: 4 });
    assert.equal(state.state, 'failing');
    assert.equal(told(state.succeeded()), 'failing → started');
    assert.deepEqual(fail(state, time, { every: hour, messages: 100, days: 2 }), []);
    assert.equal(state.snapshot().consecutiveFailures, 49);
  });

  it('WS-C5: is not stopped where it is kept until a lease ends', () => {
    const time = new ManualTime();
    const state = new FailingState(time, { stops: false });
    assert.deepEqual(fail(state, time, { every: hour, messages: 100, days: 30 }), [warned(60 * hour)]);
    assert.equal(told(state.stop('GONE')), 'failing → stopped GONE');
  });

  it('is stopped earlier where that is configured', () => {
    const time = new ManualTime();
    const state = new FailingState(time, { stopAfter: 10_000, stopAfterMessages: 2 });
    assert.deepEqual(fail(state, time, { every: 1_000, messages: 3, days: 0.001 }), [warned(5_000), stopped(10_000)]);
  });
});

describe('a stopped endpoint', () => {
  for (const reason of ['GONE', 'STOPPED_BY_RECEIVER', 'STOPPED_BY_OPERATOR'] satisfies readonly StopReason[]) {
    it(`SW-18: is stopped at once by ${reason}, which has a sentence`, () => {
      const time = new ManualTime();
      const state = new FailingState(time);
      assert.equal(told(state.stop(reason)), `started → stopped ${reason}`);
      assert.deepEqual([state.state, state.stopReason, state.snapshot().stoppedAt], ['stopped', reason, time.now()]);
      assert.match(holdReasons[reason], /held.*start/i);
    });
  }

  it('starts by nothing but a person', () => {
    const time = new ManualTime();
    const state = new FailingState(time);
    state.stop('GONE');
    assert.deepEqual([state.succeeded(), state.failed('m'), state.stop('STOPPED_BY_OPERATOR')], [undefined, undefined, undefined]);
    assert.equal(state.stopReason, 'GONE');
    assert.equal(told(state.start()), 'stopped → started');
    assert.deepEqual([state.state, state.stopReason, state.snapshot().failingSince], ['started', undefined, undefined]);
    assert.equal(state.start(), undefined);
  });
});

describe('P5: whether an endpoint fails', () => {
  it('is known after a restart', () => {
    const time = new ManualTime();
    let state = new FailingState(time);
    const steps: Step[] = [];
    for (let hours = 0; hours <= 120; hours += 1) {
      const transition = told(state.failed(`m${hours}`));
      if (transition !== '') steps.push({ at: hours * hour, transition });
      state = new FailingState(time, {}, JSON.parse(JSON.stringify(state.snapshot())) as FailingSnapshot);
      time.advance(hour);
    }
    assert.deepEqual(
      steps.map(({ at }) => at),
      [60 * hour, 120 * hour],
    );
    assert.deepEqual([state.state, state.stopReason], ['stopped', 'STOPPED_AFTER_FAILURES']);
    assert.equal(told(state.start()), 'stopped → started');
  });

  const seed = Date.now() & 0x7fff_ffff;
  it(`changes by these edges only, in constant memory (seed ${seed})`, () => {
    const edges = ['started → failing', 'started → stopped', 'failing → stopped', 'failing → started', 'stopped → started'];
    const op = fc.constantFrom('fail', 'fail', 'fail', 'fail', 'succeed', 'stop', 'start');
    const step = fc.record({ op, message: fc.nat(30), passes: fc.integer({ min: -hour, max: 3 * day }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const time = new ManualTime();
        const state = new FailingState(time);
        for (const one of steps) {
          const before = state.state;
          const transition =
            one.op === 'fail'
              ? state.failed(`m${one.message}`)
              : one.op === 'succeed'
                ? state.succeeded()
                : one.op === 'stop'
                  ? state.stop('STOPPED_BY_OPERATOR')
                  : state.start();
          assert.equal(transition === undefined, state.state === before);
          if (transition !== undefined) assert.ok(edges.includes(`${transition.from} → ${transition.to}`) && transition.from === before);
          if (before === 'stopped' && one.op !== 'start') assert.equal(state.state, 'stopped');
          assert.ok(state.snapshot().failedMessages.length <= 10);
          assert.equal(state.stopReason === undefined, state.state !== 'stopped');
          time.advance(one.passes);
        }
      }),
      { seed, numRuns: 200 },
    );
  });
});

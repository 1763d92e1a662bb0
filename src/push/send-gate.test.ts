import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeAttempt } from './attempt-outcome.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { EndpointHealth } from './endpoint-health.ts';
import { SendGate, type Admissions } from './send-gate.ts';
import { SlowStart } from './slow-start.ts';

test('an endpoint whose breaker closes is sent one delivery a second to begin with, then more', () => {
  const clock = { at: 1_000_000, now: () => clock.at };
  const health = new EndpointHealth(clock, undefined);
  const governor = { allow: (n: number) => n, delivered: () => undefined, limited: () => undefined, outbox: undefined };
  const gate = new SendGate({
    health,
    originBreaker: new CircuitBreaker(clock),
    rate: undefined,
    slowStart: new SlowStart(clock),
    governor: () => governor,
    book: { isFull: false },
    clock,
  });
  const attempt = (status: number): boolean => {
    const admissions: Admissions | undefined = gate.admit();
    if (admissions !== undefined) gate.learn(admissions, judgeAttempt({ status, headers: {} }, clock.at));
    return admissions !== undefined;
  };
  for (let count = 0; count < 10; count += 1) assert.ok(attempt(500));
  assert.equal(health.breaker.state, 'open');
  assert.equal(attempt(200), false);
  clock.at += gate.wait;
  assert.ok(attempt(200), 'the probe');
  assert.equal(health.breaker.state, 'closed');
  const sent = (milliseconds: number): number => {
    let count = 0;
    for (const end = clock.at + milliseconds; clock.at < end; clock.at += 10) if (attempt(200)) count += 1;
    return count;
  };
  assert.equal(sent(1000), 1);
  assert.equal(sent(1000), 2);
  assert.ok(sent(10_000) > 500, 'as fast as ever in the end');
});

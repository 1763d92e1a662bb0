import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runBounded } from './bounded-thread.ts';

const thread = '../testing/waiting-worker';

test('a thread that works for too long is ended', async () => {
  const outcome = await runBounded(thread, { works: true, milliseconds: 60_000 }, { time: 100, memory: 64 });
  assert.deepEqual(outcome, { exceeded: 'time' });
});

test('a thread that gets no processor for longer than it may work is not ended', async () => {
  const outcome = await runBounded(thread, { works: false, milliseconds: 900 }, { time: 600, memory: 64 });
  assert.deepEqual(outcome, { result: 'done' });
});

test('a thread that never comes to an end is ended, though it does nothing', async () => {
  const outcome = await runBounded(thread, { works: false, milliseconds: 60_000 }, { time: 40, memory: 64 });
  assert.deepEqual(outcome, { exceeded: 'time' });
});

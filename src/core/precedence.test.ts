import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Precedence } from './precedence.ts';
import { Turns } from './turns.ts';

it('lets those who can wait go on at once while nothing goes first', () => {
  let has = 0;
  const precedence = new Precedence();
  precedence.afterRest(() => (has += 1));
  assert.equal(has, 1);
});

it('has them rest while something is under way, however it ends, and go on all the same', async () => {
  for (const end of ['resolve', 'reject'] as const) {
    const precedence = new Precedence();
    const { promise, ...settle } = Promise.withResolvers<void>();
    const over = promise.catch(() => undefined);
    precedence.give(promise);
    let hasGoneOn = false;
    const rested = new Promise<void>((resolve) =>
      precedence.afterRest(() => {
        hasGoneOn = true;
        resolve();
      }),
    );
    assert.equal(hasGoneOn, false);
    await rested;
    settle[end]();
    await over;
    await Promise.resolve();
    hasGoneOn = false;
    precedence.afterRest(() => (hasGoneOn = true));
    assert.equal(hasGoneOn, true);
  }
});

it('holds up the next turn of those who catch up', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const precedence = new Precedence();
  const { promise, resolve } = Promise.withResolvers<void>();
  precedence.give(promise);
  let has = false;
  const turn = new Turns(precedence).next().then(() => (has = true));
  for (let turns = 0; turns < 5; turns += 1) await new Promise((next) => setImmediate(next));
  assert.equal(has, false);
  context.mock.timers.tick(1);
  await turn;
  resolve();
});

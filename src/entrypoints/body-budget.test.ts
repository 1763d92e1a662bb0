import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BodyBudget } from './body-budget.ts';

const overloaded = { code: 'OVERLOADED' };

describe('the budget of request bodies', () => {
  test('bounds all bodies together, and gives back what was released', () => {
    const budget = new BodyBudget(100, 100);
    const [first, second] = [budget.reserve('a'), budget.reserve('b')];
    first.take(60);
    second.take(40);
    assert.throws(() => second.take(1), overloaded);
    first.release();
    second.take(50);
    assert.equal(budget.taken, 90);
    second.release();
    assert.equal(budget.taken, 0);
  });

  test('keeps one subscription from taking the room of the others', () => {
    const budget = new BodyBudget(100, 30);
    const greedy = [budget.reserve('a'), budget.reserve('a')];
    greedy[0]?.take(30);
    assert.throws(() => greedy[1]?.take(1), overloaded);
    budget.reserve('b').take(30);
    greedy[0]?.release();
    greedy[1]?.take(30);
  });

  test('is told of a release once', () => {
    const budget = new BodyBudget(10, 10);
    const reservation = budget.reserve('a');
    reservation.take(10);
    reservation.release();
    reservation.release();
    assert.equal(budget.taken, 0);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DueList } from './due-list.ts';

const minute = 60_000;
const year = 365 * 24 * 60 * minute;

test('what waits for another attempt waits as long as was meant when the clock is set back', () => {
  const list = new DueList<{ readonly name: string; dueAt: number }>();
  const wrong = 1_900_000_000_000;
  list.add({ name: 'second', dueAt: wrong + 5 * minute });
  list.add({ name: 'first', dueAt: wrong + minute });
  assert.equal(list.dueAt(wrong), 0);
  const right = wrong - year;
  assert.equal(list.dueAt(right), 0);
  assert.equal(list.next, right + minute);
  assert.equal(list.take(right + minute)?.name, 'first');
  assert.equal(list.take(right + 2 * minute), undefined);
  assert.equal(list.take(right + 5 * minute)?.name, 'second');
});

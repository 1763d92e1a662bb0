import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { coresIn } from './machine.ts';

describe('A list of CPUs', () => {
  for (const [list, count] of [
    ['0', 1],
    ['7', 1],
    ['0,2', 2],
    ['0-3', 4],
    ['0,2-3,8', 4],
  ] as const) {
    it(`${list} names ${count}`, () => assert.equal(coresIn(list), count));
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommonPace } from './common-pace.ts';

test('the pace of all workers is that of the slowest that is busy', () => {
  const memory = CommonPace.memoryFor(3);
  const [first, second, third] = [0, 1, 2].map((own) => new CommonPace(memory, own)) as [CommonPace, CommonPace, CommonPace];
  assert.equal(first.slowest(1000), 0);
  second.report(3, 1000);
  third.report(8, 1010);
  assert.equal(first.slowest(1020), 8);
  third.report(1, 1030);
  assert.equal(first.slowest(1040), 3);
  assert.equal(first.slowest(1060), 1, 'the second has been idle for a while');
  assert.equal(first.slowest(1100), 0);
});

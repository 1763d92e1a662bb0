import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Turns } from './turns.ts';

function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

it('does a little in each turn of the loop, in the order it was asked, and all of it in the end', async () => {
  const turns = new Turns();
  const order: number[] = [];
  const inTurn: number[] = [];
  let turn = 0;
  let isOver = false;
  const count = (): void => {
    turn += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const workers = Array.from({ length: 50 }, async (_, index) => {
    for (let round = 0; round < 2; round += 1) {
      await turns.next();
      order.push(index);
      inTurn[turn] = (inTurn[turn] ?? 0) + 1;
      work(0.4);
    }
  });
  await Promise.all(workers);
  isOver = true;
  assert.deepEqual(order, [...Array.from({ length: 50 }, (_, index) => index), ...Array.from({ length: 50 }, (_, index) => index)]);
  const most = Math.max(...inTurn.filter((n) => n !== undefined));
  assert.ok(most <= 4, `${most} pieces of 0.4 ms in one turn`);
});

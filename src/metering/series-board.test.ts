import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RateSource } from './rate-source.ts';
import { SeriesBoard } from './series-board.ts';

function source(reader: string): RateSource {
  const subjects = { tenant: 'default', reader, subscription: 's', application: 'a', api: 'orders', address: 'orders' };
  return {
    subjects,
    measure: 'delivered',
    protocol: 'sse',
    plan: undefined,
    freshEvents: 0,
    freshBytes: 0,
    isFresh: false,
    series: undefined,
    generation: -1,
  };
}

function count(board: SeriesBoard, from: RateSource, second: number, n: number): void {
  from.freshEvents = n;
  board.take(from, second);
}

test('every subject has its own seconds, and silent ones are zero', () => {
  const board = new SeriesBoard();
  const one = source('r1');
  const two = source('r2');
  count(board, one, 1000, 5);
  count(board, two, 1000, 3);
  count(board, one, 1003, 2);
  const api = board.get('default', 'delivered', 'api', 'orders');
  assert.deepEqual(
    [1000, 1001, 1002, 1003, 1004].map((second) => api?.at(second)),
    [8, 0, 0, 2, 0],
  );
  assert.equal(board.get('default', 'delivered', 'reader', 'r1')?.at(1003), 2);
  assert.equal(board.get('other', 'delivered', 'api', 'orders'), undefined);
});

test('a series forgets what is older than 15 minutes, also after a long silence', () => {
  const board = new SeriesBoard();
  const one = source('r1');
  count(board, one, 1000, 5);
  count(board, one, 1899, 1);
  const ring = board.get('default', 'delivered', 'reader', 'r1');
  assert.equal(ring?.at(1000), 5);
  count(board, one, 1900, 1);
  assert.equal(ring?.at(1000), 0);
  count(board, one, 100_000, 7);
  assert.deepEqual([ring?.at(1899), ring?.at(99_999), ring?.at(100_000)], [0, 0, 7]);
});

test('series are bounded: busy ones stay, idle ones make room, and those without room are counted', () => {
  const board = new SeriesBoard(10);
  for (let index = 0; index < 50; index += 1) count(board, source(`r${index}`), 1000, 1);
  assert.equal(board.size, 10);
  assert.equal(board.overflow, 44);
  assert.equal(board.get('default', 'delivered', 'api', 'orders')?.at(1000), 50, 'the sum is whole all the same');
  const late = source('late');
  count(board, late, 1010, 1);
  assert.equal(board.get('default', 'delivered', 'reader', 'late'), undefined);
  board.renew(1200);
  count(board, late, 1200, 1);
  assert.equal(board.get('default', 'delivered', 'reader', 'late')?.at(1200), 1);
  assert.equal(board.size, 10);
});

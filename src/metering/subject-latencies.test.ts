import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyBoard } from './latency-board.ts';
import { countIn } from './log-histogram.ts';
import { ReaderLatencies } from './reader-latencies.ts';
import { SubjectLatencies } from './subject-latencies.ts';

test('busy subjects stay, who was used least recently makes room, and those without room are counted', () => {
  const kept = new SubjectLatencies('reader', 2);
  const [one, two] = [kept.of('default', 'one'), kept.of('default', 'two')];
  assert.notEqual(one, undefined);
  assert.equal(kept.of('default', 'three'), undefined);
  assert.equal(kept.overflow, 1);
  assert.equal(kept.of('default', 'one'), one);
  kept.renew();
  assert.equal(kept.of('default', 'one'), one, 'used again in time');
  const three = kept.of('default', 'three');
  assert.notEqual(three, undefined);
  assert.equal(kept.of('default', 'two'), undefined, 'made room');
  assert.deepEqual([...kept.values()], [one, three]);
  assert.notEqual(two, three);
});

test('a reader counts for its subscription whether or not there is room for itself, and gets room a minute later', () => {
  const board = new LatencyBoard(1);
  const reader = (id: string) =>
    new ReaderLatencies(board, { tenant: 'default', reader: id, subscription: 's', application: 'a', api: 'orders', address: 'eu' });
  const [first, second] = [reader('first'), reader('second')];
  const counted = (id: string) => [...board.readers.values()].find((entry) => entry.id === id)?.delivered[3];
  first.count(3, 5);
  second.count(3, 7);
  assert.equal(board.of('default', 'orders', 's').delivered[3], 12);
  assert.equal(board.channels.of('default', 'orders/eu')?.delivered[3], 12);
  assert.deepEqual([counted('first'), counted('second')], [5, undefined]);
  board.renew();
  second.count(3, 2);
  assert.deepEqual([counted('first'), counted('second')], [undefined, 2]);
  first.count(3, 1);
  assert.equal(counted('second'), 2, 'nothing is counted for another');
});

test('what is published counts for the subscription and the channel', () => {
  const board = new LatencyBoard();
  const subscription = { tenant: 'default', id: 's', application: 'a', api: 'orders', plan: undefined, as: 'provider', allow: {} } as never;
  board.published(subscription, 'eu', 2, 4);
  const channel = board.channels.of('default', 'orders/eu');
  assert.deepEqual([board.of('default', 'orders', 's').published[2], channel?.published[2]], [4, 4]);
  countIn(channel?.published as Float64Array, 2, -4);
  assert.equal(channel?.published[2], 0);
});

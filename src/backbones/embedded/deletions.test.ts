import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Deletions } from './deletions.ts';

describe('Deletions', () => {
  it('knows of each address, pattern and the whole up to where events are gone', () => {
    const deletions = new Deletions(0);
    deletions.record('orders/1', 5);
    deletions.record('orders/2', 9);
    deletions.record('orders/1', 7);
    const lostUpTo = (address: string): number =>
      Array.from({ length: 12 }, (_, after) => after).filter((after) => deletions.hasAfter(address, after)).length;
    assert.deepEqual(['orders/1', 'orders/2', 'orders/*', '*/1', 'bills/*', 'bills', '*'].map(lostUpTo), [7, 9, 9, 7, 0, 0, 9]);
  });

  it('counts what happened longest ago for every address once it knows of too many', () => {
    const deletions = new Deletions(0, [], 3);
    for (const [address, last] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['a', 4],
      ['d', 5],
    ] as const)
      deletions.record(address, last);
    assert.equal(deletions.floor, 2);
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'e'].map((address) => deletions.hasAfter(address, 1)),
      [true, true, true, true, true],
    );
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'e'].map((address) => deletions.hasAfter(address, 2)),
      [true, false, true, true, false],
    );
  });

  it('is not changed by the same deletions again', () => {
    const deletions = new Deletions(0, [], 2);
    for (let round = 0; round < 2; round++)
      for (const [address, last] of [
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ] as const)
        deletions.record(address, last);
    assert.equal(deletions.floor, 1);
    assert.deepEqual(
      ['a', 'b', 'c'].map((address) => deletions.hasAfter(address, 1)),
      [false, true, true],
    );
  });

  it('begins with what was known', () => {
    const deletions = new Deletions(4, [{ address: 'a', last: 6 }]);
    assert.deepEqual(
      [deletions.hasAfter('b', 3), deletions.hasAfter('b', 4), deletions.hasAfter('a', 5), deletions.hasAfter('a', 6)],
      [true, false, true, false],
    );
  });
});

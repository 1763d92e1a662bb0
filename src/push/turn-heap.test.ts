import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Turn, TurnHeap } from './turn-heap.ts';

describe('a heap of turns', () => {
  it('is empty at first', () => assert.equal(new TurnHeap().first, undefined));

  it('gives the smallest excess first, then the smallest tag, then who came first', () => {
    const heap = new TurnHeap<string>();
    const add = (of: string, excess: number, tag: number, order: number): void =>
      heap.place(Object.assign(new Turn(of), { excess, tag, order }));
    add('over', 1, 0, 0);
    add('late', 0, 5, 2);
    add('early', 0, 5, 1);
    add('little', 0, 4, 3);
    const given: string[] = [];
    for (let { first } = heap; first !== undefined; { first } = heap) {
      given.push(first.of);
      heap.remove(first);
    }
    assert.deepEqual(given, ['little', 'early', 'late', 'over']);
  });

  const seed = Date.now() & 0x7fff_ffff;
  it(`has the first one first whatever comes, changes and goes (seed ${seed})`, () => {
    const step = fc.record({ pick: fc.nat(49), isIn: fc.boolean(), excess: fc.nat(2), tag: fc.nat(99) });
    fc.assert(
      fc.property(fc.array(step, { size: 'large', maxLength: 150 }), (steps) => {
        const heap = new TurnHeap<number>();
        const turns = Array.from({ length: 50 }, (_, index) => Object.assign(new Turn(index), { order: index, tag: (index * 37) % 50 }));
        const inOrder = (): readonly Turn<number>[] =>
          turns.filter(({ isWaiting }) => isWaiting).toSorted((a, b) => a.excess - b.excess || a.tag - b.tag || a.order - b.order);
        for (const turn of turns) heap.place(turn);
        for (const { pick, isIn, excess, tag } of steps) {
          const turn = turns[pick] as Turn<number>;
          if (isIn) heap.place(Object.assign(turn, { excess, tag }));
          else heap.remove(turn);
          assert.equal(turn.isWaiting, isIn);
          assert.equal(heap.first, inOrder()[0]);
        }
        for (const turn of inOrder()) {
          assert.equal(heap.first, turn);
          heap.remove(turn);
        }
        assert.equal(heap.first, undefined);
      }),
      { seed, numRuns: 200 },
    );
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareInTests, positionAt, seqOf } from './ledger-fixture.ts';
import type { Lineage } from './lineage.ts';
import { Resumable } from './resumable.ts';

const identity = { subscription: 's', log: 'l', address: 'a', filter: undefined };

function lineage(reader: string, start: number, charged: number, closedAt = 0): Lineage {
  return { subjects: { ...identity, reader, start: positionAt(start) }, charged: positionAt(charged), closedAt } as unknown as Lineage;
}

test('any of many closed readers is taken once, the nearest beyond the place that began before it', (t) => {
  let seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`SEED=${seed}`);
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return seed % below;
  };
  for (let round = 0; round < 200; round += 1) {
    const resumable = new Resumable(compareInTests, 1000);
    const left: Lineage[] = [];
    for (let n = 0; n < 60; n += 1) {
      const start = random(8);
      const one = lineage(`r${n}`, start, start + random(8));
      resumable.add(one);
      left.push(one);
    }
    for (let n = 0; n < 80; n += 1) {
      const place = random(18);
      const fit = left.filter(({ subjects, charged }) => seqOf(charged) >= place && seqOf(subjects.start) <= place);
      const nearest = Math.min(...fit.map(({ charged }) => seqOf(charged)));
      const taken = resumable.take(identity, positionAt(place));
      if (fit.length === 0) assert.equal(taken, undefined);
      else {
        assert.ok(taken !== undefined && fit.includes(taken));
        assert.equal(seqOf(taken.charged), nearest);
        left.splice(left.indexOf(taken), 1);
      }
    }
    assert.equal(resumable.size, left.length);
  }
});

test('the oldest is let go of past the bound, and all that closed too long ago', () => {
  const resumable = new Resumable(compareInTests, 3);
  for (let n = 0; n < 5; n += 1) resumable.add(lineage(`r${n}`, 0, 10, n));
  assert.deepEqual(
    ['r0', 'r1', 'r2', 'r3', 'r4'].map((reader) => resumable.has(reader)),
    [false, false, true, true, true],
  );
  resumable.expire(4);
  assert.equal(resumable.size, 1);
  assert.equal(resumable.take(identity, positionAt(10))?.subjects.reader, 'r4');
});

test('a place before they all began is not looked for among all of them', () => {
  let compared = 0;
  const compare: typeof compareInTests = (...places) => {
    compared += 1;
    return compareInTests(...places);
  };
  const resumable = new Resumable(compare, 20_000);
  for (let n = 0; n < 10_000; n += 1) resumable.add(lineage(`r${n}`, 100, 200));
  compared = 0;
  for (let n = 0; n < 1000; n += 1) assert.equal(resumable.take(identity, positionAt(50)), undefined);
  assert.ok(compared < 30_000, `${compared} comparisons`);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { randomOf } from '../../testing/seeded-random.ts';
import { TakenRequests } from './taken-requests.ts';

describe('requests that were taken', () => {
  test('are counted once, however often they come, and known until they are swept', () => {
    const taken = new TakenRequests();
    for (const until of [10, 20]) assert.equal(taken.add('a', 'k', until), undefined);
    taken.add('b', 'k', 15);
    assert.deepEqual([taken.size, taken.until('a', 'k'), taken.until('b', 'k'), taken.until('c', 'k')], [2, 20, 15, 0]);
    taken.sweep(15);
    assert.deepEqual([taken.size, taken.until('a', 'k'), taken.until('b', 'k')], [1, 20, 0]);
  });

  test('that came again are the newest', () => {
    const taken = new TakenRequests({ ofSource: 2, ofAll: 10 });
    for (const key of ['1', '2', '1']) taken.add('a', key, 1);
    assert.equal(taken.add('a', '3', 1), '2');
  });

  test('of one owner are as safe from another who has many sources as from one who sends much, and so are those of its sources', () => {
    const owners: Readonly<Record<string, readonly string[]>> = { quiet: ['t1', 'shop'], calm: ['t2', 'calm'], still: ['t2', 'calm'] };
    const taken = new TakenRequests({ ofSource: 50, ofAll: 60 }, (source) => owners[source] ?? ['t2', 'greedy']);
    for (let n = 0; n < 25; n += 1) taken.add('quiet', `q${n}`, 1);
    for (let n = 0; n < 8; n += 1) taken.add('calm', `c${n}`, 1);
    for (let n = 0; n < 4; n += 1) taken.add('still', `s${n}`, 1);
    for (let n = 0; n < 400; n += 1) assert.ok(!/^[qcs]/.test(taken.add(`greedy${n % 40}`, `g${n}`, 1) ?? ''), `at ${n}`);
    assert.equal(taken.size, 60);
    // The calm one has more than its part of its owner by now.
    for (let n = 8; n < 40; n += 1) assert.ok(!/^[qs]/.test(taken.add('calm', `c${n}`, 1) ?? ''), `at ${n}`);
    assert.equal(taken.size, 60);
    taken.sweep(1);
    assert.equal(taken.size, 0);
    assert.equal(taken.add('quiet', 'again', 2), undefined);
  });

  test('are forgotten of who has more than an equal share, never of who has less', () => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const random = randomOf(seed);
    const bounds = { ofSource: 60, ofAll: 100 };
    const taken = new TakenRequests(bounds);
    const sources = ['a', 'b', 'c', 'd', 'e'];
    /** Keys by source as a list that forgets nothing by itself has them. */
    const model = new Map(sources.map((source) => [source, [] as string[]]));
    for (let n = 0; n < 5000; n += 1) {
      // The first ones send most.
      const source = sources[Math.floor(random() ** 3 * sources.length)]!;
      const key = `${source}${n}`;
      const own = model.get(source)!;
      own.push(key);
      const forgotten = taken.add(source, key, n);
      if (forgotten !== undefined) {
        const victim = model.get(forgotten[0]!)!;
        const used = [...model.values()].filter((keys) => keys.length > 0).length;
        assert.ok(own.length > bounds.ofSource || victim.length * used > bounds.ofAll, `seed ${seed}: ${forgotten} of ${victim.length}`);
        assert.equal(victim.shift(), forgotten, `seed ${seed}: not its oldest`);
      }
      const size = [...model.values()].reduce((sum, keys) => sum + keys.length, 0);
      assert.ok(size <= bounds.ofAll && own.length <= bounds.ofSource, `seed ${seed}`);
      assert.equal(taken.size, size, `seed ${seed}`);
    }
    for (const [source, keys] of model) for (const key of keys) assert.notEqual(taken.until(source, key), 0, `seed ${seed}: ${key}`);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Exclusive } from './exclusive.ts';

describe('Exclusive', () => {
  it('runs one after the other in order, also after a failure', async () => {
    const exclusive = new Exclusive();
    const seen: string[] = [];
    const work = (name: string) => async (): Promise<void> => {
      seen.push(`${name} begins`);
      await Promise.resolve();
      seen.push(`${name} ends`);
      if (name === 'b') throw new Error('b fails');
    };
    const results = await Promise.allSettled(['a', 'b', 'c'].map((name) => exclusive.run(work(name))));
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(
      seen,
      ['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]),
    );
  });

  it('refuses more than may wait, and recovers', async () => {
    const exclusive = new Exclusive();
    const results = await Promise.allSettled(Array.from({ length: 1500 }, () => exclusive.run(async () => undefined)));
    assert.equal(results.filter(({ status }) => status === 'rejected').length, 500);
    await exclusive.run(async () => undefined);
  });
});

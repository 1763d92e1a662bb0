import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Passes } from './passes.ts';

/** Passes that end when the test says so, and what was done in its order. */
function slowPasses(): { readonly passes: Passes; readonly done: string[]; readonly end: (() => void)[]; readonly failures: unknown[] } {
  const [done, end, failures]: [string[], (() => void)[], unknown[]] = [[], [], []];
  const passes = new Passes({
    pass: async () => {
      done.push('pass begins');
      await new Promise<void>((resolve) => end.push(resolve));
      done.push('pass ends');
    },
    onFailed: (error) => failures.push(error),
  });
  return { passes, done, end, failures };
}

async function untilTaken(end: (() => void)[]): Promise<() => void> {
  while (end.length === 0) await new Promise((resolve) => setImmediate(resolve));
  return end.shift() as () => void;
}

describe('passes', () => {
  test('are for work and passes one at a time; who waits with work goes before a pass that is due, and a pass before work that comes later', async () => {
    const { passes, done, end } = slowPasses();
    const work = (name: string, then?: () => void) => async () => {
      done.push(`${name} begins`);
      then?.();
      await new Promise((resolve) => setImmediate(resolve));
      done.push(`${name} ends`);
    };
    passes.changed();
    const first = await untilTaken(end);
    passes.changed();
    const later: Promise<void>[] = [];
    const works = ['one', 'two'].map((name) => passes.steadily(work(name, () => later.push(passes.steadily(work(`after ${name}`))))));
    assert.equal(passes.isAwaited, true);
    first();
    await Promise.all(works);
    (await untilTaken(end))();
    await passes.settled();
    await Promise.all(later);
    const both = (what: string): readonly string[] => [`${what} begins`, `${what} ends`];
    assert.deepEqual(done, ['pass', 'one', 'two', 'pass', 'after one', 'after two'].flatMap(both));
    assert.equal(passes.isAwaited, false);
  });

  test('go on when work or a pass fails, and each is told of its own', async () => {
    let count = 0;
    const failures: unknown[] = [];
    const passes = new Passes({
      pass: async () => {
        count += 1;
        if (count === 1) throw new Error('a pass');
      },
      onFailed: (error) => failures.push(error),
    });
    passes.changed();
    await assert.rejects(
      passes.steadily(() => Promise.reject(new Error('a work'))),
      /a work/,
    );
    assert.equal(await passes.steadily(async () => 7), 7);
    passes.changed();
    await passes.settled();
    assert.deepEqual([count, failures.map(String)], [2, ['Error: a pass']]);
  });

  test('are over when they are closed: nobody passes any more, and who waits with work is told', async () => {
    const { passes, done, end } = slowPasses();
    passes.changed();
    const first = await untilTaken(end);
    passes.changed();
    const told = passes.steadily(async (isClosed) => isClosed);
    passes.close();
    first();
    assert.equal(await told, true);
    await passes.settled();
    assert.deepEqual(done, ['pass begins', 'pass ends']);
  });
});

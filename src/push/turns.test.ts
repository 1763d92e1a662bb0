import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Turns } from './turns.ts';

/** Passes that end when the test says so, and what was done in its order. */
function slowPasses(): { readonly turns: Turns; readonly done: string[]; readonly end: (() => void)[]; readonly failures: unknown[] } {
  const [done, end, failures]: [string[], (() => void)[], unknown[]] = [[], [], []];
  const turns = new Turns({
    pass: async () => {
      done.push('pass begins');
      await new Promise<void>((resolve) => end.push(resolve));
      done.push('pass ends');
    },
    onFailed: (error) => failures.push(error),
  });
  return { turns, done, end, failures };
}

async function untilTaken(end: (() => void)[]): Promise<() => void> {
  while (end.length === 0) await new Promise((resolve) => setImmediate(resolve));
  return end.shift() as () => void;
}

describe('turns', () => {
  test('are for work and passes one at a time; who waits with work goes before a pass that is due, and a pass before work that comes later', async () => {
    const { turns, done, end } = slowPasses();
    const work = (name: string, then?: () => void) => async () => {
      done.push(`${name} begins`);
      then?.();
      await new Promise((resolve) => setImmediate(resolve));
      done.push(`${name} ends`);
    };
    turns.changed();
    const first = await untilTaken(end);
    turns.changed();
    const later: Promise<void>[] = [];
    const works = ['one', 'two'].map((name) => turns.steadily(work(name, () => later.push(turns.steadily(work(`after ${name}`))))));
    assert.equal(turns.isAwaited, true);
    first();
    await Promise.all(works);
    (await untilTaken(end))();
    await turns.settled();
    await Promise.all(later);
    const both = (what: string): readonly string[] => [`${what} begins`, `${what} ends`];
    assert.deepEqual(done, ['pass', 'one', 'two', 'pass', 'after one', 'after two'].flatMap(both));
    assert.equal(turns.isAwaited, false);
  });

  test('go on when work or a pass fails, and each is told of its own', async () => {
    let passes = 0;
    const failures: unknown[] = [];
    const turns = new Turns({
      pass: async () => {
        passes += 1;
        if (passes === 1) throw new Error('a pass');
      },
      onFailed: (error) => failures.push(error),
    });
    turns.changed();
    await assert.rejects(
      turns.steadily(() => Promise.reject(new Error('a work'))),
      /a work/,
    );
    assert.equal(await turns.steadily(async () => 7), 7);
    turns.changed();
    await turns.settled();
    assert.deepEqual([passes, failures.map(String)], [2, ['Error: a pass']]);
  });

  test('are over when they are closed: nobody passes any more, and who waits with work is told', async () => {
    const { turns, done, end } = slowPasses();
    turns.changed();
    const first = await untilTaken(end);
    turns.changed();
    const told = turns.steadily(async (isClosed) => isClosed);
    turns.close();
    first();
    assert.equal(await told, true);
    await turns.settled();
    assert.deepEqual(done, ['pass begins', 'pass ends']);
  });
});

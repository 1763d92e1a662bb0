import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Database } from '../../store/database.ts';
import { openDatabase } from '../../store/sqlite/open-database.ts';
import { ManualTime } from '../../testing/manual-time.ts';
import { inboundMigrations } from './migrations.ts';
import { ReplayMemory } from './replay-memory.ts';
import type { MemoryBounds } from './taken-requests.ts';

describe('what was taken is known again', () => {
  let folder: string;
  let database: Database;
  let time: ManualTime;
  const bugs: unknown[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: inboundMigrations });
  });
  after(async () => {
    await database.close();
    await rm(folder, { recursive: true });
    assert.deepEqual(bugs, []);
  });
  beforeEach(async () => {
    time = new ManualTime();
    await database.transact([{ sql: 'DELETE FROM inbound_request', parameters: [] }]);
  });

  const open = (bounds?: MemoryBounds): Promise<ReplayMemory> =>
    ReplayMemory.open({
      database,
      now: time.now,
      schedule: time.schedule,
      onBug: (error) => bugs.push(error),
      ...(bounds === undefined ? {} : { bounds }),
    });

  const rows = async (): Promise<number> => Number((await database.query('SELECT COUNT(*) AS n FROM inbound_request'))[0]?.['n']);

  test('once, for its span, each source by itself', async () => {
    const memory = await open();
    let runs = 0;
    const take = (source: string, key: string) => memory.once([source, key], 1000, () => Promise.resolve((runs += 1)));
    assert.deepEqual([await take('a', 'k'), await take('a', 'k'), await take('b', 'k'), await take('a', 'l')], [1, 'repeated', 2, 3]);
    time.advance(1000);
    assert.equal(await take('a', 'k'), 4);
    await memory.close();
  });

  test('by those that come while it is under way: they wait, and are repetitions only if it went well', async () => {
    const memory = await open();
    const first = Promise.withResolvers<string>();
    let runs = 0;
    const take = (work: () => Promise<string>) =>
      memory.once(['a', 'k'], 1000, async () => {
        runs += 1;
        return await work();
      });
    const taken = [take(() => first.promise), take(() => Promise.resolve('second')), take(() => Promise.resolve('third'))];
    first.reject(new Error('not durable'));
    const settled = await Promise.allSettled(taken);
    assert.deepEqual(
      settled.map((one) => (one.status === 'fulfilled' ? one.value : 'failed')),
      ['failed', 'second', 'repeated'],
    );
    assert.equal(runs, 2);
    await memory.close();
  });

  test('after a restart, until its span is over', async () => {
    const memory = await open();
    await memory.once(['a', 'k'], 5000, () => Promise.resolve(1));
    await memory.close();
    time.advance(4999);
    const again = await open();
    assert.equal(await again.once(['a', 'k'], 5000, () => Promise.resolve(2)), 'repeated');
    time.advance(1);
    assert.equal(await again.once(['a', 'k'], 5000, () => Promise.resolve(3)), 3);
    await again.close();
  });

  test('within its bound: the oldest is forgotten first, on disk too', async () => {
    const memory = await open({ ofSource: 2, ofAll: 100 });
    for (const key of ['a', 'b', 'c']) await memory.once(['s', key], 5000, () => Promise.resolve(1));
    assert.equal(await memory.once(['s', 'b'], 5000, () => Promise.resolve(2)), 'repeated');
    assert.equal(await memory.once(['s', 'a'], 5000, () => Promise.resolve(2)), 2);
    await memory.close();
    assert.deepEqual([memory.size, await rows()], [2, 2]);
  });

  test('of a quiet source as long as ever, whatever a busy one sends, after a restart too', async () => {
    const bounds = { ofSource: 8, ofAll: 10 };
    const memory = await open(bounds);
    const take = (of: ReplayMemory, source: string, key: string) => of.once([source, key], 5000, () => Promise.resolve('taken'));
    for (const key of ['1', '2', '3']) await take(memory, 'quiet', key);
    for (let n = 0; n < 50; n += 1) await take(memory, 'busy', `${n}`);
    assert.equal(await take(memory, 'busy', '49'), 'repeated');
    assert.equal(await take(memory, 'quiet', '1'), 'repeated');
    await memory.close();
    assert.deepEqual([memory.size, await rows()], [10, 10]);
    const again = await open(bounds);
    for (let n = 100; n < 150; n += 1) await take(again, 'busy', `${n}`);
    for (const key of ['1', '2', '3']) assert.equal(await take(again, 'quiet', key), 'repeated');
    await again.close();
    const smaller = await open({ ofSource: 3, ofAll: 4 });
    await smaller.close();
    assert.deepEqual([smaller.size, await rows()], [4, 4]);
  });

  test('from before sources were told apart', async () => {
    const memory = await open();
    await memory.once(['s', 'a'], 5000, () => Promise.resolve('taken'));
    await memory.close();
    await database.transact([{ sql: `UPDATE inbound_request SET source = ''`, parameters: [] }]);
    const again = await open();
    assert.equal(await again.once(['s', 'a'], 5000, () => Promise.resolve('taken')), 'repeated');
    await again.close();
  });

  test('and forgotten when it can be no repetition any more', async () => {
    const memory = await open();
    await memory.once(['s', 'a'], 5000, () => Promise.resolve(1));
    time.advance(3_600_000);
    await memory.close();
    assert.deepEqual([memory.size, await rows(), time.pending], [0, 0, 0]);
  });
});

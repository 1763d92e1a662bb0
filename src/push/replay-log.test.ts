import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Position } from '../core/position.ts';
import type { Database } from '../store/database.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { pushMigrations } from './migrations.ts';
import { ReplayLog, type Replay } from './replay-log.ts';

const wish = { tenant: 'default', address: 'a', after: 'p1' as Position, until: 'p9' as Position, types: ['x'], before: 5, total: 8 };

describe('a replay whose row is damaged', () => {
  let folder: string;
  let database: Database;
  let replays: ReplayLog;
  let told: string[];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: pushMigrations });
    replays = new ReplayLog(database);
  });
  beforeEach(async () => {
    await database.transact([{ sql: 'DELETE FROM push_replay', parameters: [] }]);
    told = [];
  });
  after(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });

  const unfinished = async (): Promise<readonly Replay[]> => {
    const onDamaged = ({ message }: Error): unknown => told.push(message);
    return [...(await replays.unfinished('range', 7, onDamaged)), ...(await replays.unfinished('dead', 7, onDamaged))];
  };

  const damages = [
    `types = '["x"'`,
    `types = '{"x":1}'`,
    `types = '[1]'`,
    `kind = 'deaf'`,
    `before = 'soon'`,
    `until = x'00'`,
    `cursor = x'00'`,
    `address = x'00'`,
    `total = 'all'`,
    `passed = 'some'`,
    `created_at = -1`,
  ];
  for (const damage of damages) {
    test(`fails and says why, and stops no other: ${damage}`, async () => {
      const [damaged, sound] = [
        await replays.add({ ...wish, endpoint: 'e', kind: 'dead' }, 1),
        await replays.add({ ...wish, endpoint: 'e', kind: 'range' }, 1),
      ];
      const [id = '', column = ''] = [damaged?.id, damage.split(' ')[0]];
      await database.transact([{ sql: `UPDATE push_replay SET ${damage} WHERE id = ?`, parameters: [id] }]);
      assert.deepEqual(await unfinished(), [sound]);
      assert.deepEqual(await unfinished(), [sound]);
      assert.equal(told.length, 1);
      assert.ok(told[0]?.includes(`The replay ${id} to e has failed.`) && told[0].includes(`(${column})`), told[0]);
      const shown = await replays.get('e', id);
      assert.deepEqual([shown?.state, shown?.reason?.code, shown?.reason?.sentence.includes(column)], ['failed', 'UNREADABLE', true]);
      const list = await replays.list('e');
      assert.deepEqual(list, [sound, shown]);
      // Nothing of it is a number that no table takes.
      assert.equal(JSON.stringify(list).includes('null'), false);
    });
  }

  test('ends though its id is what is damaged, and takes no room of those that are not over', async () => {
    for (let n = 0; n < 10; n += 1) await replays.add({ ...wish, endpoint: 'e', kind: 'range' }, 1);
    assert.equal(await replays.add({ ...wish, endpoint: 'e', kind: 'range' }, 1), undefined);
    await database.transact([
      { sql: `UPDATE push_replay SET id = NULL WHERE rowid = (SELECT min(rowid) + 2 FROM push_replay)`, parameters: [] },
    ]);
    assert.equal((await unfinished()).length, 9);
    assert.equal((await replays.add({ ...wish, endpoint: 'e', kind: 'range' }, 1))?.state, 'waiting');
    assert.equal(told.length, 1);
  });
});

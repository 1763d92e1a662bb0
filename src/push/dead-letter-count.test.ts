import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Database } from '../store/database.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { ManualTime } from '../testing/manual-time.ts';
import { DeadLetterCount } from './dead-letter-count.ts';
import { pushMigrations } from './migrations.ts';

let folder: string;
let database: Database;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  database = await openDatabase({ folder, migrations: pushMigrations });
});
after(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

async function put(endpoint: string, state: 'dead' | 'waiting', count: number): Promise<void> {
  const sql = `WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ?)
    INSERT INTO push_delivery (endpoint, position, tenant, address, event_id, event_type, state, reason, attempts, counted, throttled,
      format_refused, billed, accepted_at, changed_at, event)
    SELECT ?, ? || value, 'default', 'a', 'e', 't', ?, '', 1, 1, 0, 0, 0, 0, 0, x'' FROM n`;
  await database.transact([{ sql, parameters: [count, endpoint, state, state] }]);
}

test('dead letters are counted in rounds, those that wait for another attempt and those of endpoints that are gone are not', async () => {
  const time = new ManualTime();
  const ids = Array.from({ length: 700 }, (_, index) => `end_${index}`);
  await put('end_3', 'dead', 4);
  await put('end_3', 'waiting', 2);
  await put('end_650', 'dead', 1);
  let there = ids;
  const onBug = (error: unknown): void => assert.fail(String(error));
  const count = new DeadLetterCount({ database, clock: time, schedule: time.schedule, onBug, endpoints: () => there });
  assert.equal(await count.round(), true, 'the last two hundred are still to be counted');
  assert.deepEqual([count.of('end_3'), count.of('end_650')], [0, 0], 'figures of one time are not shown beside those of another');
  assert.equal(await count.round(), false);
  assert.deepEqual([count.of('end_3'), count.of('end_650'), count.of('end_4')], [4, 1, 0]);
  await database.transact([{ sql: `DELETE FROM push_delivery WHERE endpoint = 'end_3'`, parameters: [] }]);
  there = ids.slice(0, 600);
  await count.round();
  await count.round();
  assert.deepEqual([count.of('end_3'), count.of('end_650')], [0, 0]);
  await count.close();
});

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '../store/sqlite/open-database.ts';
import type { Database } from '../store/database.ts';
import { forgetEndpoint, loadKeptVersions } from './load-endpoint.ts';
import { pushMigrations } from './migrations.ts';

test('a deleted endpoint with many dead letters is forgotten in parts, and its state last', { timeout: 20_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const database = await openDatabase({ folder, migrations: pushMigrations });
  const dead = `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2499)
    INSERT INTO push_delivery (endpoint, position, tenant, address, event_id, event_type, state, reason, attempts, counted, throttled,
      format_refused, billed, accepted_at, changed_at, event)
    SELECT ?, 'p' || i, 'default', 'a', 'e' || i, 't', 'dead', 'exhausted', 1, 1, 0, 0, 0, 1, 1, x'7b7d' FROM n`;
  const state = `INSERT INTO push_endpoint (endpoint, tenant, state) VALUES (?, 'default', '{"version":1}')`;
  for (const endpoint of ['gone', 'other']) await database.transact([dead, state].map((sql) => ({ sql, parameters: [endpoint] })));
  const steps: (readonly [number, boolean])[] = [];
  const transact: Database['transact'] = async (statements) => {
    const results = await database.transact(statements);
    steps.push([results[0]?.changes ?? 0, (await loadKeptVersions(database)).has('gone')]);
    return results;
  };
  await forgetEndpoint({ transact }, 'gone');
  assert.deepEqual(steps, [
    [1000, true],
    [1000, true],
    [500, true],
    [0, false],
  ]);
  const left = await database.query('SELECT endpoint, count(*) AS n FROM push_delivery GROUP BY endpoint');
  assert.deepEqual(
    left.map((row) => ({ ...row })),
    [{ endpoint: 'other', n: 2500 }],
  );
  await database.close();
  await rm(folder, { recursive: true });
});

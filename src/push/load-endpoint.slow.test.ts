import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Position } from '../core/position.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import type { Database } from '../store/database.ts';
import { DeliveryLog } from './delivery-log.ts';
import { forgetEndpoints, lastAttemptedFirst, loadEndpoints, loadKeptVersions } from './load-endpoint.ts';
import { pushMigrations } from './migrations.ts';
import { stoppedEndpoints } from './stopped-endpoints.ts';

const noDamage = (error: Error): void => assert.fail(error);

test(
  'deleted endpoints with many dead letters are forgotten in parts, however many they are, and their states last',
  { timeout: 60_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    const database = await openDatabase({ folder, migrations: pushMigrations });
    const dead = `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2499)
    INSERT INTO push_delivery (endpoint, position, tenant, address, event_id, event_type, state, reason, attempts, counted, throttled,
      format_refused, billed, accepted_at, changed_at, event)
    SELECT ?, 'p' || i, 'default', 'a', 'e' || i, 't', 'dead', 'exhausted', 1, 1, 0, 0, 0, 1, 1, x'7b7d' FROM n`;
    const state = `INSERT INTO push_endpoint (endpoint, tenant, state) VALUES (?, 'default', '{"version":1}')`;
    const settled = `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 499)
    INSERT INTO push_settled (endpoint, position) SELECT ?, 'p' || i FROM n`;
    for (const endpoint of ['gone', 'gone too', 'other'])
      await database.transact([dead, settled, state].map((sql) => ({ sql, parameters: [endpoint] })));
    const steps: (readonly [number, boolean])[] = [];
    const transact: Database['transact'] = async (statements) => {
      const results = await database.transact(statements);
      steps.push([results[0]?.changes ?? 0, (await loadKeptVersions(database)).has('gone')]);
      return results;
    };
    await forgetEndpoints({ transact }, ['gone', 'gone too']);
    assert.deepEqual(steps, [
      [1000, true],
      [1000, true],
      [1000, true],
      [1000, true],
      [1000, true],
      [0, true],
      [1000, true],
      [0, true],
      [0, false],
    ]);
    const left = await database.query('SELECT endpoint, count(*) AS n FROM push_delivery GROUP BY endpoint');
    assert.deepEqual(
      left.map((row) => ({ ...row })),
      [{ endpoint: 'other', n: 2500 }],
    );
    const [marks] = await database.query('SELECT count(*) AS n FROM push_settled');
    assert.equal(marks?.['n'], 500);
    await database.close();
    await rm(folder, { recursive: true });
  },
);

describe('endpoints that are loaded together', () => {
  let folder: string;
  let database: Database;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: pushMigrations });
  });
  afterEach(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });

  async function owe(endpoint: string, state: 'waiting' | 'dead', count: number): Promise<void> {
    const sql = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
      INSERT INTO push_delivery (endpoint, position, tenant, address, event_id, event_type, state, reason, attempts, counted, throttled,
        format_refused, billed, accepted_at, changed_at, event)
      SELECT ?, ? || i, 'default', 'a', 'e' || i, 't', ?, 'status', 1, 1, 0, 0, 0, -i, 1, x'7b7d' FROM n`;
    await database.transact([{ sql, parameters: [endpoint, state, state] }]);
  }

  test('cost one read of each table, and each gets what is its own in its order', async () => {
    await owe('a', 'waiting', 3);
    await owe('b', 'dead', 2);
    await owe('other', 'waiting', 1);
    await database.transact([
      { sql: `INSERT INTO push_settled (endpoint, position) VALUES ('a', 's1'), ('b', 's2'), ('other', 's3')`, parameters: [] },
      { sql: `INSERT INTO push_endpoint (endpoint, tenant, state) VALUES ('b', 'default', '{"version":7}')`, parameters: [] },
    ]);
    let queries = 0;
    const query: Database['query'] = (sql, parameters) => {
      queries += 1;
      return database.query(sql, parameters);
    };
    const loaded = await loadEndpoints({ query }, ['a', 'b', 'new'], noDamage);
    assert.equal(queries, 4);
    const shown = [...loaded].map(([id, { waiting, dead, ...others }]) => [
      id,
      { waiting: waiting.map(({ position }) => position), dead: dead.toSorted(), ...others },
    ]);
    assert.deepEqual(shown, [
      ['a', { waiting: ['waiting3', 'waiting2', 'waiting1'], dead: [], settled: ['s1'], state: undefined }],
      ['b', { waiting: [], dead: ['dead1', 'dead2'], settled: ['s2'], state: { version: 7 } }],
      ['new', { waiting: [], dead: [], settled: [], state: undefined }],
    ]);
  });

  test('each have their newest dead letters, however many the others have', async () => {
    await owe('many', 'dead', 5000);
    await owe('few', 'dead', 3);
    const loaded = await loadEndpoints(database, ['many', 'few'], noDamage);
    const many = new Set(loaded.get('many')?.dead);
    assert.deepEqual([many.size, many.has('dead5000' as Position), many.has('dead1' as Position)], [4096, true, false]);
    assert.equal(loaded.get('few')?.dead.length, 3);
  });

  test('have them in answers of a bounded size, however many have many', async () => {
    const owners = Array.from({ length: 9 }, (_, index) => `many${index}`);
    for (const owner of owners) await owe(owner, 'dead', 4200);
    await owe('few', 'dead', 3);
    let largest = 0;
    const query: Database['query'] = async (sql, parameters) => {
      const rows = await database.query(sql, parameters);
      largest = Math.max(largest, rows.length);
      return rows;
    };
    const loaded = await loadEndpoints({ query }, [...owners, 'few'], noDamage);
    assert.deepEqual(new Set(owners.map((owner) => new Set(loaded.get(owner)?.dead).size)), new Set([4096]));
    assert.equal(loaded.get('few')?.dead.length, 3);
    assert.ok(largest <= 8 * 4096 + 1, `${largest} rows at once`);
  });

  test('are loaded where the state of one is damaged, which begins anew and is told of', async () => {
    const stopped = '{"version":7,"failing":{"state":"stopped"}}';
    for (const [endpoint, state] of [
      ['damaged', '{"version":3,"fai'],
      ['sound', stopped],
    ])
      await database.transact([
        {
          sql: `INSERT INTO push_endpoint (endpoint, tenant, state) VALUES (?, 'default', ?)`,
          parameters: [String(endpoint), String(state)],
        },
      ]);
    const damages: string[] = [];
    const loaded = await loadEndpoints(database, ['damaged', 'sound'], ({ message }) => damages.push(message));
    assert.deepEqual([loaded.get('damaged')?.state, loaded.get('sound')?.state], [undefined, JSON.parse(stopped)]);
    assert.match(damages.join(), /^What was kept of how damaged does/);
    assert.deepEqual(
      await loadKeptVersions(database),
      new Map([
        ['damaged', 0],
        ['sound', 7],
      ]),
    );
    assert.deepEqual(await stoppedEndpoints(database), new Map([['sound', 7]]));
    const log = new DeliveryLog(database);
    assert.deepEqual([await log.health('damaged'), await log.health('sound')], [undefined, JSON.parse(stopped)]);
  });

  test('come in the order in which they were attempted last, those that never were behind them', async () => {
    const attempt = `INSERT INTO push_attempt (tenant, endpoint, position, event_id, event_type, attempt, lane, at, outcome, duration, detail)
      VALUES ('default', ?, 'p', 'e', 't', 1, 'first', 1, 'delivered', 1, '{}')`;
    for (const endpoint of ['c', 'a', 'gone', 'c', 'e']) await database.transact([{ sql: attempt, parameters: [endpoint] }]);
    const ordered = await lastAttemptedFirst(
      database,
      ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id })),
    );
    assert.deepEqual(
      ordered.map(({ id }) => id),
      ['e', 'c', 'a', 'b', 'd'],
    );
  });
});

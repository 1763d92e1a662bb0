import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { AttemptRetention } from './attempt-retention.ts';
import { pushMigrations } from './migrations.ts';

describe('attempts', { timeout: 180_000 }, () => {
  let folder: string;
  let database: Awaited<ReturnType<typeof openDatabase>>;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: pushMigrations });
  });
  after(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    await database.transact(['push_attempt', 'push_endpoint'].map((table) => ({ sql: `DELETE FROM ${table}`, parameters: [] })));
  });

  /** Times from `from` on, one for each attempt. */
  async function write(endpoint: string, count: number, from: number): Promise<void> {
    const sql = `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
      INSERT INTO push_attempt (tenant, endpoint, position, event_id, event_type, attempt, lane, at, outcome, duration, detail)
      SELECT 'default', ?, 'p' || i, 'e' || i, 't', 1, 'first', ? + i, 'delivered', 1, '{}' FROM n`;
    const state = `INSERT INTO push_endpoint (endpoint, tenant, state) VALUES (?, 'default', '{}') ON CONFLICT DO NOTHING`;
    await database.transact([
      { sql, parameters: [count, endpoint, from] },
      { sql: state, parameters: [endpoint] },
    ]);
  }

  async function kept(endpoint: string): Promise<{ readonly count: number; readonly first: number }> {
    const [row] = await database.query('SELECT count(*) AS n, min(at) AS first FROM push_attempt WHERE endpoint = ?', [endpoint]);
    return { count: Number(row?.['n']), first: Number(row?.['first']) };
  }

  /** Rounds are called by hand, and the clock stands at 10,000. */
  async function withRetention(
    keep: { readonly keptFor?: number; readonly mostOfEndpoint?: number },
    body: (retention: AttemptRetention) => Promise<void>,
  ) {
    const due: (() => void)[] = [];
    const schedule = (_at: number, callback: () => void) => {
      due.push(callback);
      return () => void due.splice(due.indexOf(callback), 1);
    };
    const onBug = (error: unknown): void => {
      throw error;
    };
    const retention = new AttemptRetention({ database, clock: { now: () => 10_000 }, schedule, onBug, ...keep });
    await body(retention);
    assert.equal(due.length, 1);
    await retention.close();
    assert.equal(due.length, 0);
  }

  test('of a time that has not come are as old as what came after them', () =>
    withRetention({ keptFor: 1000 }, async (retention) => {
      await write('one', 2500, 50_000);
      await write('other', 10, 9500);
      while (await retention.round());
      assert.equal((await kept('one')).count, 2500);
      await database.transact([{ sql: 'UPDATE push_attempt SET at = 7000 WHERE id = (SELECT max(id) FROM push_attempt)', parameters: [] }]);
      let rounds = 1;
      for (; await retention.round(); rounds += 1);
      assert.equal((await kept('one')).count, 0);
      assert.deepEqual(await kept('other'), { count: 9, first: 9500 });
      assert.equal(rounds, 3);
    }));

  test('that are too old are deleted, a bounded part in each round', () =>
    withRetention({ keptFor: 1000 }, async (retention) => {
      await write('one', 2500, 7000);
      assert.equal(await retention.round(), true);
      assert.deepEqual(await kept('one'), { count: 1500, first: 8000 });
      assert.equal(await retention.round(), true);
      assert.equal(await retention.round(), false);
      assert.deepEqual(await kept('one'), { count: 500, first: 9000 });
    }));

  test('are deleted at least as fast as 1,500 deliveries a second make them', async () => {
    await write('one', 2500, 0);
    let now = 1_000_000;
    const scheduled: { readonly at: number; readonly callback: () => void }[] = [];
    let wake: (() => void) | undefined;
    const schedule = (at: number, callback: () => void) => {
      scheduled.push({ at, callback });
      wake?.();
      return () => undefined;
    };
    const onBug = (error: unknown): void => {
      throw error;
    };
    const retention = new AttemptRetention({ database, clock: { now: () => now }, schedule, onBug, keptFor: 1 });
    const first = scheduled[0]!;
    now = first.at;
    const again = new Promise<void>((resolve) => (wake = resolve));
    first.callback();
    await again;
    const { count } = await kept('one');
    assert.ok((2500 - count) / ((scheduled[1]!.at - now) / 1000) >= 2 * 1500, `${2500 - count} in ${scheduled[1]!.at - now} ms`);
    await retention.close();
  });

  test('are kept up to a number of each endpoint, the newest, and of the others as they are', () =>
    withRetention({ mostOfEndpoint: 500 }, async (retention) => {
      await write('few', 400, 0);
      await write('many', 1700, 0);
      assert.equal(await retention.round(), true);
      assert.deepEqual(await kept('many'), { count: 700, first: 1000 });
      assert.equal(await retention.round(), false);
      assert.deepEqual(
        [await kept('few'), await kept('many')],
        [
          { count: 400, first: 0 },
          { count: 500, first: 1200 },
        ],
      );
    }));

  test('of every endpoint are looked at, however many there are', () =>
    withRetention({ mostOfEndpoint: 1 }, async (retention) => {
      const names = Array.from({ length: 250 }, (_, index) => `ep${String(index).padStart(3, '0')}`);
      for (const name of names) await write(name, 2, 0);
      for (const expected of [400, 300, 250, 250]) {
        assert.equal(await retention.round(), false);
        const [row] = await database.query('SELECT count(*) AS n FROM push_attempt');
        assert.equal(row?.['n'], expected);
      }
    }));
});

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { GatewayError } from '../core/errors.ts';
import type { Position } from '../core/position.ts';
import { meteringMigrations } from '../metering/migrations.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import type { Resource } from '../store/resources.ts';
import { ManualTime } from '../testing/manual-time.ts';
import { DeadLetterRetention } from './dead-letter-retention.ts';
import { DeliveryLog } from './delivery-log.ts';
import { forgetEndpoints } from './load-endpoint.ts';
import { pushMigrations } from './migrations.ts';
import { ReplayLog } from './replay-log.ts';

const nowhere = '' as Position;
const keptFor = 100_000;

describe('dead letters', { timeout: 180_000 }, () => {
  let folder: string;
  let database: Awaited<ReturnType<typeof openDatabase>>;
  let time: ManualTime;
  let told: unknown[];
  let endpoints: Resource<'endpoint'>[];
  let held: Set<string>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    database = await openDatabase({ folder, migrations: [...meteringMigrations, ...pushMigrations] });
  });
  after(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    time = new ManualTime();
    told = [];
    held = new Set();
    endpoints = [endpoint('one'), endpoint('two')];
    await database.transact(
      ['push_delivery', 'push_dropped', 'push_replay', 'reader'].map((table) => ({ sql: `DELETE FROM ${table}`, parameters: [] })),
    );
  });

  /** As much of an endpoint as its retention looks at. */
  function endpoint(id: string, keepDeadLetters?: number): Resource<'endpoint'> {
    const spec = { subscription: 'sub', address: '*', ...(keepDeadLetters === undefined ? {} : { keepDeadLetters }) };
    return { id, name: `named-${id}`, spec } as Resource<'endpoint'>;
  }

  /** `p0`, `p1`, …, or from another place on, died one after the other in milliseconds from `from` on. */
  async function die(owner: string, count: number, more: { from: number; bytes?: number; first?: number }): Promise<void> {
    const { from, bytes = 10, first = 0 } = more;
    const sql = `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
      INSERT INTO push_delivery (endpoint, position, tenant, address, event_id, event_type, state, reason, attempts, counted, throttled,
        format_refused, billed, accepted_at, changed_at, event)
      SELECT ?, 'p' || (? + i), 'default', 'a', 'e' || i, 't', 'dead', 'exhausted', 1, 1, 0, 0, 0, 0, ? + i, zeroblob(?) FROM n`;
    await database.transact([{ sql, parameters: [count, owner, first, from, bytes] }]);
  }

  async function readTo(id: string, cursor: string): Promise<void> {
    const columns = 'id, tenant, name, subscription, application, api, log, address, protocol, start, cursor, charged, serial, created_at';
    const values = [`rdr_${id}`, 'default', `named-${id}`, 'sub', 'app', 'api', 'log', '*', 'webhook', 'p0', cursor, cursor, 1, 0];
    const sql = `INSERT INTO reader (${columns}) VALUES (${values.map(() => '?').join(', ')}) ON CONFLICT (id) DO UPDATE SET cursor = excluded.cursor`;
    await database.transact([{ sql, parameters: values }]);
  }

  async function kept(owner: string): Promise<readonly string[]> {
    const rows = await database.query('SELECT position FROM push_delivery WHERE endpoint = ? ORDER BY rowid', [owner]);
    return rows.map(({ position }) => String(position));
  }

  async function withRetention(body: (retention: DeadLetterRetention) => Promise<void>): Promise<void> {
    const retention = new DeadLetterRetention({
      database,
      clock: time,
      schedule: time.schedule,
      onBug: (error) => assert.fail(error as Error),
      endpoints: () => endpoints,
      compare,
      keptFor,
      isHeld: ({ id }) => held.has(id),
      owedFor: 2 * keptFor,
      onDropped: ({ id }, letters) => told.push([id, letters]),
    });
    await body(retention);
    await retention.close();
    assert.equal(time.pending, 0);
  }

  test('are dropped when they have been kept long enough, and how many is known', () =>
    withRetention(async (retention) => {
      await die('one', 5, { from: time.now() - keptFor - 3 });
      await die('two', 2, { from: time.now() - keptFor });
      assert.equal(await retention.round(), false);
      assert.deepEqual(
        [await kept('one'), await kept('two')],
        [
          ['p3', 'p4'],
          ['p0', 'p1'],
        ],
      );
      time.advance(2);
      assert.equal(await retention.round(), false);
      assert.deepEqual([await kept('one'), await kept('two')], [[], []]);
      assert.deepEqual(told, [
        ['one', 3],
        ['one', 2],
        ['two', 2],
      ]);
      const log = new DeliveryLog(database);
      assert.deepEqual(await log.counts('one'), { waiting: 0, dead: 0, dropped: { letters: 5, at: time.now() } });
      await forgetEndpoints(database, ['one']);
      assert.deepEqual(await log.counts('one'), { waiting: 0, dead: 0, dropped: undefined });
    }));

  test('are kept for less where the endpoint says so, and never for longer than the operator keeps any', () =>
    withRetention(async (retention) => {
      endpoints = [endpoint('short', 1000), endpoint('long', keptFor * 2)];
      for (const id of ['short', 'long']) await die(id, 2, { from: time.now() - 1001 });
      await retention.round();
      assert.deepEqual([await kept('short'), await kept('long')], [['p1'], ['p0', 'p1']]);
      time.advance(keptFor);
      await retention.round();
      assert.deepEqual([await kept('short'), await kept('long')], [[], []]);
    }));

  test('are left alone as long as a job is to send them again, and those of a replay as long as that has them', () =>
    withRetention(async (retention) => {
      const replays = new ReplayLog(database);
      await die('one', 4, { from: time.now() - keptFor });
      await die('rpl_1', 4, { from: time.now() - keptFor });
      const wish = { endpoint: 'one', tenant: 'default', address: '*', after: nowhere, until: nowhere, types: [], total: 2 };
      const job = await replays.add({ ...wish, kind: 'dead', before: time.now() - keptFor + 2 }, time.now());
      await replays.add({ ...wish, kind: 'range', before: undefined }, time.now());
      time.advance(10);
      await retention.round();
      assert.deepEqual(await kept('one'), ['p0', 'p1']);
      await replays.move(job?.id ?? '', 'done', time.now());
      await retention.round();
      assert.deepEqual([await kept('one'), (await kept('rpl_1')).length], [[], 4]);
    }));

  test('are not kept by a job for longer than the operator keeps any, nor by one that is asked for when their time is over', () =>
    withRetention(async (retention) => {
      const replays = new ReplayLog(database);
      const wish = { endpoint: 'one', tenant: 'default', address: '*', after: nowhere, until: nowhere, types: [], total: 4 };
      const ask = () => replays.add({ ...wish, kind: 'dead', before: time.now() }, time.now());
      await die('one', 4, { from: time.now() - keptFor });
      await ask();
      time.advance(keptFor - 1);
      await retention.round();
      assert.equal((await kept('one')).length, 4, 'while the job is young');
      await ask();
      await die('one', 1, { from: time.now() - 5, first: 10 });
      time.advance(1);
      await ask();
      await retention.round();
      assert.deepEqual(await kept('one'), ['p10'], 'what died since has its own time');
    }));

  test('that a job made due for an endpoint that is held go in their time as well, and what others owe stays', () =>
    withRetention(async (retention) => {
      const from = time.now();
      for (const id of ['one', 'two']) await die(id, 5, { from });
      held.add('one');
      // As a job does where nobody delivers.
      time.advance(keptFor - 10);
      const due = { sql: `UPDATE push_delivery SET state = 'waiting', due_at = ?, changed_at = ?`, parameters: [time.now(), time.now()] };
      await database.transact([due]);
      time.advance(2 * keptFor);
      assert.equal(await retention.round(), false);
      assert.deepEqual([(await kept('one')).length, told], [5, []]);
      time.advance(1);
      await readTo('one', 'p3');
      assert.equal(await retention.round(), false);
      assert.deepEqual([await kept('one'), (await kept('two')).length, told], [['p4'], 5, [['one', 4]]]);
      const log = new DeliveryLog(database);
      assert.equal((await log.counts('one')).dropped?.letters, 4);
      held.clear();
      await readTo('one', 'p4');
      time.advance(keptFor);
      await retention.round();
      assert.equal((await kept('one')).length, 1, 'it is sent to again');
    }));

  test('that the cursor has not passed stay, so that a restart does not send them again', () =>
    withRetention(async (retention) => {
      await die('one', 5, { from: 0 });
      await readTo('one', 'p2');
      assert.equal(await retention.round(), false);
      assert.deepEqual(await kept('one'), ['p3', 'p4']);
      await readTo('one', 'p4');
      await retention.round();
      assert.deepEqual(await kept('one'), []);
      await die('one', 1, { from: 0 });
      await readTo('one', 'of another log');
      await retention.round();
      assert.deepEqual(await kept('one'), []);
    }));

  test('are dropped a bounded part in each round, by number and by size, and of every endpoint', () =>
    withRetention(async (retention) => {
      await die('one', 1500, { from: 0 });
      await die('two', 20, { from: 0, bytes: 2 ** 20 });
      assert.equal(await retention.round(), true);
      assert.deepEqual([(await kept('one')).length, (await kept('two')).length], [500, 20]);
      assert.equal(await retention.round(), true);
      assert.deepEqual([(await kept('one')).length, (await kept('two')).length], [0, 4]);
      assert.equal(await retention.round(), false);
      assert.deepEqual(await kept('two'), []);
      endpoints = Array.from({ length: 1200 }, (_, index) => endpoint(`ep${index}`));
      for (const id of ['ep0', 'ep700', 'ep1199']) await die(id, 1, { from: 0 });
      assert.deepEqual([await retention.round(), await retention.round(), await retention.round()], [true, true, false]);
      assert.deepEqual(told.slice(-3), [
        ['ep0', 1],
        ['ep700', 1],
        ['ep1199', 1],
      ]);
    }));
});

/** Of names such as `p12`. */
function compare(a: Position, b: Position): number {
  if (!b.startsWith('p')) throw new GatewayError('BAD_REQUEST', 'Two positions of different logs have no order.');
  return Number(a.slice(1)) - Number(b.slice(1));
}

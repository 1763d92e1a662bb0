import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Database } from '../store/database.ts';
import { temporaryDatabase } from './ledger-fixture.ts';
import { rollHour } from './roll-hour.ts';

const hour = 500_000;
const from = hour * 3600;
const series = 150;

/** So many series with a minute of every second minute of the hour and of one outside it on each side. */
async function writeMinutes(database: Database): Promise<void> {
  await database.transact([
    {
      sql: `WITH RECURSIVE minute(m) AS (SELECT -1 UNION ALL SELECT m + 1 FROM minute WHERE m < 60),
          nth(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM nth WHERE i < ${series - 1})
        INSERT INTO series (tenant, step, measure, subject, id, at, n, bytes, low, high, p95, histogram)
        SELECT 't', 60, CASE i % 3 WHEN 0 THEN 'latency' WHEN 1 THEN 'delivered' ELSE 'published' END, 'reader', 'r' || i, ? + m * 60,
          i + 1, 10, CASE i % 3 WHEN 1 THEN 2 END, CASE i % 3 WHEN 1 THEN m END, 3, CASE i % 3 WHEN 2 THEN NULL ELSE '[[4,60]]' END
        FROM nth, minute WHERE i % 2 = 0 OR m % 2 = 0`,
      parameters: [from],
    },
  ]);
}

test('an hour is made out of its minutes, a few series at a time, and again with the same outcome', async () => {
  const { database, dispose } = await temporaryDatabase();
  try {
    await writeMinutes(database);
    let [largestRead, largestWrite] = [0, 0];
    const watched: Database = {
      query: async (sql, parameters) => {
        const rows = await database.query(sql, parameters);
        if (sql.includes('histogram')) largestRead = Math.max(largestRead, rows.length);
        return rows;
      },
      transact: (statements) => {
        largestWrite = Math.max(
          largestWrite,
          statements.length === 0 ? 0 : statements.reduce((sum, { parameters }) => sum + parameters.length, 0),
        );
        return database.transact(statements);
      },
      close: () => database.close(),
    };
    const read = () => database.query('SELECT * FROM series WHERE step = 3600 ORDER BY id');
    await rollHour(watched, hour);
    const hours = await read();
    assert.equal(hours.length, series);
    assert.ok(largestRead <= 8 * 60, `${largestRead} rows in one answer`);
    assert.ok(largestWrite <= 72 * 12, `${largestWrite} values in one transaction`);
    const of = (id: string) => {
      const { n, bytes, low, high, p95, histogram, at } = hours.find((row) => row['id'] === id) ?? {};
      return { n, bytes, low, high, hasP95: p95 !== null, histogram, at };
    };
    assert.deepEqual(of('r0'), { n: 60, bytes: 600, low: 0, high: null, hasP95: true, histogram: '[[4,3600]]', at: from });
    // Every second minute was silent.
    assert.deepEqual(of('r1'), { n: 60, bytes: 300, low: 0, high: 58, hasP95: true, histogram: '[[0,1800],[4,1800]]', at: from });
    assert.deepEqual(of('r4'), { n: 300, bytes: 600, low: 2, high: 59, hasP95: true, histogram: '[[4,3600]]', at: from });
    assert.deepEqual(of('r2'), { n: 180, bytes: 600, low: 0, high: null, hasP95: false, histogram: null, at: from });
    await rollHour(watched, hour);
    assert.deepEqual(await read(), hours);
  } finally {
    await dispose();
  }
});

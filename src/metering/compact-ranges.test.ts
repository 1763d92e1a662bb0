import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { compactHour } from './compact-ranges.ts';
import { HandClock, batchOf, compareInTests, quietLedger, requestOf, subscriptionOf, temporaryDatabase } from './ledger-fixture.ts';
import { usageReport } from './usage-report.ts';
import { verifyRanges } from './verify-ranges.ts';

let kit: Awaited<ReturnType<typeof temporaryDatabase>>;
before(async () => {
  kit = await temporaryDatabase();
});
after(() => kit.dispose());

const begin = Date.UTC(2026, 10, 22, 10, 0, 0);

async function count(): Promise<number> {
  const [row] = await kit.database.query('SELECT count(*) AS n FROM usage_range');
  return Number(row?.['n']);
}

test('a day later each hour of a reader is one range: the same sums by reader and type, and they still tile', async () => {
  const clock = new HandClock(begin);
  const ledger = await quietLedger({ database: kit.database, clock });
  const accounts = await Promise.all(
    Array.from({ length: 120 }, (_, index) => ledger.open(requestOf(subscriptionOf(`sub_${index % 7}`)), () => undefined)),
  );
  for (let minute = 0; minute < 130; minute += 10) {
    clock.at = begin + minute * 60_000;
    accounts.forEach((account, index) =>
      account.charge(batchOf(minute, minute + 1 + (index % 9), { types: ['a', 'b', '__proto__'], filtered: index % 2 }), 0),
    );
    await ledger.flush();
  }
  const report = async () => ({
    reader: await usageReport(kit.database, 'default', { by: 'reader' }),
    type: await usageReport(kit.database, 'default', { by: 'type' }),
  });
  const byId = (side: Awaited<ReturnType<typeof report>>) =>
    Object.values(side).map(({ items, total }) => [new Map((items as { id: string }[]).map((item) => [item.id, item])), total]);
  const earlier = byId(await report());
  assert.equal(await count(), 120 * 13);
  clock.at = begin + 30 * 3_600_000;
  await ledger.rollUp();
  assert.equal(await count(), 120 * 13, 'the first minute after a start belongs to those who come back');
  clock.at += 60_000;
  await ledger.rollUp();
  assert.equal(await count(), 120 * 3);
  assert.deepEqual(byId(await report()), earlier);
  assert.equal((await verifyRanges(kit.database, compareInTests, 'default'))['ok'], true);
  for (const account of accounts) account.charge(batchOf(1000, 1001), 0);
  await ledger.close();
  assert.equal((await verifyRanges(kit.database, compareInTests, 'default'))['ok'], true);
});

test('ranges that another hour lies between, and those charged lately, stay as they are', async () => {
  const hour = Math.floor(begin / 3_600_000) - 1000;
  const row = (serial: number, minute: number, last: number) => ({
    sql: `INSERT INTO usage_range (reader, serial, tenant, minute, lo, hi, n_billable, n_redelivered, n_filtered, n_dropped, n_conflated, bytes, by_type, t_first, t_last)
      VALUES ('rdr_x', ?, 'x', ?, ?, ?, 1, 0, 0, 0, 0, 10, '{"a":[1,10]}', 0, ?)`,
    parameters: [serial, minute, `aaaaaa-${serial}`, `aaaaaa-${serial + 1}`, last],
  });
  await kit.database.transact([row(1, hour * 60, 5), row(2, hour * 60 + 61, 5), row(3, hour * 60 + 1, 5)]);
  assert.equal(await compactHour(kit.database, hour, 10), 0, 'a clock stepped back between them');
  await kit.database.transact([row(4, hour * 60 - 60, 5), row(5, hour * 60 - 59, 50)]);
  assert.equal(await compactHour(kit.database, hour - 1, 10), 0);
  assert.equal(await compactHour(kit.database, hour - 1, 51), 1);
});

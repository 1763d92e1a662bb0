import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HandClock, batchOf, compareInTests, quietLedger, requestOf, subscriptionOf, temporaryDatabase } from './ledger-fixture.ts';
import { verifyRanges } from './verify-ranges.ts';

let kit: Awaited<ReturnType<typeof temporaryDatabase>>;
before(async () => {
  kit = await temporaryDatabase();
});
after(() => kit.dispose());

test('verification finds a planted gap, a planted overlap and an account that differs from its ranges', async () => {
  const subscription = subscriptionOf('sub_verify', { tenant: 'verified' });
  const clock = new HandClock();
  const ids: string[] = [];
  const ledger = await quietLedger({ database: kit.database, clock });
  for (let reader = 0; reader < 4; reader += 1) {
    const account = await ledger.open(requestOf(subscription), () => undefined);
    for (let minute = 0; minute < 3; minute += 1) {
      account.charge(batchOf(minute * 10, minute * 10 + 10), 0);
      await ledger.flush();
      clock.at += 60_000;
    }
    account.close();
    ids.push(account.id);
  }
  await ledger.close();
  const verify = () => verifyRanges(kit.database, compareInTests, 'verified');
  assert.deepEqual(await verify(), { ok: true, readers: 4, ranges: 12, gaps: [], overlaps: [] });
  const plant = (sql: string, reader: string | undefined) => kit.database.transact([{ sql, parameters: [reader as string] }]);
  await plant(`UPDATE usage_range SET lo = 'aaaaaa-13' WHERE reader = ? AND serial = 2`, ids[0]);
  await plant(`UPDATE usage_range SET lo = 'aaaaaa-17' WHERE reader = ? AND serial = 3`, ids[1]);
  await plant(`UPDATE reader SET charged = 'aaaaaa-40' WHERE id = ?`, ids[2]);
  await plant(`DELETE FROM usage_range WHERE reader = ? AND serial = 1`, ids[3]);
  const found = (await verify()) as {
    ok: boolean;
    gaps: { reader: string }[];
    overlaps: { reader: string; range: number; expected: string; found: string }[];
  };
  assert.equal(found.ok, false);
  assert.deepEqual(new Set(found.gaps.map(({ reader }) => reader)), new Set([ids[0], ids[2], ids[3]]));
  assert.deepEqual(found.overlaps, [{ reader: ids[1], range: 3, expected: 'aaaaaa-20', found: 'aaaaaa-17' }]);
  assert.equal((await verifyRanges(kit.database, compareInTests, 'somebody else'))['ranges'], 0);
});

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CountingDatabase } from './counting-database.ts';
import { HandClock, quietLedger, temporaryDatabase } from './ledger-fixture.ts';

let kit: Awaited<ReturnType<typeof temporaryDatabase>>;
before(async () => {
  kit = await temporaryDatabase();
});
after(() => kit.dispose());

const noon = Date.UTC(2026, 10, 22, 12, 0, 0);

test('the same key and unit is the same counter', async () => {
  const ledger = await quietLedger({ database: kit.database, clock: new HandClock(noon) });
  assert.equal(ledger.window('same', 'day'), ledger.window('same', 'day'));
  assert.notEqual(ledger.window('same', 'day'), ledger.window('same', 'hour'));
  assert.equal(ledger.gauge('open'), ledger.gauge('open'));
  await ledger.close();
});

test('a window starts anew when it ends, and not a millisecond before', async () => {
  const clock = new HandClock(noon);
  const ledger = await quietLedger({ database: kit.database, clock });
  const day = ledger.window('turn', 'day');
  day.add(7);
  clock.at = day.resetsAt() - 1;
  assert.equal(day.used(), 7);
  clock.at += 1;
  assert.equal(day.used(), 0);
  assert.equal(new Date(day.resetsAt()).toISOString(), '2026-11-24T00:00:00.000Z');
  await ledger.close();
});

for (const unit of ['minute', 'hour', 'day', 'week', 'month'] as const) {
  test(`what a ${unit} has counted survives a restart, and is forgotten when the ${unit} is over`, async () => {
    const clock = new HandClock(noon);
    const key = `restart-${unit}`;
    const first = await quietLedger({ database: kit.database, clock });
    first.window(key, unit).add(5);
    await first.flush();
    first.window(key, unit).add(2);
    await first.close();
    const second = await quietLedger({ database: kit.database, clock });
    assert.equal(second.window(key, unit).used(), 7);
    const end = second.window(key, unit).resetsAt();
    await second.close();
    clock.at = end;
    const third = await quietLedger({ database: kit.database, clock });
    assert.equal(third.window(key, unit).used(), 0);
    await third.close();
  });
}

test('a clock that steps back neither empties a window nor moves its end', async () => {
  const clock = new HandClock(Date.UTC(2026, 10, 22, 0, 0, 5));
  const ledger = await quietLedger({ database: kit.database, clock });
  const day = ledger.window('back', 'day');
  day.add(10);
  const end = day.resetsAt();
  clock.at -= 60_000;
  assert.equal(day.used(), 10);
  assert.equal(day.resetsAt(), end);
  day.add(1);
  clock.at += 60_000;
  assert.equal(day.used(), 11);
  await ledger.close();
  clock.at -= 60_000;
  const again = await quietLedger({ database: kit.database, clock });
  assert.equal(again.window('back', 'day').used(), 11);
  assert.equal(again.window('back', 'day').resetsAt(), end);
  await again.close();
});

test('a clock that was years ahead does not block a subscriber for years, nor hand out the quota again', async () => {
  const clock = new HandClock(Date.UTC(2031, 0, 1));
  const ledger = await quietLedger({ database: kit.database, clock });
  const hour = ledger.window('ahead', 'hour');
  hour.add(4);
  clock.at = noon;
  assert.equal(hour.used(), 4);
  assert.equal(hour.resetsAt(), noon + 3_600_000);
  await ledger.close();
});

test('a count that is secured goes with the next transaction and survives whatever comes after it', async () => {
  const clock = new HandClock(noon);
  const first = await quietLedger({ database: kit.database, clock });
  const counting = new CountingDatabase(kit.database, () => first.takeUrgentCounts());
  for (const unit of ['second', 'month'] as const) {
    const window = first.window('secured', unit);
    window.add(3);
    window.secure?.();
  }
  await assert.rejects(counting.transact([{ sql: 'INSERT INTO nowhere VALUES (1)', parameters: [] }]));
  const [row] = await counting.transact([{ sql: 'SELECT 42 AS answer', parameters: [] }]);
  assert.deepEqual(
    row?.rows.map(({ answer }) => answer),
    [42],
  );
  first.window('secured', 'month').add(100);
  first.abandon();
  const second = await quietLedger({ database: kit.database, clock });
  assert.equal(second.window('secured', 'month').used(), 3);
  assert.equal(second.window('secured', 'second').used(), 3);
  await second.close();
});

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { batchOf, HandClock, positionAt, quietLedger, requestOf, subscriptionOf, temporaryDatabase } from './ledger-fixture.ts';
import type { Ledger } from './ledger.ts';

let kit: Awaited<ReturnType<typeof temporaryDatabase>>;
const clock = new HandClock();
let ledger: Ledger;

before(async () => {
  kit = await temporaryDatabase();
  ledger = await quietLedger({ database: kit.database, clock });
});

after(async () => {
  await ledger.close();
  await kit.dispose();
});

const open = (start: number, name?: string) =>
  ledger.open(requestOf(subscriptionOf('sub'), { start: positionAt(start), name }), () => undefined);

async function booked(reader: string): Promise<unknown[]> {
  await ledger.flush();
  const rows = await kit.database.query(
    'SELECT lo, hi, n_billable AS n, n_filtered AS filtered, bytes, by_type AS types FROM usage_range WHERE reader = ? ORDER BY serial',
    [reader],
  );
  return rows.map(({ lo, hi, n, filtered, bytes, types }) => [lo, hi, n, filtered, bytes, JSON.parse(String(types))]);
}

it('charges a member what came while it was one, whoever joins or leaves meanwhile', async () => {
  const tally = ledger.openTally();
  const first = await open(0);
  first.join(tally);
  tally.charge(batchOf(0, 3));
  const second = await open(3);
  second.join(tally);
  tally.charge(batchOf(3, 5, { types: ['a', 'b'], filtered: 1 }));
  first.leave();
  tally.charge(batchOf(5, 9));
  assert.deepEqual(await booked(first.id), [
    [positionAt(0), positionAt(5), 5, 1, 50, { 'order.created': [3, 30], a: [1, 10], b: [1, 10] }],
  ]);
  assert.deepEqual(await booked(second.id), [
    [positionAt(3), positionAt(9), 6, 1, 60, { a: [1, 10], b: [1, 10], 'order.created': [4, 40] }],
  ]);
  first.charge(batchOf(5, 6), 0);
  tally.charge(batchOf(9, 10));
  assert.deepEqual((await booked(first.id)).at(-1)?.toString().split(',').slice(0, 3), [positionAt(0), positionAt(6), '6']);
  assert.deepEqual((await booked(second.id)).at(-1)?.toString().split(',').slice(0, 3), [positionAt(3), positionAt(10), '7']);
});

it('is up to date where a member is looked at: its place, its seconds, its acknowledgement', async () => {
  const tally = ledger.openTally();
  const durable = await open(0, 'durable');
  durable.join(tally);
  tally.charge(batchOf(0, 4));
  durable.confirm(positionAt(3));
  assert.equal(durable.cursor, positionAt(3));
  assert.equal(durable.charged, positionAt(4));
  tally.charge(batchOf(4, 6));
  assert.equal(
    await ledger.confirm({ subscription: 'sub', name: 'durable', address: 'orders', log: 'default/orders' }, positionAt(6)),
    true,
  );
  assert.equal(durable.cursor, positionAt(6), 'no further than it was charged, and that is all of it');
  tally.charge(batchOf(6, 7));
  ledger.sample();
  assert.equal(durable.charged, positionAt(7));
});

it('keeps what is charged after the minute is over in a range of its own', async () => {
  const tally = ledger.openTally();
  const reader = await open(0);
  reader.join(tally);
  tally.charge(batchOf(0, 2));
  await ledger.flush();
  clock.at += 60_000;
  tally.charge(batchOf(2, 5));
  const rows = (await booked(reader.id)) as unknown[][];
  assert.deepEqual(
    rows.map((row) => row.slice(0, 3)),
    [
      [positionAt(0), positionAt(2), 2],
      [positionAt(2), positionAt(5), 3],
    ],
  );
});

it('gives a reader that another connection takes over everything until then, and nothing more', async () => {
  const tally = ledger.openTally();
  const before = await open(0, 'taken');
  before.join(tally);
  tally.charge(batchOf(0, 2));
  const next = await open(0, 'taken');
  assert.equal(next.charged, positionAt(2));
  tally.charge(batchOf(2, 4));
  before.leave();
  assert.equal(next.charged, positionAt(2));
  next.charge(batchOf(2, 3), 0);
  assert.deepEqual((await booked(next.id)).at(-1)?.toString().split(',').slice(0, 3), [positionAt(0), positionAt(3), '3']);
});

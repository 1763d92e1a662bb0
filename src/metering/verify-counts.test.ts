import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Position } from '../core/position.ts';
import { HandClock, batchOf, positionAt, quietLedger, requestOf, seqOf, subscriptionOf, temporaryDatabase } from './ledger-fixture.ts';
import { countByLag, type CountOf } from './log-count.ts';
import { verifyCounts } from './verify-counts.ts';

let kit: Awaited<ReturnType<typeof temporaryDatabase>>;
before(async () => {
  kit = await temporaryDatabase();
});
after(() => kit.dispose());

const ignore = (): void => undefined;
/** Every position is an event of every channel, and those up to 10 are kept no more. */
const countOf: CountOf = (_log, _address, lo, hi) => Promise.resolve(seqOf(lo) < 10 ? null : seqOf(hi) - seqOf(lo));

test('a range that accounts for fewer events than the log has is a loss, one that bills more is an overcharge', async () => {
  const ledger = await quietLedger({ database: kit.database, clock: new HandClock() });
  const subscription = subscriptionOf('counted', { tenant: 'counted' });
  const open = (start: number, filter?: string) => ledger.open(requestOf(subscription, { start: positionAt(start), filter }), ignore);
  const whole = await open(10);
  whole.charge(batchOf(10, 14), 0);
  whole.drop(3, positionAt(17), 'dropped');
  whole.drop(2, positionAt(17), 'conflated');
  whole.charge(batchOf(19, 20), 0);
  const short = await open(10);
  short.charge({ ...batchOf(10, 14), position: positionAt(15) }, 0);
  const double = await open(10);
  double.charge({ ...batchOf(10, 14), position: positionAt(13) }, 0);
  const cut = await open(10, 'cut');
  cut.charge({ ...batchOf(12, 14), filtered: 0 }, 0);
  const doubleCut = await open(10, 'cut');
  doubleCut.charge({ ...batchOf(10, 14), position: positionAt(13), filtered: 0 }, 0);
  const lost = await open(9);
  lost.charge({ ...batchOf(10, 11), position: positionAt(20) }, 0);
  await ledger.close();
  const verdict = await verifyCounts(kit.database, countOf, 'counted');
  assert.equal(verdict.compared, 5, 'not the one whose events the log has no more');
  assert.deepEqual(verdict.losses, [{ reader: short.id, range: 1, after: positionAt(10), upTo: positionAt(15), inLog: 5, found: 4 }]);
  assert.deepEqual(
    new Set(verdict.overcharges.map(({ reader, inLog, found }) => [reader, inLog, found].join(' '))),
    new Set([`${double.id} 3 4`, `${doubleCut.id} 3 4`]),
  );
  assert.equal((await verifyCounts(kit.database, countOf, 'somebody else')).compared, 0);
});

test('what a durable reader skipped by confirming is nobody’s loss, also after its ranges are merged or written by an older version', async () => {
  const clock = new HandClock(Date.UTC(2026, 10, 22, 10, 0, 0));
  const ledger = await quietLedger({ database: kit.database, clock });
  const subscription = subscriptionOf('skipping', { tenant: 'skipping' });
  const account = await ledger.open(requestOf(subscription, { name: 'one', start: positionAt(10) }), ignore);
  for (const from of [10, 20, 30]) {
    account.charge(batchOf(from, from + 5), 0);
    if (from === 20) account.confirm(positionAt(30));
    else account.charge(batchOf(from + 5, from + 10), 0);
    await ledger.flush();
    clock.at += 60_000;
  }
  const compared = async (): Promise<number> => {
    const verdict = await verifyCounts(kit.database, countOf, 'skipping');
    assert.deepEqual([verdict.losses, verdict.overcharges], [[], []]);
    return verdict.compared;
  };
  assert.equal(await compared(), 2);
  clock.at += 30 * 3_600_000;
  // Ranges are merged from the second time on after a start.
  await ledger.rollUp();
  clock.at += 60_000;
  await ledger.rollUp();
  assert.equal(await compared(), 0, 'one range, with the skip in it');
  account.charge(batchOf(40, 41), 0);
  await ledger.flush();
  assert.equal(await compared(), 1);
  await kit.database.transact([{ sql: `UPDATE usage_range SET skips = NULL WHERE tenant = 'skipping'`, parameters: [] }]);
  assert.equal(await compared(), 0);
  await ledger.close();
});

test('what a resumed reader is sent again comes on top', async () => {
  const ledger = await quietLedger({ database: kit.database, clock: new HandClock() });
  const subscription = subscriptionOf('resuming', { tenant: 'resuming' });
  const first = await ledger.open(requestOf(subscription, { start: positionAt(10) }), ignore);
  first.charge(batchOf(10, 20), 0);
  first.close();
  const second = await ledger.open(requestOf(subscription, { start: positionAt(15), resumes: true }), ignore);
  second.charge(batchOf(15, 25), 5);
  await ledger.close();
  assert.deepEqual(await verifyCounts(kit.database, countOf, 'resuming'), { compared: 1, losses: [], overcharges: [] });
});

test('events that are published or deleted while it is counted do not change the count', async () => {
  let head = 30;
  let oldest = 11;
  let onAsked: () => void = () => undefined;
  const after = (_log: string, _address: string, position: Position): Promise<number> => {
    if (seqOf(position) < oldest - 1) return Promise.reject(new Error('lost'));
    const events = head - seqOf(position);
    onAsked();
    return Promise.resolve(events);
  };
  const count = countByLag(after);
  const ask = (address = 'orders') => count('default/orders', address, positionAt(12), positionAt(20));
  assert.equal(await ask(), 8);
  assert.equal(await ask('*'), 8);
  assert.equal(await ask('orders/*'), null);
  let more = 2;
  onAsked = () => (head += more-- > 0 ? 7 : 0);
  assert.equal(await ask(), 8, 'counted again');
  onAsked = () => (head += 1);
  assert.equal(await ask(), null, 'a channel that never rests');
  onAsked = () => (oldest = 15);
  assert.equal(await ask(), null);
});

test('what is delivered late is billed once, when it is, also after ranges are merged', async () => {
  const clock = new HandClock(Date.UTC(2026, 10, 22, 10, 0, 0));
  const ledger = await quietLedger({ database: kit.database, clock });
  const subscription = subscriptionOf('late', { tenant: 'late' });
  const account = await ledger.open(requestOf(subscription, { name: 'endpoint', start: positionAt(10) }), ignore);
  const overdue = batchOf(14, 16).events;
  account.charge({ ...batchOf(10, 14), position: positionAt(20), deferred: 6 }, 0);
  account.charge({ ...batchOf(20, 20), position: positionAt(21), deferred: 1 }, 0);
  await ledger.flush();
  clock.at += 60_000;
  account.chargeLate(overdue);
  account.charge(batchOf(21, 25), 0);
  await ledger.flush();
  const check = async (): Promise<void> => {
    const { losses, overcharges } = await verifyCounts(kit.database, countOf, 'late');
    assert.deepEqual([losses, overcharges], [[], []]);
    const sums = await kit.database.query(
      `SELECT sum(n_billable) AS billed, sum(n_deferred) AS deferred, sum(n_late) AS late FROM usage_range WHERE reader = ?`,
      [account.id],
    );
    assert.deepEqual({ ...sums[0] }, { billed: 10, deferred: 7, late: 2 });
  };
  await check();
  clock.at += 30 * 3_600_000;
  await ledger.rollUp();
  await check();
  account.chargeLate(batchOf(16, 17).events);
  account.charge({ ...batchOf(25, 26), position: positionAt(28) }, 0);
  await ledger.close();
  const { losses } = await verifyCounts(kit.database, countOf, 'late');
  assert.deepEqual(
    losses.map(({ inLog, found }) => [inLog, found]),
    [[3, 1]],
    'what is billed late hides no loss',
  );
});

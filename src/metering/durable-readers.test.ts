import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SqlValue } from '../store/database.ts';
import type { Ledger } from './ledger.ts';
import { HandClock, batchOf, positionAt, quietLedger, requestOf, subscriptionOf, temporaryDatabase } from './ledger-fixture.ts';

let kit: Awaited<ReturnType<typeof temporaryDatabase>>;
before(async () => {
  kit = await temporaryDatabase();
});
after(() => kit.dispose());

let subscriptions = 0;
const nextSubscription = () => subscriptionOf(`sub_${(subscriptions += 1)}`);
const ignore = (): void => undefined;

async function withLedger(work: (ledger: Ledger, clock: HandClock) => Promise<void>, clock = new HandClock()): Promise<void> {
  const ledger = await quietLedger({ database: kit.database, clock });
  try {
    await work(ledger, clock);
  } finally {
    await ledger.close();
  }
}

function ranges(reader: string): Promise<readonly Record<string, SqlValue>[]> {
  return kit.database.query('SELECT * FROM usage_range WHERE reader = ? ORDER BY serial', [reader]);
}

test('a durable reader keeps its cursor until it is confirmed, through disconnection and restart', async () => {
  const subscription = nextSubscription();
  const named = requestOf(subscription, { name: 'billing' });
  const key = { subscription: subscription.id, name: 'billing', address: 'orders', log: 'default/orders' };
  let id = '';
  await withLedger(async (ledger) => {
    assert.equal(ledger.knows(key), false);
    assert.equal(await ledger.confirm(key, positionAt(1)), false);
    const account = await ledger.open(named, ignore);
    id = account.id;
    assert.equal(ledger.knows(key), true);
    account.charge(batchOf(0, 10), 0);
    account.confirm(positionAt(4));
    account.confirm(positionAt(3));
    account.close();
    const again = await ledger.open({ ...named, start: positionAt(9) }, ignore);
    assert.equal(again.id, id);
    assert.equal(again.cursor, positionAt(4), 'where it begins counts only the first time, and a cursor never goes back');
    again.close();
    assert.equal(await ledger.confirm(key, positionAt(6)), true);
  });
  await withLedger(async (ledger) => {
    assert.equal(ledger.knows(key), true);
    const account = await ledger.open({ ...named, start: positionAt(9) }, ignore);
    assert.equal(account.id, id);
    assert.equal(account.cursor, positionAt(6));
    assert.equal(account.charged, positionAt(10));
    assert.equal(await ledger.confirm(key, positionAt(99)), true);
    assert.equal(account.cursor, positionAt(10), 'never past what was charged');
    account.close();
  });
});

test('the newest connection takes a durable reader over: the old one is told once and charges nothing more', () =>
  withLedger(async (ledger) => {
    const request = requestOf(nextSubscription(), { name: 'one' });
    let taken = 0;
    const first = await ledger.open(request, () => (taken += 1));
    first.charge(batchOf(0, 5), 0);
    const second = await ledger.open(request, ignore);
    assert.equal(taken, 1);
    assert.equal(second.id, first.id);
    assert.equal(second.charged, positionAt(5), 'its charges are settled first');
    first.charge(batchOf(5, 9), 0);
    first.confirm(positionAt(5));
    first.close();
    second.charge(batchOf(5, 6), 0);
    await ledger.flush();
    assert.equal((await ranges(first.id))[0]?.['n_billable'], 6);
    assert.equal(ledger.readers.live.get(second.id), second);
    assert.equal(taken, 1);
    second.close();
  }));

test('a durable reader has the filter it first came with; with another it is refused', async () => {
  const subscription = nextSubscription();
  const open = (ledger: Ledger, name: string, filter: string | undefined, onTaken = ignore) =>
    ledger.open(requestOf(subscription, { name, filter }), onTaken);
  await withLedger(async (ledger) => {
    let taken = 0;
    const chosen = await open(ledger, 'chosen', 'type == "a"', () => (taken += 1));
    await open(ledger, 'plain', undefined);
    await assert.rejects(open(ledger, 'chosen', undefined), { code: 'CONFLICT', message: /chosen has the filter type == "a"/ });
    await assert.rejects(open(ledger, 'plain', 'false'), { code: 'CONFLICT', message: /plain reads without a filter/ });
    assert.equal(taken, 0, 'who is refused takes nobody over');
    chosen.charge({ ...batchOf(0, 1), position: positionAt(5), filtered: 4 }, 0);
  });
  await withLedger(async (ledger) => {
    await assert.rejects(open(ledger, 'chosen', undefined), { code: 'CONFLICT', details: { filter: 'type == "a"' } });
    const again = await open(ledger, 'chosen', 'type == "a"');
    assert.equal(again.charged, positionAt(5));
    again.close();
    await ledger.flush();
    await assert.rejects(open(ledger, 'chosen', 'false'), { code: 'CONFLICT' });
    assert.equal(await ledger.forget('default', again.id), true, 'a refusal does not hold the reader');
    const anew = await open(ledger, 'chosen', 'false');
    assert.notEqual(anew.id, again.id);
    anew.close();
  });
});

test('two connections that come with a new name at once are one reader', () =>
  withLedger(async (ledger) => {
    const request = requestOf(nextSubscription(), { name: 'race' });
    const [first, second] = await Promise.all([ledger.open(request, ignore), ledger.open(request, ignore)]);
    assert.equal(first.id, second.id);
    second.close();
  }));

test('a subscription has a thousand durable readers and no more', () =>
  withLedger(async (ledger) => {
    const subscription = nextSubscription();
    for (let index = 0; index < 1000; index += 1) (await ledger.open(requestOf(subscription, { name: `r${index}` }), ignore)).close();
    await assert.rejects(ledger.open(requestOf(subscription, { name: 'more' }), ignore), { code: 'LIMIT_REACHED' });
    const known = await ledger.open(requestOf(subscription, { name: 'r7' }), ignore);
    known.close();
  }));

test('readers of WebSub subscribers do not count among the thousand, before and after a restart', async () => {
  const subscription = nextSubscription();
  const open = async (ledger: Ledger, name: string, protocol: string): Promise<void> =>
    (await ledger.open(requestOf(subscription, { name, protocol }), ignore)).close();
  await withLedger(async (ledger) => {
    for (let index = 0; index < 1001; index += 1) await open(ledger, `websub-${index}`, 'websub');
    await open(ledger, 'mine', 'sse');
  });
  await withLedger(async (ledger) => {
    await open(ledger, 'another', 'websub');
    for (let index = 0; index < 999; index += 1) await open(ledger, `r${index}`, 'sse');
    await assert.rejects(open(ledger, 'more', 'sse'), { code: 'LIMIT_REACHED' });
  });
});

test('a forgotten durable reader begins anew, and its usage stays', () =>
  withLedger(async (ledger) => {
    const request = requestOf(nextSubscription(), { name: 'gone' });
    const account = await ledger.open(request, ignore);
    account.charge(batchOf(0, 5), 0);
    assert.equal(await ledger.forget('default', account.id), false, 'it is connected');
    account.close();
    assert.equal(await ledger.forget('other', account.id), false, 'it is of another tenant');
    assert.equal(await ledger.forget('default', account.id), true);
    assert.equal(await ledger.forget('default', account.id), false);
    const again = await ledger.open({ ...request, start: positionAt(3) }, ignore);
    assert.notEqual(again.id, account.id);
    assert.equal(again.cursor, positionAt(3));
    assert.equal((await ranges(account.id))[0]?.['n_billable'], 5);
    again.close();
  }));

test('what is charged to connections under the name of one that defers is told apart until that is seen to, over restarts too', async () => {
  const named = requestOf(nextSubscription(), { name: 'endpoint' });
  await withLedger(async (ledger) => {
    const pushed = await ledger.open({ ...named, defers: true }, ignore);
    assert.equal(pushed.lentFrom, undefined);
    pushed.charge({ ...batchOf(0, 3), position: positionAt(4), deferred: 1 }, 0);
    for (const upTo of [6, 8]) {
      const connection = await ledger.open(named, ignore);
      connection.charge(batchOf(upTo - 2, upTo), 0);
      connection.close();
    }
  });
  await withLedger(async (ledger) => {
    const pushed = await ledger.open({ ...named, defers: true }, ignore);
    assert.deepEqual([pushed.lentFrom, pushed.charged], [positionAt(4), positionAt(8)]);
    pushed.close();
    const again = await ledger.open({ ...named, defers: true }, ignore);
    assert.equal(again.lentFrom, positionAt(4), 'nobody has seen to it');
    again.takeBack();
    again.close();
  });
  await withLedger(async (ledger) => {
    const pushed = await ledger.open({ ...named, defers: true }, ignore);
    assert.equal(pushed.lentFrom, undefined);
    pushed.close();
  });
});

test('what was on its way when a connection took the reader over is billed late all the same', () =>
  withLedger(async (ledger) => {
    const named = requestOf(nextSubscription(), { name: 'endpoint' });
    const pushed = await ledger.open({ ...named, defers: true }, ignore);
    pushed.charge({ ...batchOf(0, 3), position: positionAt(4), deferred: 1 }, 0);
    const connection = await ledger.open(named, ignore);
    pushed.charge(batchOf(4, 5), 0);
    pushed.chargeLate(batchOf(3, 4).events);
    connection.charge(batchOf(4, 6), 0);
    connection.close();
    pushed.chargeLate(batchOf(3, 4).events);
    await ledger.flush();
    const [range] = await ranges(pushed.id);
    assert.deepEqual([range?.['n_billable'], range?.['n_deferred'], range?.['n_late'], range?.['hi']], [6, 1, 1, positionAt(6)]);
  }));

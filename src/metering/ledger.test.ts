import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ReaderRequest } from '../core/meter.ts';
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

test('a connection that reads nothing leaves no row', () =>
  withLedger(async (ledger) => {
    const account = await ledger.open(requestOf(nextSubscription()), ignore);
    account.close();
    await ledger.flush();
    assert.equal((await kit.database.query('SELECT id FROM reader WHERE id = ?', [account.id])).length, 0);
  }));

test('cursor, range and count by type are one row each, however many flushes went out within a minute', () =>
  withLedger(async (ledger) => {
    const account = await ledger.open(requestOf(nextSubscription()), ignore);
    account.charge(batchOf(0, 10, { types: ['a', 'b'] }), 0);
    await ledger.flush();
    account.charge(batchOf(10, 13, { types: ['a'] }), 0);
    await ledger.flush();
    const [row, ...others] = await ranges(account.id);
    assert.equal(others.length, 0);
    assert.equal(row?.['lo'], positionAt(0));
    assert.equal(row['hi'], positionAt(13));
    assert.equal(row['n_billable'], 13);
    assert.equal(row['bytes'], 130);
    assert.deepEqual(JSON.parse(String(row['by_type'])), { a: [8, 80], b: [5, 50] });
    const [reader] = await kit.database.query('SELECT * FROM reader WHERE id = ?', [account.id]);
    assert.equal(reader?.['charged'], positionAt(13));
    account.close();
  }));

test('each minute is a range of its own, which begins where the one before ended, also under steady load', () =>
  withLedger(async (ledger, clock) => {
    const account = await ledger.open(requestOf(nextSubscription()), ignore);
    for (let minute = 0; minute < 4; minute += 1) {
      account.charge(batchOf(minute * 2, minute * 2 + 1), 0);
      const writing = ledger.flush();
      account.charge(batchOf(minute * 2 + 1, minute * 2 + 2), 0);
      await writing;
      clock.at += 60_000;
    }
    await ledger.flush();
    const rows = await ranges(account.id);
    assert.equal(rows.length, 4);
    assert.equal(
      rows.reduce((sum, row) => sum + Number(row['n_billable']), 0),
      8,
    );
    rows.slice(1).forEach((row, index) => assert.equal(row['lo'], rows[index]?.['hi']));
    account.close();
  }));

test('a resumed connection goes on with its reader; what it is sent again is redelivered and not billed', () =>
  withLedger(async (ledger) => {
    const subscription = nextSubscription();
    const first = await ledger.open(requestOf(subscription), ignore);
    first.charge(batchOf(0, 10), 0);
    first.close();
    const second = await ledger.open(requestOf(subscription, { start: positionAt(6), resumes: true }), ignore);
    assert.equal(second.id, first.id);
    assert.equal(second.cursor, positionAt(6));
    assert.equal(second.charged, positionAt(10));
    second.charge(batchOf(6, 12), 4);
    await ledger.flush();
    const [row] = await ranges(first.id);
    assert.equal(row?.['n_billable'], 12);
    assert.equal(row['n_redelivered'], 4);
    assert.equal(row['bytes'], 120);
    assert.equal(row['hi'], positionAt(12));
    second.close();
  }));

test('the closed reader that was charged least beyond the position is the one resumed, and only one that began before it', () =>
  withLedger(async (ledger) => {
    const subscription = nextSubscription();
    const open = async (start: number, end: number): Promise<string> => {
      const account = await ledger.open(requestOf(subscription, { start: positionAt(start) }), ignore);
      account.charge(batchOf(start, end), 0);
      account.close();
      return account.id;
    };
    const far = await open(0, 50);
    const near = await open(0, 20);
    const late = await open(12, 15);
    const resume = (at: number) => ledger.open(requestOf(subscription, { start: positionAt(at), resumes: true }), ignore);
    assert.equal((await resume(10)).id, near, 'the nearest that began before 10');
    assert.equal((await resume(14)).id, late);
    assert.equal((await resume(30)).id, far);
    const fresh = await resume(30);
    assert.ok(![far, near, late].includes(fresh.id), 'one reader cannot be resumed twice');
    assert.equal(fresh.charged, positionAt(30));
  }));

test('a connection of another subscription or address, or past what was charged, resumes nobody', () =>
  withLedger(async (ledger) => {
    const subscription = nextSubscription();
    const first = await ledger.open(requestOf(subscription), ignore);
    first.charge(batchOf(0, 10), 0);
    first.close();
    for (const request of [
      requestOf(nextSubscription(), { start: positionAt(5), resumes: true }),
      requestOf(subscription, { start: positionAt(5), resumes: true, address: 'other' }),
      requestOf(subscription, { start: positionAt(11), resumes: true }),
      requestOf(subscription, { start: positionAt(5), resumes: false }),
      requestOf(subscription, { start: positionAt(5, 'bbbbbb'), resumes: true }),
    ]) {
      assert.notEqual((await ledger.open(request, ignore)).id, first.id);
    }
  }));

test('a connection can be resumed after a restart and after a crash, and not after a day', async () => {
  const clock = new HandClock();
  const subscription = nextSubscription();
  let id = '';
  await withLedger(async (ledger) => {
    const account = await ledger.open(requestOf(subscription), ignore);
    id = account.id;
    account.charge(batchOf(0, 10), 0);
    account.close();
  }, clock);
  const crashed = await quietLedger({ database: kit.database, clock });
  const resumed = await crashed.open(requestOf(subscription, { start: positionAt(10), resumes: true }), ignore);
  assert.equal(resumed.id, id);
  resumed.charge(batchOf(10, 20), 0);
  await crashed.flush();
  resumed.charge(batchOf(20, 30), 0);
  crashed.abandon();
  await withLedger(async (ledger) => {
    const again = await ledger.open(requestOf(subscription, { start: positionAt(12), resumes: true }), ignore);
    assert.equal(again.id, id);
    assert.equal(again.charged, positionAt(20), 'what was not written was not charged');
    again.charge(batchOf(12, 30), 8);
    again.close();
  }, clock);
  assert.equal(
    (await ranges(id)).reduce((sum, row) => sum + Number(row['n_billable']), 0),
    30,
  );
  clock.at += 24 * 3_600_000 + 1;
  await withLedger(async (ledger) => {
    assert.notEqual((await ledger.open(requestOf(subscription, { start: positionAt(12), resumes: true }), ignore)).id, id);
  }, clock);
});

test('a reader that nobody goes on with takes no place among those that can be resumed, not even after a restart, and is billed', async () => {
  const clock = new HandClock(Date.UTC(2026, 11, 24));
  const subscription = nextSubscription();
  const reopened = (): Promise<Ledger> => quietLedger({ database: kit.database, clock, mostResumable: 1 });
  const resume = requestOf(subscription, { start: positionAt(5), resumes: true });
  const read = async (ledger: Ledger, over: Partial<ReaderRequest> = {}): Promise<string> => {
    const account = await ledger.open(requestOf(subscription, over), ignore);
    account.charge(batchOf(0, 10), 0);
    account.close();
    clock.at += 1000;
    return account.id;
  };
  const first = await reopened();
  const kept = await read(first);
  const passing = [await read(first, { isResumable: false }), await read(first, { isResumable: false })];
  assert.equal(first.readers.resumable, 1);
  await first.close();
  const second = await reopened();
  assert.equal((await second.open(resume, ignore)).id, kept);
  assert.ok(!passing.includes((await second.open(resume, ignore)).id));
  await second.close();
  for (const id of passing) assert.equal((await ranges(id))[0]?.['n_billable'], 10);
});

test('closed connections are kept up to a number, the oldest go first', async () => {
  const ledger = await quietLedger({ database: kit.database, clock: new HandClock(), mostResumable: 3 });
  const subscription = nextSubscription();
  const ids: string[] = [];
  for (let index = 0; index < 5; index += 1) {
    const account = await ledger.open(requestOf(subscription), ignore);
    account.charge(batchOf(0, 10 + index), 0);
    account.close();
    ids.push(account.id);
  }
  assert.equal(ledger.readers.resumable, 3);
  const resumed = await ledger.open(requestOf(subscription, { start: positionAt(10), resumes: true }), ignore);
  assert.equal(resumed.id, ids[2]);
  await ledger.close();
});

test('what a filter took out is billed when it is delivered to another reader', async () => {
  const clock = new HandClock();
  const subscription = nextSubscription();
  const filtered = requestOf(subscription, { filter: 'false' });
  let id = '';
  await withLedger(async (ledger) => {
    const first = await ledger.open(filtered, ignore);
    id = first.id;
    first.charge({ ...batchOf(0, 0), position: positionAt(10), filtered: 10 }, 0);
    first.close();
    for (const filter of [undefined, 'true']) {
      const other = await ledger.open(requestOf(subscription, { filter, start: positionAt(0), resumes: true }), ignore);
      assert.notEqual(other.id, id, `resumed with ${filter}`);
      assert.equal(other.charged, positionAt(0));
      other.charge(batchOf(0, 10), 0);
      await ledger.flush();
      assert.equal((await ranges(other.id))[0]?.['n_billable'], 10);
      other.close();
    }
  }, clock);
  await withLedger(async (ledger) => {
    const resume = { start: positionAt(10), resumes: true };
    const plain = await ledger.open(requestOf(subscription, resume), ignore);
    assert.notEqual(plain.id, id, 'nor after a restart');
    const again = await ledger.open({ ...filtered, ...resume }, ignore);
    assert.equal(again.id, id, 'with its own filter it goes on');
    plain.close();
    again.close();
  }, clock);
});

test('filtered, dropped and conflated events are recorded, and the ranges go on without a hole', () =>
  withLedger(async (ledger) => {
    const account = await ledger.open(requestOf(nextSubscription()), ignore);
    account.charge({ ...batchOf(0, 3), position: positionAt(5), filtered: 2 }, 0);
    account.charge({ ...batchOf(5, 5), position: positionAt(8), filtered: 3 }, 0);
    account.drop(4, positionAt(12), 'dropped');
    account.drop(2, positionAt(12), 'conflated');
    account.charge(batchOf(12, 13), 0);
    await ledger.flush();
    const [row] = await ranges(account.id);
    assert.deepEqual(
      ['n_billable', 'n_filtered', 'n_dropped', 'n_conflated', 'hi'].map((column) => row?.[column]),
      [4, 5, 4, 2, positionAt(13)],
    );
    account.close();
  }));

test('a store that refuses loses nothing: state stays where it is and goes with the next commit', () =>
  withLedger(async (ledger, clock) => {
    const account = await ledger.open(requestOf(nextSubscription()), ignore);
    kit.database.isRefusing = true;
    for (let minute = 0; minute < 10; minute += 1) {
      account.charge(batchOf(minute, minute + 1), 0);
      ledger.window('refusing', 'month').add(1);
      await assert.rejects(ledger.flush(), { code: 'FULL' });
      clock.at += 60_000;
    }
    assert.match(ledger.failure?.reason ?? '', /no space/i);
    kit.database.isRefusing = false;
    await ledger.flush();
    assert.equal(ledger.failure, undefined);
    const rows = await ranges(account.id);
    assert.ok(rows.length <= 2, 'waiting ranges do not pile up');
    assert.equal(
      rows.reduce((sum, row) => sum + Number(row['n_billable']), 0),
      10,
    );
    assert.equal((await kit.database.query(`SELECT used FROM counter WHERE key = 'refusing'`))[0]?.['used'], 10);
    account.close();
  }));

test('a commit that is on disk but was reported as failed is written again without counting twice', () =>
  withLedger(async (ledger) => {
    const subscription = nextSubscription();
    const account = await ledger.open(requestOf(subscription), ignore);
    account.charge(batchOf(0, 11), 0);
    const byType = new Map([['t', { events: 3, bytes: 30 }]]);
    ledger.published({ subscription, protocol: 'publish', log: 'default/orders', address: 'orders', byType, duplicates: 1, latency: 2 });
    kit.database.isLosingAnswers = true;
    await assert.rejects(ledger.flush(), { code: 'FAILED' });
    account.charge(batchOf(11, 12), 0);
    await assert.rejects(ledger.flush(), { code: 'FAILED' });
    kit.database.isLosingAnswers = false;
    await ledger.flush();
    assert.equal(
      (await ranges(account.id)).reduce((sum, row) => sum + Number(row['n_billable']), 0),
      12,
    );
    const [published] = await kit.database.query(
      'SELECT sum(events) AS events, sum(duplicates) AS duplicates FROM publish_usage WHERE subscription = ?',
      [subscription.id],
    );
    assert.deepEqual({ ...published }, { events: 3, duplicates: 1 });
    account.close();
  }));

test('types past the bound are counted together, and nothing is lost of the sum', () =>
  withLedger(async (ledger) => {
    const account = await ledger.open(requestOf(nextSubscription()), ignore);
    const types = Array.from({ length: 1000 }, (_, index) => `type.${index}`);
    for (let flush = 0; flush < 3; flush += 1) account.charge(batchOf(flush * 1000, flush * 1000 + 1000, { types }), 0);
    await ledger.flush();
    const byType = JSON.parse(String((await ranges(account.id))[0]?.['by_type'])) as Record<string, [number, number]>;
    assert.equal(Object.keys(byType).length, 256);
    assert.equal(
      Object.values(byType).reduce((sum, [n]) => sum + n, 0),
      3000,
    );
    assert.ok((byType['(other)']?.[0] ?? 0) > 2000);
    account.close();
  }));

test('credentials remember their last use across restarts', async () => {
  const clock = new HandClock();
  await withLedger(async (ledger) => {
    ledger.touchCredential('key_1');
    assert.equal(ledger.credentials.lastUsed('key_1'), clock.at);
    assert.equal(ledger.credentials.lastUsed('key_2'), undefined);
    await Promise.resolve();
  }, clock);
  await withLedger(async (ledger) => {
    assert.equal(ledger.credentials.lastUsed('key_1'), clock.at);
    await Promise.resolve();
  });
});

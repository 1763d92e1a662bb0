import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { StoreError, type Database, type SqlValue, type Statement, type StatementResult } from '../store/database.ts';
import { CommitLoop } from './commit-loop.ts';
import { HandClock, batchOf, compareInTests, quietLedger, requestOf, subscriptionOf, temporaryDatabase } from './ledger-fixture.ts';
import { verifyRanges } from './verify-ranges.ts';

let kit: Awaited<ReturnType<typeof temporaryDatabase>>;
before(async () => {
  kit = await temporaryDatabase();
});
after(() => kit.dispose());

/** The real database with a list of what each transaction wrote, and one transaction that may be told to fail. */
class WatchedDatabase implements Database {
  readonly transactions: { readonly values: number; readonly counters: boolean }[] = [];
  failing: number | undefined;
  onTransact: () => void = () => undefined;

  async transact(statements: readonly Statement[]): Promise<readonly StatementResult[]> {
    if (this.transactions.length === this.failing) {
      this.failing = undefined;
      throw new StoreError('FULL', 'There is no space left in the data folder.');
    }
    const values = statements.reduce((sum, { parameters }) => sum + (parameters?.length ?? 0), 0);
    this.transactions.push({ values, counters: statements.some(({ sql }) => sql.includes('counter')) });
    this.onTransact();
    return kit.database.transact(statements);
  }

  query(sql: string, parameters?: readonly SqlValue[]): Promise<readonly Record<string, SqlValue>[]> {
    return kit.database.query(sql, parameters);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function ledgerOf(database: WatchedDatabase, readers: number, prefix: string) {
  const ledger = await quietLedger({ database, clock: new HandClock() });
  const subscription = subscriptionOf(`${prefix}_sub`);
  const accounts = await Promise.all(Array.from({ length: readers }, () => ledger.open(requestOf(subscription), () => undefined)));
  database.transactions.length = 0;
  return { ledger, accounts };
}

async function billed(prefix: string): Promise<{ readonly ranges: number; readonly events: number }> {
  const sql =
    'SELECT count(*) AS ranges, sum(n_billable) AS events FROM usage_range JOIN reader ON reader.id = reader WHERE subscription = ?';
  const [row] = await kit.database.query(sql, [`${prefix}_sub`]);
  return { ranges: Number(row?.['ranges']), events: Number(row?.['events']) };
}

/** Readers in one part. */
const atOnce = 32;

function partsWithCounters({ transactions }: WatchedDatabase): readonly number[] {
  return transactions.flatMap(({ counters }, nth) => (counters ? nth : []));
}

test('thousands of readers are written in parts, between which others get their turn; counts go with the last', async () => {
  const database = new WatchedDatabase();
  const { ledger, accounts } = await ledgerOf(database, 2000, 'parts');
  for (const account of accounts) account.charge(batchOf(0, 3), 0);
  ledger.window('parts', 'month').add(6000);
  await ledger.flush();
  assert.equal(database.transactions.length, Math.ceil(2000 / atOnce));
  for (const { values } of database.transactions) assert.ok(values < 1500, `${values} values in one transaction`);
  assert.deepEqual(partsWithCounters(database), [62]);
  assert.deepEqual(await billed('parts'), { ranges: 2000, events: 6000 });
  await ledger.close();
});

test('a part that fails goes again with the next commit, with what was charged meanwhile, and nothing twice', async () => {
  const database = new WatchedDatabase();
  const { ledger, accounts } = await ledgerOf(database, 1000, 'failing');
  for (const account of accounts) account.charge(batchOf(0, 3), 0);
  ledger.window('failing', 'month').add(3000);
  database.failing = 2;
  await assert.rejects(ledger.flush(), { code: 'FULL' });
  for (const account of accounts) account.charge(batchOf(3, 4), 0);
  await ledger.flush();
  assert.deepEqual(await billed('failing'), { ranges: 1000, events: 4000 });
  assert.deepEqual(partsWithCounters(database), [2 + Math.ceil(1000 / atOnce) - 1], 'counts go behind all usage they count');
  const { ok } = await verifyRanges(kit.database, compareInTests, 'default');
  assert.equal(ok, true);
  await ledger.close();
});

test('readers that go on meanwhile do not make a round of commits endless', async () => {
  const database = new WatchedDatabase();
  const { ledger, accounts } = await ledgerOf(database, 600, 'busy');
  let at = 1;
  database.onTransact = () => {
    for (const account of accounts) account.charge(batchOf(at, at + 1), 0);
    at += 1;
  };
  for (const account of accounts) account.charge(batchOf(0, 1), 0);
  await ledger.flush();
  assert.equal(database.transactions.length, Math.ceil(600 / atOnce));
  database.onTransact = () => undefined;
  await ledger.flush();
  assert.deepEqual(await billed('busy'), { ranges: 600, events: 600 * at });
  await ledger.close();
});

test('all who wait for a commit share the next, and have on disk what was there when they came', async () => {
  const database = new WatchedDatabase();
  const { ledger, accounts } = await ledgerOf(database, 1, 'waiting');
  let at = 0;
  const deliver = (): void => {
    for (const account of accounts) account.charge(batchOf(at, at + 1), 0);
    at += 1;
  };
  // There is always more to write.
  database.onTransact = deliver;
  deliver();
  const first = ledger.flush();
  const others = Array.from({ length: 200 }, async () => {
    const before = at;
    await ledger.flush();
    const { events } = await billed('waiting');
    assert.ok(events >= before, `${events} of ${before} events`);
  });
  await Promise.all([first, ...others]);
  assert.equal(database.transactions.length, 2);
  database.onTransact = () => undefined;
  await ledger.close();
});

test('who waits while a commit fails has his own go with the next', async () => {
  const database = new WatchedDatabase();
  const { ledger, accounts } = await ledgerOf(database, 1, 'refused');
  accounts[0]?.charge(batchOf(0, 1), 0);
  database.failing = 0;
  const failing = ledger.flush();
  const others = [ledger.flush(), ledger.flush()];
  await assert.rejects(failing, { code: 'FULL' });
  await Promise.all(others);
  assert.deepEqual(await billed('refused'), { ranges: 1, events: 1 });
  await ledger.close();
});

test('after a long commit what is not urgent rests, and what is goes at the next interval', async (context) => {
  let now = 1000;
  context.mock.method(performance, 'now', () => now);
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const pass = async (milliseconds: number): Promise<void> => {
    for (const end = now + milliseconds; now < end;) {
      now += 10;
      context.mock.timers.tick(10);
      await setImmediate();
    }
  };
  let commits = 0;
  const slow: Pick<Database, 'transact'> = {
    transact: async () => {
      now += 20;
      commits += 1;
      return [];
    },
  };
  const book = { dirty: true, isUrgent: false, collect: () => [], committed: () => (book.dirty = false), failed: () => undefined };
  const database = { ...slow, query: async () => [], close: async () => undefined };
  const loop = new CommitLoop({ database, clock: new HandClock(), books: [book], interval: 10, onOutcome: () => undefined });
  loop.start();
  await pass(10);
  assert.equal(commits, 1);
  book.dirty = true;
  // A commit of 20 ms is followed by a second's rest.
  await pass(990);
  assert.equal(commits, 1);
  await pass(20);
  assert.equal(commits, 2);
  book.dirty = true;
  await pass(200);
  book.isUrgent = true;
  await pass(10);
  assert.equal(commits, 3);
  loop.stop();
});

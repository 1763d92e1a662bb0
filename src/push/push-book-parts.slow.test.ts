import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ReaderAccount } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import {
  batchOf,
  compareInTests,
  HandClock,
  positionAt,
  quietLedger,
  requestOf,
  seqOf,
  subscriptionOf,
} from '../metering/ledger-fixture.ts';
import type { Ledger } from '../metering/ledger.ts';
import { meteringMigrations } from '../metering/migrations.ts';
import { verifyRanges } from '../metering/verify-ranges.ts';
import { StoreError, type Database, type Statement } from '../store/database.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { pushMigrations } from './migrations.ts';
import { PushBook } from './push-book.ts';

const subscription = subscriptionOf('sub_1');

/** More than are written in three commits, so that the last one is written in the fourth or later. */
const count = 100;

describe('when the cursors of many endpoints are written in several commits', () => {
  let folder: string;
  let database: Database;
  let book: PushBook;
  let ledger: Ledger;
  let first: ReaderAccount;
  let last: ReaderAccount;
  /** What happens while the first of them is on its way to the disk. */
  let meanwhile: () => void;
  /** How many commits are taken before all are refused. */
  let takenFirst: number;
  /** After each commit: the cursor of the last endpoint, what is owed to it and marked as done, and what was billed late of all. */
  let seen: { readonly cursor: string; readonly owed: number; readonly marked: readonly string[]; readonly late: number }[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    const real = await openDatabase({ folder, migrations: [...meteringMigrations, ...pushMigrations] });
    meanwhile = () => undefined;
    takenFirst = Infinity;
    const transact = async (statements: readonly Statement[]) => {
      if (takenFirst === 0) throw new StoreError('FULL', 'Refused by the test.');
      takenFirst -= 1;
      const writing = real.transact(statements);
      meanwhile();
      meanwhile = () => undefined;
      const results = await writing;
      seen.push(await look());
      return results;
    };
    database = { transact, query: (sql, parameters) => real.query(sql, parameters), close: () => real.close() };
    book = new PushBook();
    book.restore('end_last', []);
    seen = [];
    ledger = await quietLedger({ database, clock: new HandClock(), before: [book] });
    const open = (nth: number) => ledger.open(requestOf(subscription, { name: `r${nth}` }), () => undefined);
    first = last = await open(0);
    for (let nth = 1; nth < count; nth += 1) last = await open(nth);
    await ledger.commit();
    seen = [];
  });
  afterEach(async () => {
    ledger.abandon();
    await database.close();
    await rm(folder, { recursive: true });
  });

  async function look(): Promise<(typeof seen)[number]> {
    const [reader] = await database.query(`SELECT cursor FROM reader WHERE name = 'r${count - 1}'`);
    const [owed] = await database.query(`SELECT count(*) AS n FROM push_delivery WHERE endpoint = 'end_last'`);
    const marks = await database.query(`SELECT position FROM push_settled WHERE endpoint = 'end_last' ORDER BY position`);
    const marked = marks.map(({ position }) => String(position));
    const [late] = await database.query('SELECT coalesce(sum(n_late), 0) AS n FROM usage_range');
    return { cursor: String(reader?.['cursor'] ?? ''), owed: Number(owed?.['n']), marked, late: Number(late?.['n']) };
  }

  async function moveAll(from = 0): Promise<void> {
    for (const account of ledger.readers.live.values()) {
      account.charge(batchOf(from, from + 1), 0);
      account.confirm(positionAt(from + 1));
    }
    await ledger.commit();
  }

  /** An event at 2 fails and is passed over by this reader. */
  function owe(account: ReaderAccount): void {
    const [event] = batchOf(1, 2).events;
    const tries = { counted: 1, throttled: 0, formatRefused: 0 };
    const owed = { endpoint: 'end_last', tenant: 'default', position: positionAt(2), eventId: '2', eventType: 't', key: undefined };
    book.put({ ...owed, state: 'waiting', reason: 'status', attempts: 1, tries, dueAt: 0, isBilled: false }, event!);
    account.charge({ events: [], bytes: 0, position: positionAt(2), filtered: 0, deferred: 1 }, 0);
    account.confirm(positionAt(2));
  }

  /** All have moved on over an event that is owed to this one, as is on disk. */
  async function oweTo(account: ReaderAccount): Promise<void> {
    await moveAll();
    owe(account);
    for (const other of ledger.readers.live.values()) if (other !== account) other.charge(batchOf(1, 2), 0);
    await ledger.commit();
    assert.deepEqual([seen.at(-1)?.owed, seen.at(-1)?.late], [1, 0]);
    seen = [];
  }

  function deliverTo(account: ReaderAccount): void {
    book.remove('end_last', positionAt(2));
    account.chargeLate(batchOf(1, 2).events);
  }

  test('P7: what is owed is on disk no later than the cursor that passes it over', async () => {
    meanwhile = () => owe(last);
    await moveAll();
    assert.ok(seen.length > 2);
    assert.equal(seen.at(-1)?.cursor, positionAt(2));
    for (const { cursor, owed } of seen)
      assert.ok(cursor !== positionAt(2) || owed === 1, 'the event is neither ahead of the cursor nor owed');
  });

  test('P7: what is done ahead of a cursor stays marked until the cursor has passed it on disk', async () => {
    let ahead: readonly Position[] = [positionAt(2)];
    const source = { id: 'end_last', settledAhead: () => ahead };
    book.moved(source);
    await ledger.commit();
    seen = [];
    meanwhile = () => {
      ahead = [positionAt(3)];
      last.charge(batchOf(1, 2), 0);
      last.confirm(positionAt(2));
      book.moved(source);
    };
    await moveAll();
    assert.ok(seen.length > 2);
    for (const { cursor, marked } of seen)
      assert.ok(cursor === positionAt(2) || marked.includes(positionAt(2)), `${cursor} ${marked.join()}`);
    assert.ok(seen.at(-1)?.marked.includes(positionAt(3)));
    for (let round = 0; round < 3; round += 1) await ledger.commit();
    assert.deepEqual((await look()).marked, [positionAt(3)]);
  });

  for (const refused of [1, 2]) {
    test(`P7: what is done ahead of a cursor stays marked also when commit ${refused} of the round is refused`, async () => {
      let ahead: readonly Position[] = [positionAt(2)];
      const source = { id: 'end_last', settledAhead: () => ahead };
      book.moved(source);
      await ledger.commit();
      await moveAll();
      seen = [];
      ahead = [];
      book.moved(source);
      takenFirst = refused - 1;
      await assert.rejects(moveAll(1), { code: 'FULL' });
      takenFirst = Infinity;
      for (let round = 0; round < 3; round += 1) await ledger.commit();
      assert.ok(seen.length > 3);
      for (const { cursor, marked } of seen)
        assert.ok(cursor === positionAt(2) || marked.includes(positionAt(2)), `${cursor} ${marked.join()}`);
      assert.deepEqual(seen.at(-1)?.marked, []);
    });
  }

  const whose = [
    ['whose turn in the round is still to come', () => last],
    ['who has had his turn in the round', () => first],
  ] as const;
  for (const [who, of] of whose) {
    test(`P7: what is delivered late to one ${who} is billed in the commit that says that it is owed no more`, async () => {
      await oweTo(of());
      meanwhile = () => deliverTo(of());
      await moveAll(2);
      await ledger.commit();
      assert.ok(seen.length > 3);
      for (const { owed, late } of seen) assert.equal(owed + late, 1);
      assert.equal(seen.at(-1)?.late, 1);
      const { ok } = await verifyRanges(database, compareInTests, 'default');
      assert.equal(ok, true);
    });
  }

  test('P7: so it is when that commit is refused', async () => {
    await oweTo(first);
    meanwhile = () => deliverTo(first);
    takenFirst = 1;
    await assert.rejects(moveAll(2), { code: 'FULL' });
    takenFirst = Infinity;
    await ledger.commit();
    for (const { owed, late } of seen) assert.equal(owed + late, 1);
    assert.equal(seen.at(-1)?.late, 1);
  });

  for (const commits of [1, 2, 3]) {
    test(`P7: so it is for one whose group is charged together, after a crash behind commit ${commits} too`, async () => {
      await oweTo(first);
      const tally = ledger.openTally();
      const [together, alone] = [[...ledger.readers.live.values()].slice(0, 10), [...ledger.readers.live.values()].slice(10)];
      for (const account of together) account.join(tally);
      // Their rows refer to the group from then on.
      for (const from of [2, 3]) {
        tally.charge(batchOf(from, from + 1));
        await ledger.commit();
      }
      for (const account of alone) account.charge(batchOf(2, 3), 0);
      tally.charge(batchOf(4, 5));
      meanwhile = () => {
        tally.charge(batchOf(5, 6));
        deliverTo(first);
      };
      takenFirst = commits;
      const roundAndNext = ledger.commit().then(() => ledger.commit());
      await assert.rejects(roundAndNext, { code: 'FULL' });
      ledger.abandon();
      takenFirst = Infinity;
      book = new PushBook();
      ledger = await quietLedger({ database, clock: new HandClock(), before: [book] });
      const { owed, late } = await look();
      assert.deepEqual([owed, late], commits === 1 ? [1, 0] : [0, 1]);
      const readers = await database.query(
        `SELECT charged, (SELECT sum(n_billable - n_late + n_deferred) FROM usage_range WHERE reader = id) AS events FROM reader`,
      );
      assert.equal(readers.length, count);
      for (const { charged, events } of readers) assert.equal(Number(events), seqOf(String(charged) as Position));
      const { ok } = await verifyRanges(database, compareInTests, 'default');
      assert.equal(ok, true);
    });
  }
});

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ReaderAccount } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import { batchOf, HandClock, positionAt, quietLedger, requestOf, subscriptionOf } from '../metering/ledger-fixture.ts';
import type { Ledger } from '../metering/ledger.ts';
import { meteringMigrations } from '../metering/migrations.ts';
import type { Database, Statement } from '../store/database.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { pushMigrations } from './migrations.ts';
import { PushBook } from './push-book.ts';

const subscription = subscriptionOf('sub_1');

/** More than are written in two commits, so that the last one is written in the third or later. */
const count = 600;

describe('when the cursors of many endpoints are written in several commits', () => {
  let folder: string;
  let database: Database;
  let book: PushBook;
  let ledger: Ledger;
  let last: ReaderAccount;
  /** What happens while the first of them is on its way to the disk. */
  let meanwhile: () => void;
  /** After each commit: the cursor of the last endpoint, what is owed to it, and what is marked as done. */
  let seen: { readonly cursor: string; readonly owed: number; readonly marked: readonly string[] }[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    const real = await openDatabase({ folder, migrations: [...meteringMigrations, ...pushMigrations] });
    meanwhile = () => undefined;
    const transact = async (statements: readonly Statement[]) => {
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
    for (let nth = 0; nth < count; nth += 1) last = await ledger.open(requestOf(subscription, { name: `r${nth}` }), () => undefined);
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
    return { cursor: String(reader?.['cursor'] ?? ''), owed: Number(owed?.['n']), marked };
  }

  async function moveAll(): Promise<void> {
    for (const account of ledger.readers.live.values()) {
      account.charge(batchOf(0, 1), 0);
      account.confirm(positionAt(1));
    }
    await ledger.commit();
  }

  test('P7: what is owed is on disk no later than the cursor that passes it over', async () => {
    meanwhile = () => {
      const [event] = batchOf(1, 2).events;
      const tries = { counted: 1, throttled: 0, formatRefused: 0 };
      const owed = { endpoint: 'end_last', tenant: 'default', position: positionAt(2), eventId: '2', eventType: 't', key: undefined };
      book.put({ ...owed, state: 'waiting', reason: 'status', attempts: 1, tries, dueAt: 0, isBilled: false }, event!);
      last.charge({ events: [], bytes: 0, position: positionAt(2), filtered: 0, deferred: 1 }, 0);
      last.confirm(positionAt(2));
    };
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
});

import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { StoreError } from '../database.ts';
import { openDatabase } from './open-database.ts';

const migrations = [{ name: 'test-1', up: ['CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body BLOB) STRICT'] }];
const insert = 'INSERT INTO item (id, name, body) VALUES (?, ?, ?)';

describe('SqliteDatabase', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  });
  after(() => rm(folder, { recursive: true }));
  const open = (name: string, maxPendingBytes?: number) => openDatabase({ folder: join(folder, name), migrations, maxPendingBytes });
  const codeOf = (code: string) => (error: StoreError) => error.name === 'StoreError' && error.code === code && error.message.length > 20;

  it('keeps what was committed over a restart, and runs migrations once', async () => {
    const first = await open('keeps');
    await first.transact([{ sql: insert, parameters: [1, 'a', new Uint8Array([1, 2, 3])] }]);
    await first.close();
    const second = await open('keeps');
    assert.deepEqual(await second.query('SELECT name, body FROM item'), [{ name: 'a', body: new Uint8Array([1, 2, 3]) }]);
    await second.close();
  });

  it('reads its own commits', async () => {
    const database = await open('own');
    for (let id = 1; id <= 20; id++) {
      await database.transact([{ sql: insert, parameters: [id, `n${id}`, null] }]);
      assert.equal((await database.query('SELECT count(*) AS n FROM item'))[0]?.['n'], id);
    }
    await database.close();
  });

  it('groups what arrives together, in order, and rolls back only the one that fails', async () => {
    const database = await open('group');
    const outcomes = await Promise.allSettled([
      database.transact([{ sql: insert, parameters: [1, 'a', null] }]),
      database.transact([
        { sql: insert, parameters: [2, 'b', null] },
        { sql: insert, parameters: [3, 'a', null] },
      ]),
      database.transact([{ sql: "UPDATE item SET name = 'x' WHERE id = 7", parameters: [], expectChanges: 1 }]),
      database.transact([{ sql: insert, parameters: [4, 'd', null] }]),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as StoreError).code : 'ok')),
      ['ok', 'CONSTRAINT', 'CHANGED', 'ok'],
    );
    assert.deepEqual(
      (await database.query('SELECT id FROM item ORDER BY id')).map((row) => row['id']),
      [1, 4],
    );
    assert.equal(database.stats().commits, 1);
    await database.close();
  });

  it('leaves the blobs of the caller alone, however large the buffer behind them', async () => {
    const database = await open('blobs');
    const slab = new Uint8Array(1024 * 1024).fill(7);
    const view = slab.subarray(10, 20);
    await database.transact([{ sql: insert, parameters: [1, 'a', view] }]);
    assert.equal(slab.byteLength, 1024 * 1024);
    assert.deepEqual(await database.query('SELECT id FROM item WHERE body = ?', [view]), [{ id: 1 }]);
    assert.equal(view.byteLength, 10);
    await database.close();
  });

  it('binds whole numbers as integers', async () => {
    const database = await open('integers');
    assert.deepEqual(await database.query('SELECT typeof(?1) AS a, ?1 / 60000 AS b, typeof(?2) AS c', [90_000, 1.5]), [
      { a: 'integer', b: 1, c: 'real' },
    ]);
    await database.close();
  });

  it('refuses with OVERLOADED what would exceed its bound, and nothing else', async () => {
    const database = await open('bound', 10_000);
    const [first, second] = await Promise.allSettled([
      database.transact([{ sql: insert, parameters: [1, 'a', new Uint8Array(9000)] }]),
      database.transact([{ sql: insert, parameters: [2, 'b', new Uint8Array(9000)] }]),
    ]);
    assert.equal(first.status, 'fulfilled');
    assert.ok(second.status === 'rejected' && codeOf('OVERLOADED')(second.reason as StoreError));
    await database.transact([{ sql: insert, parameters: [2, 'b', new Uint8Array(9000)] }]);
    assert.equal(database.stats().pendingBytes, 0);
    await database.close();
  });

  it('finishes what is pending when closed, then refuses with CLOSED', async () => {
    const database = await open('close');
    const pending = database.transact([{ sql: insert, parameters: [1, 'a', null] }]);
    const closing = database.close();
    await pending;
    await closing;
    await assert.rejects(database.transact([]), codeOf('CLOSED'));
    await assert.rejects(database.query('SELECT 1'), codeOf('CLOSED'));
    await database.close();
  });

  it('refuses a second opening of the same folder with LOCKED, and allows it after the first is closed', async () => {
    const first = await open('twice');
    await assert.rejects(open('twice'), codeOf('LOCKED'));
    await first.close();
    await (await open('twice')).close();
  });

  it('refuses a file with a migration it does not know with NEWER, leaving it as it is', async () => {
    const later = await openDatabase({
      folder: join(folder, 'newer'),
      migrations: [...migrations, { name: 'test-2', up: ['CREATE TABLE later (id INTEGER)'] }],
    });
    await later.close();
    await assert.rejects(open('newer'), codeOf('NEWER'));
  });

  it('applies a new step of one owner before an older one of another, and none of them when one fails', async () => {
    await (await open('order')).close();
    const added = { name: 'test-0', up: ['CREATE TABLE added (id INTEGER)'] };
    await assert.rejects(
      openDatabase({ folder: join(folder, 'order'), migrations: [added, ...migrations, { name: 'test-9', up: ['CREATE NONSENSE'] }] }),
      codeOf('FAILED'),
    );
    const database = await openDatabase({ folder: join(folder, 'order'), migrations: [added, ...migrations] });
    assert.deepEqual(await database.query('SELECT * FROM added'), []);
    await database.close();
  });

  it('keeps folder and files from other users', async () => {
    const database = await open('modes');
    assert.equal((await stat(join(folder, 'modes'))).mode & 0o777, 0o700);
    for (const name of ['sluice.db', 'sluice.db-wal', 'sluice.lock'])
      assert.equal((await stat(join(folder, 'modes', name))).mode & 0o777, 0o600, name);
    await database.close();
  });
});

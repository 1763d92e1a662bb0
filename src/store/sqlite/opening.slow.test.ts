import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import type { StoreError } from '../database.ts';
import { openDatabase } from './open-database.ts';

const migrations = [{ name: 'test-1', up: ['CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB) STRICT'] }];

/** The code, and a sentence that names the place and ends as one. */
const refused = (code: string, place: string) => (error: StoreError) =>
  error.name === 'StoreError' && error.code === code && error.message.includes(place) && error.message.endsWith('.');

describe('opening a data folder', () => {
  let root: string;
  let good: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-'));
    good = join(root, 'good');
    const database = await openDatabase({ folder: good, migrations });
    for (let id = 1; id <= 200; id++)
      await database.transact([{ sql: 'INSERT INTO item (id, body) VALUES (?, ?)', parameters: [id, new Uint8Array(3000).fill(id)] }]);
    await database.close();
  });
  after(() => rm(root, { recursive: true }));

  const copy = async (name: string): Promise<string> => {
    const folder = join(root, name);
    await cp(good, folder, { recursive: true });
    return folder;
  };
  const attempt = (folder: string) => openDatabase({ folder, migrations });

  it('refuses a file that is no database, or whose beginning is damaged, and leaves it as it is', async () => {
    for (const [name, content] of [
      ['text', 'This is a text, and long enough to be read as the head of a database file. '.repeat(20)],
      ['zeros', '\0'.repeat(8192)],
    ] as const) {
      const folder = join(root, name);
      await mkdir(folder);
      await writeFile(join(folder, 'sluice.db'), content);
      await assert.rejects(attempt(folder), refused('CORRUPT', folder), name);
      assert.equal(await readFile(join(folder, 'sluice.db'), 'utf8'), content);
    }
  });

  it('refuses a file that was cut', async () => {
    const folder = await copy('cut');
    const { size } = await stat(join(folder, 'sluice.db'));
    for (const length of [size - 4096, 8192, 5000, 100]) {
      await truncate(join(folder, 'sluice.db'), length);
      await assert.rejects(attempt(folder), refused('CORRUPT', folder), `${length} bytes`);
    }
  });

  it('says what is damaged when it is read, and goes on with the rest', async () => {
    const folder = await copy('damaged');
    const file = openSync(join(folder, 'sluice.db'), 'r+');
    writeSync(file, Buffer.alloc(4096 * 20, 0xa5), 0, 4096 * 20, 4096 * 60);
    closeSync(file);
    const database = await attempt(folder);
    await assert.rejects(database.query('SELECT count(*), sum(length(body)) FROM item'), refused('CORRUPT', folder));
    await assert.rejects(database.transact([{ sql: 'DELETE FROM item', parameters: [] }]), refused('CORRUPT', folder));
    assert.equal((await database.query('SELECT length(body) AS n FROM item WHERE id = 1'))[0]?.['n'], 3000);
    await database.close();
  });

  it('passes over a write-ahead log that is garbage or torn, keeping what was committed before', async () => {
    const folder = await copy('torn');
    await writeFile(join(folder, 'sluice.db-wal'), Buffer.alloc(50_000, 0x5a));
    const database = await attempt(folder);
    assert.equal((await database.query('SELECT count(*) AS n FROM item'))[0]?.['n'], 200);
    await database.close();
  });

  it('refuses a file of a later format, and leaves it as it is', async () => {
    const folder = await copy('later');
    const later = new DatabaseSync(join(folder, 'sluice.db'));
    later.exec('PRAGMA user_version = 99');
    later.close();
    const before = await readFile(join(folder, 'sluice.db'));
    await assert.rejects(attempt(folder), refused('NEWER', folder));
    assert.deepEqual(await readFile(join(folder, 'sluice.db')), before);
  });

  it('refuses a folder that is a file, or lies below one', async () => {
    const file = join(root, 'file');
    await writeFile(file, '');
    for (const folder of [file, join(file, 'below')]) await assert.rejects(attempt(folder), refused('FAILED', folder));
  });

  it('refuses a folder that another process holds, until that process is killed', async () => {
    const folder = await copy('held');
    const program = `import { openDatabase } from ${JSON.stringify(new URL('./open-database.ts', import.meta.url).href)};
      await openDatabase({ folder: ${JSON.stringify(folder)}, migrations: ${JSON.stringify(migrations)} });
      console.log('open');
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [word] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as [unknown];
    assert.equal(String(word), 'open\n');
    await assert.rejects(attempt(folder), refused('LOCKED', folder));
    child.kill('SIGKILL');
    await once(child, 'exit');
    const database = await attempt(folder);
    assert.equal((await database.query('SELECT count(*) AS n FROM item'))[0]?.['n'], 200);
    await database.close();
  });

  it('warns of a database that others may read', async () => {
    const folder = await copy('open');
    const file = join(folder, 'sluice.db');
    await chmod(file, 0o644);
    const warnings: string[] = [];
    await (await openDatabase({ folder, migrations, onWarning: (sentence) => warnings.push(sentence) })).close();
    assert.equal(warnings.length, 1);
    assert.ok(warnings[0]!.includes(file));
  });
});

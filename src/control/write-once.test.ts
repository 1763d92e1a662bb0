import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeOnce } from './write-once.ts';

describe('A file that is written once', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('is whole, for its owner alone, and nothing else is left beside it', async () => {
    const path = join(folder, 'one');
    assert.equal(await writeOnce(path, 'text'), true);
    assert.equal(await readFile(path, 'utf8'), 'text');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ['one']);
  });

  it('stays what it is', async () => {
    assert.equal(await writeOnce(join(folder, 'one'), 'other'), false);
    assert.equal(await readFile(join(folder, 'one'), 'utf8'), 'text');
  });

  it('is written by one of many that try at the same moment', async () => {
    const path = join(folder, 'many');
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => writeOnce(path, `text ${index}`)));
    assert.equal(answers.filter(Boolean).length, 1);
    assert.equal(await readFile(path, 'utf8'), `text ${answers.indexOf(true)}`);
    assert.deepEqual((await readdir(folder)).toSorted(), ['many', 'one']);
  });

  it('is not there when its folder is not', async () => {
    await assert.rejects(writeOnce(join(folder, 'no', 'where'), 'text'), { code: 'ENOENT' });
  });
});

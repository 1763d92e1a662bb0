import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ManualTime } from '../testing/manual-time.ts';
import { HostsFile } from './hosts-file.ts';

describe('a hosts file', () => {
  let folder: string;
  let path: string;
  const time = new ManualTime();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-hosts-'));
    path = join(folder, 'hosts');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('gives the addresses of its names, whatever stands around them', async () => {
    await writeFile(
      path,
      '# comment\n\n10.0.0.5\tReceiver receiver.test. # ours\r\n  fd12::5 receiver\n10.0.0.5 receiver\nbroken line\n300.1.1.1 wrong\n',
    );
    const file = new HostsFile(path, time);
    assert.deepEqual(await file.addressesOf('receiver'), ['10.0.0.5', 'fd12::5']);
    assert.deepEqual(await file.addressesOf('receiver.test'), ['10.0.0.5']);
    for (const name of ['wrong', 'line', '', '#', 'ours', '10.0.0.5']) assert.equal(await file.addressesOf(name), undefined, name);
  });

  test('is read again within a second of a change, and is empty while it is gone or far too large', async () => {
    await writeFile(path, '10.0.0.1 receiver\n');
    const file = new HostsFile(path, time);
    assert.deepEqual(await file.addressesOf('receiver'), ['10.0.0.1']);
    await writeFile(join(folder, 'next'), '10.0.0.22 receiver\n');
    await rename(join(folder, 'next'), path);
    assert.deepEqual(await file.addressesOf('receiver'), ['10.0.0.1'], 'within the second');
    time.advance(1_000);
    assert.deepEqual(await file.addressesOf('receiver'), ['10.0.0.22']);
    await writeFile(path, `10.0.0.3 receiver\n${'#'.repeat(1024 * 1024)}`);
    time.advance(1_000);
    assert.equal(await file.addressesOf('receiver'), undefined);
    await rm(path);
    time.advance(1_000);
    assert.equal(await file.addressesOf('receiver'), undefined);
    await writeFile(path, '10.0.0.4 receiver\n');
    time.advance(1_000);
    assert.deepEqual(await file.addressesOf('receiver'), ['10.0.0.4']);
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Sealer } from '../store/sealed.ts';
import { loadSealer } from './secret-key.ts';

describe('The key that secrets are sealed with', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('is made at first start, for the owner alone, and is the same ever after', async () => {
    const place = join(folder, 'new');
    const sealed = (await loadSealer(place, {})).seal('text');
    assert.equal((await loadSealer(place, { SLUICE_SECRET_KEY: '' })).open(sealed), 'text');
    assert.equal((await stat(join(place, 'secret-key'))).mode & 0o777, 0o600);
  });

  it('is SLUICE_SECRET_KEY where there is one, in hex or base64', async () => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - index));
    const sealed = new Sealer(key).seal('text');
    for (const form of ['hex', 'base64', 'base64url'] as const)
      assert.equal((await loadSealer(folder, { SLUICE_SECRET_KEY: ` ${key.toString(form)}\n` })).open(sealed), 'text', form);
    await assert.rejects(readFile(join(folder, 'secret-key')), { code: 'ENOENT' });
  });

  it('is refused with a sentence when it is no key, and a damaged file stays as it is', async () => {
    for (const wrong of ['short', 'g'.repeat(64), 'A'.repeat(42), 'A'.repeat(45), `${'a'.repeat(63)} `]) {
      await assert.rejects(loadSealer(folder, { SLUICE_SECRET_KEY: wrong }), (error: Error) => {
        return error.message.startsWith('SLUICE_SECRET_KEY does not hold a secret key') && !error.message.includes(wrong);
      });
    }
    const place = await mkdtemp(join(folder, 'damaged-'));
    await writeFile(join(place, 'secret-key'), 'half a k');
    await assert.rejects(loadSealer(place, {}), /secret-key does not hold/);
    assert.equal(await readFile(join(place, 'secret-key'), 'utf8'), 'half a k');
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runCli } from './test-world.ts';

describe('a configuration file', () => {
  let cwd: string;
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'sluice-'));
  });
  after(async () => rm(cwd, { recursive: true }));

  for (const argv of [
    ['plan', '--config', 'missing.yaml'],
    ['apply', '--config', 'missing.yaml'],
    ['up', '--config', 'missing.yaml', '--port', '0', '--control-port', '0'],
    ['lint', 'missing.yaml'],
  ])
    test(`that is not there is not found: sluice ${argv.join(' ')}`, async () => {
      const { exit, stdout, stderr } = await runCli(argv, { cwd });
      assert.deepEqual([exit, stdout], [5, '']);
      assert.match(stderr, /^sluice: There is no file \S*missing\.yaml[.;]/);
    });

  test('that cannot be read is named without a place in it', async () => {
    const { exit, stderr } = await runCli(['plan', '--config', '.'], { cwd });
    assert.deepEqual([exit, stderr.includes(':0')], [7, false], stderr);
  });

  test('with a mistake is invalid, and so is one that names a contract that is not there', async () => {
    await writeFile(join(cwd, 'wrong.yaml'), 'apis:\n  orders: { contract: ./missing.yaml }\n');
    const { exit, stderr } = await runCli(['plan', '--config', 'wrong.yaml'], { cwd });
    assert.equal(exit, 7, stderr);
    assert.match(stderr, /wrong\.yaml:2:\d+: apis\.orders\.contract: there is no file/);
  });
});

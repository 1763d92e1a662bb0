import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadContract } from '../../contracts/load-contract.ts';
import { readConfigFile } from '../../control/config/read-config-file.ts';
import { runCli } from '../test-world.ts';

describe('init', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  });
  after(async () => rm(folder, { recursive: true }));

  test('writes a configuration and a contract that hold', async () => {
    await writeFile(join(folder, '.gitignore'), 'node_modules/');
    const { exit, stdout } = await runCli(['init', '--json'], { cwd: folder });
    assert.equal(exit, 0);
    assert.deepEqual((JSON.parse(stdout) as { files: string[] }).files, [
      'sluice.yaml',
      'greetings.asyncapi.yaml',
      '.keys/greeter',
      '.keys/listener',
    ]);
    const { config } = await readConfigFile(join(folder, 'sluice.yaml'), {});
    assert.deepEqual(Object.keys(config['applications'] as object), ['greeter', 'listener']);
    const contract = await loadContract({
      name: 'greetings',
      text: await readFile(join(folder, 'greetings.asyncapi.yaml'), 'utf8'),
      files: {},
    });
    assert.deepEqual(
      contract.channels.map(({ address, send, receive }) => ({ address, send, receive })),
      [{ address: '{name}', send: true, receive: false }],
    );
    assert.equal(await readFile(join(folder, '.gitignore'), 'utf8'), 'node_modules/\n.sluice/\n.keys/\n');
    assert.equal((await stat(join(folder, '.keys/greeter'))).mode & 0o777, 0o600);
  });

  test('overwrites nothing and says what is there', async () => {
    const before = await readFile(join(folder, '.keys/greeter'), 'utf8');
    const { exit, stderr } = await runCli(['init'], { cwd: folder });
    assert.equal(exit, 6);
    assert.match(stderr, /sluice\.yaml.*exists already/);
    assert.equal(await readFile(join(folder, '.keys/greeter'), 'utf8'), before);
  });

  test('writes nothing at all where one of its files exists', async () => {
    const other = join(folder, 'other');
    assert.equal((await runCli(['init', 'other'], { cwd: folder })).exit, 0);
    await rm(join(other, 'sluice.yaml'));
    assert.equal((await runCli(['init', 'other'], { cwd: folder })).exit, 6);
    await assert.rejects(stat(join(other, 'sluice.yaml')));
  });
});

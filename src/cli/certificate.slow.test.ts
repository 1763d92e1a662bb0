import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { selfSigned } from '../testing/self-signed.ts';
import { until } from '../testing/until.ts';

const program = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url));
const first = selfSigned({ names: ['127.0.0.1'] });
const second = selfSigned({ names: ['127.0.0.1'] });

describe('up with a certificate', () => {
  let folder: string;
  let child: ChildProcess;
  let gateway: URL;
  const log: string[] = [];

  /** Whether who trusts only this certificate trusts the gateway. */
  const isShown = (ca: string): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: Number(gateway.port), ca }, () => resolve(true));
      socket.on('secureConnect', () => socket.destroy());
      socket.on('error', () => resolve(false));
    });
  /** As certbot and Kubernetes do: a new file takes the old one's place. */
  const replace = async (name: string, text: string): Promise<void> => {
    await writeFile(join(folder, `${name}.new`), text);
    await rename(join(folder, `${name}.new`), join(folder, name));
  };
  const logged = (pattern: RegExp): Promise<void> =>
    until(
      async () => log.some((line) => pattern.test(line)),
      () => `it logged ${log.join('\n')}`,
    );

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'));
    await replace('cert.pem', first.cert);
    await replace('key.pem', first.key);
    const options = ['--port', '0', '--control-port', '0', '--json', '--tls-cert', 'cert.pem', '--tls-key', 'key.pem'];
    child = spawn(process.execPath, [program, 'up', ...options], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    createInterface({ input: child.stderr! }).on('line', (line) => log.push(line));
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
    gateway = new URL((JSON.parse(line) as { gateway: string }).gateway);
  });

  after(async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
    await rm(folder, { recursive: true, force: true });
  });

  test('serves https', async () => {
    assert.equal(gateway.protocol, 'https:');
    assert.equal(await isShown(first.cert), true);
    assert.equal(await isShown(second.cert), false);
  });

  test('shows a new certificate once its key is there too, and says so', { timeout: 60_000 }, async () => {
    await replace('cert.pem', second.cert);
    await logged(/the changed certificate is not used.*does not belong/);
    assert.equal(await isShown(first.cert), true);
    await replace('key.pem', second.key);
    await logged(/new connections are shown the new certificate/);
    assert.equal(await isShown(second.cert), true);
  });

  const mistakes: readonly [readonly string[], number, RegExp][] = [
    [['--tls-cert', 'cert.pem'], 2, /--tls-cert needs --tls-key/],
    [['--tls-key', 'key.pem'], 2, /--tls-key needs --tls-cert/],
    [['--tls-cert', 'none.pem', '--tls-key', 'key.pem'], 7, /none\.pem cannot be used: there is no such file/],
    [['--tls-cert', 'key.pem', '--tls-key', 'key.pem'], 7, /key\.pem holds no certificate in PEM form/],
  ];
  for (const [options, status, sentence] of mistakes) {
    test(`refuses ${options.join(' ')}`, { timeout: 60_000 }, () => {
      const ports = ['--port', '0', '--control-port', '0', '--data', 'elsewhere'];
      const ended = spawnSync(process.execPath, [program, 'up', ...ports, ...options], { cwd: folder, encoding: 'utf8' });
      assert.equal(ended.status, status);
      assert.match(ended.stderr, sentence);
    });
  }
});

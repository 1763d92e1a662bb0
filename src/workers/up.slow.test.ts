import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runCli } from '../cli/test-world.ts';
import { newEvents, publish, readerKey, worldConfig, worldFiles } from '../testing/gateway-world.ts';
import { startProcess, type SluiceProcess } from '../testing/sluice-process.ts';
import { openSse, openWebSocket } from '../testing/stream-client.ts';

const limit = { timeout: 60_000 };
const env = { SLUICE_ADMIN_TOKEN: 'an-admin-token-for-this-test' };

describe('up --workers 2', () => {
  let folder: string;
  let running: SluiceProcess;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    await writeFile(join(folder, 'sluice.yaml'), worldConfig());
    for (const [name, text] of Object.entries(worldFiles())) await writeFile(join(folder, name), text);
    running = await startProcess({ folder, args: ['--workers', '2'], env });
  });

  after(async () => {
    running.signal('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  test('is told to stop: every client hears when to come back, and the process ends well', limit, async () => {
    const url = `${running.gateway}/world/a/events`;
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        index % 2 === 0 ? openSse(url, { key: readerKey }) : openWebSocket(url, { key: readerKey }),
      ),
    );
    assert.equal((await publish(running.gateway, newEvents(3))).status, 202);
    for (const client of clients) await client.atLeast(3);
    const status = await runCli(['status', '--control', running.control], { env });
    assert.match(status.stdout, /worker 0: \d+ connections\nworker 1: \d+ connections\n/, status.stderr);
    running.signal('SIGTERM');
    for (const [index, { ended }] of clients.entries()) {
      const { close, retry } = await ended;
      if (index % 2 === 0) assert.ok((retry ?? 0) >= 1000, `come back after ${retry} ms`);
      else assert.equal(close, 1012);
    }
    assert.equal(await running.exited, 0, running.log());
  });

  test('refuses a number of workers that is none', limit, async () => {
    for (const workers of ['0', '-1', '65', 'two']) {
      const { exit, stderr } = await runCli(['up', `--workers=${workers}`], { cwd: folder });
      assert.deepEqual([exit, stderr.includes('--workers')], [2, true], stderr);
    }
  });
});

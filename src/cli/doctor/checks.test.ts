import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ManagementClient } from '../client/management.ts';
import { runCli, serve } from '../test-world.ts';
import { checkAdminToken, checkDataFolder, checkDisk, checkNode, checkOwnClock } from './machine-checks.ts';
import { askStatus, checkControl, checkGateway } from './server-checks.ts';

const { signal } = new AbortController();

describe('doctor, on this machine,', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  });
  after(async () => rm(folder, { recursive: true }));

  test('wants a Node that is new enough', () => {
    assert.deepEqual(
      ['v24.0.0', 'v26.1.0', 'v23.11.1', 'v9.0.0', ''].map((version) => checkNode(version).state),
      ['ok', 'ok', 'fail', 'fail', 'fail'],
    );
  });

  test('wants a data folder of our own', async () => {
    const data = join(folder, 'data');
    assert.equal((await checkDataFolder(data)).state, 'warn');
    await mkdir(data, { mode: 0o700 });
    assert.equal((await checkDataFolder(data)).state, 'ok');
    await chmod(data, 0o755);
    assert.equal((await checkDataFolder(data)).remedy, `chmod 700 ${data}`);
    await writeFile(join(folder, 'file'), '');
    assert.equal((await checkDataFolder(join(folder, 'file'))).state, 'fail');
    assert.equal((await checkDataFolder(join(folder, 'file', 'below'))).state, 'fail');
  });

  test('wants an admin token that nobody else can read', async () => {
    assert.equal((await checkAdminToken(folder, false)).state, 'warn');
    assert.equal((await checkAdminToken(folder, true)).state, 'ok');
    const file = join(folder, 'admin-token');
    await writeFile(file, 'secret', { mode: 0o600 });
    const finding = await checkAdminToken(folder, false);
    assert.equal(finding.state, 'ok');
    assert.ok(!JSON.stringify(finding).includes('secret'));
    await chmod(file, 0o644);
    assert.deepEqual(
      [(await checkAdminToken(folder, false)).state, (await checkAdminToken(folder, false)).remedy],
      ['fail', `chmod 600 ${file}`],
    );
  });

  test('finds the room on the disk of a folder that is not there yet', async () => {
    assert.match((await checkDisk(join(folder, 'a', 'b', 'c'))).sentence, new RegExp(`MiB free at ${folder}$`));
  });

  test('wants a clock that was set', () => {
    assert.equal(checkOwnClock(Date.UTC(1970, 0, 1)).state, 'fail');
    assert.equal(checkOwnClock(Date.now()).state, 'ok');
  });
});

describe('doctor, asking a server,', () => {
  async function asked(status: number, body: string, date: Date, use: (url: URL) => Promise<void>): Promise<void> {
    const { url, close } = await serve(createServer((_, response) => response.writeHead(status, { date: date.toUTCString() }).end(body)));
    try {
      await use(new URL(url));
    } finally {
      await close();
    }
  }

  test('tells a control plane from something else, and whether its clock is right', async () => {
    const now = new Date();
    await asked(200, '', now, async (url) =>
      assert.deepEqual(
        (await checkControl(url, signal)).map(({ state }) => state),
        ['ok', 'ok'],
      ),
    );
    await asked(200, '', new Date(now.getTime() + 3_600_000), async (url) =>
      assert.match((await checkControl(url, signal))[1]?.sentence ?? '', /36\d\d s ahead|3599 s ahead/),
    );
    await asked(503, 'starting', now, async (url) =>
      assert.match((await checkControl(url, signal))[0]?.sentence ?? '', /not ready: starting/),
    );
    await asked(404, '<html>', now, async (url) =>
      assert.match((await checkControl(url, signal))[0]?.sentence ?? '', /not a control plane/),
    );
  });

  test('tells a gateway from something else', async () => {
    await asked(404, '{"code":"CHANNEL_NOT_FOUND"}', new Date(), async (url) =>
      assert.equal((await checkGateway(url, signal)).state, 'ok'),
    );
    await asked(200, '<html>', new Date(), async (url) => assert.equal((await checkGateway(url, signal)).state, 'fail'));
  });

  test('takes a server that is not there for one that was not started', async () => {
    const { url, close } = await serve();
    await close();
    assert.deepEqual(
      [(await checkGateway(new URL(url), signal)).state, ...(await checkControl(new URL(url), signal)).map(({ state }) => state)],
      ['warn', 'warn'],
    );
    const report = await askStatus(new ManagementClient(new URL(url), 't', signal), new URL(url));
    assert.deepEqual(report, { gateway: undefined, findings: [] });
  });

  test('passes on how each backbone is', async () => {
    const backbones = [
      { name: 'main', kind: 'embedded', state: 'up', latency: 1.25 },
      { name: 'slow', kind: 'kafka', state: 'degraded', latency: 2000, reason: 'It takes its time.' },
      { name: 'gone', kind: 'amqp', state: 'down', latency: null, reason: 'Nobody there.' },
    ];
    await asked(200, JSON.stringify({ backbones }), new Date(), async (url) => {
      const { findings } = await askStatus(new ManagementClient(url, 't', signal), url);
      assert.deepEqual(
        findings.map(({ check, state, sentence }) => [check, state, sentence]),
        [
          ['backbone main', 'ok', 'up, 1.3 ms'],
          ['backbone slow', 'warn', 'degraded: It takes its time.'],
          ['backbone gone', 'fail', 'down: Nobody there.'],
        ],
      );
    });
    await asked(401, '{"code":"UNAUTHENTICATED","detail":"No."}', new Date(), async (url) =>
      assert.equal((await askStatus(new ManagementClient(url, 't', signal), url)).findings[0]?.state, 'fail'),
    );
  });

  test('asks the gateway that the control plane says it has, unless another is named', async () => {
    const cwd = await mkdtemp(join(tmpdir(), 'sluice-'));
    const gateway = await serve(createServer((_, response) => response.writeHead(404).end('{"code":"CHANNEL_NOT_FOUND"}')));
    const { port } = new URL(gateway.url);
    try {
      for (const reported of [gateway.url, `http://0.0.0.0:${port}`, `http://[::]:${port}`]) {
        await asked(200, JSON.stringify({ gateway: { url: reported } }), new Date(), async (url) => {
          const { stdout } = await runCli(['doctor', '--control', url.href, '--token', 't'], { cwd });
          assert.ok(stdout.includes(`ok    gateway: ${gateway.url} answers\n`), stdout);
          const named = await runCli(['doctor', '--control', url.href, '--token', 't', '--gateway', url.href], { cwd });
          assert.ok(named.stdout.includes(`fail  gateway: what listens at ${url.origin} is not a gateway`), named.stdout);
        });
      }
    } finally {
      await gateway.close();
      await rm(cwd, { recursive: true });
    }
  });
});

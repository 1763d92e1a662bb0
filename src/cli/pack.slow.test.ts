import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

describe('the package', () => {
  let folder: string;
  let tarball: string;
  // A user has not this checkout's programs in PATH, and maybe an older Node: the package brings its own.
  const env = {
    ...process.env,
    PATH: (process.env.PATH ?? '')
      .split(delimiter)
      .filter((entry) => !entry.startsWith(root))
      .join(delimiter),
  };
  const npm = (where: string, ...parameters: string[]) => run('npm', parameters, { cwd: where, env, maxBuffer: 16 * 1024 * 1024 });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    await npm(root, 'pack', '--pack-destination', folder);
    const made = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    assert.equal(made.length, 1, `npm pack makes one file: ${made.join(' ')}`);
    tarball = join(folder, made[0] as string);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('holds the compiled program, the examples and the licence, and no sources or tests', async () => {
    const { stdout } = await run('tar', ['-tzf', tarball]);
    const names = stdout.trim().split('\n');
    for (const wanted of [
      'LICENSE',
      'README.md',
      'bin/sluice.js',
      'dist/cli/main.js',
      'examples/orders/sluice.yaml',
      'schema/sluice.schema.json',
    ]) {
      assert.ok(names.includes(`package/${wanted}`), `${wanted} is in it`);
    }
    assert.deepEqual(
      names.filter((name) => /\.test\.|^package\/(src|script|bench|node_modules)\/|\/testing\/|(?<!\.d)\.ts$/.test(name)),
      [],
    );
  });

  test('serves in an empty folder after init, and stops when told to', { timeout: 300_000 }, async () => {
    const place = join(folder, 'empty');
    await run('mkdir', [place]);
    await writeFile(join(place, 'package.json'), '{"private":true}\n');
    await npm(place, 'install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', tarball);
    await run('npx', ['--no-install', 'sluice', 'init'], { cwd: place, env });

    // Not through npx, which dies of the signal itself instead of telling how the program ended.
    const server = spawn(join(place, 'node_modules', '.bin', 'sluice'), ['up', '--json', '--port', '0', '--control-port', '0'], {
      cwd: place,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    try {
      const ready = await readyLine(server);
      assert.equal((await fetch(new URL('/healthz', ready.control))).status, 200);
      const hello = await fetch(new URL('/greetings/world', ready.gateway));
      assert.equal(hello.status, 401, 'the gateway knows the channel and asks who is there');
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
    } finally {
      killGroup(server);
    }
  });
});

async function readyLine(server: ChildProcess): Promise<{ gateway: string; control: string }> {
  let chatter = '';
  server.stderr?.on('data', (chunk: Buffer) => (chatter += chunk.toString()));
  if (server.stdout === null) throw new Error('the server has no output');
  for await (const line of createInterface({ input: server.stdout })) {
    const said = JSON.parse(line) as { event: string; gateway: string; control: string };
    if (said.event === 'ready') return said;
  }
  throw new Error(`sluice up ended without being ready: ${chatter}`);
}

function killGroup(server: ChildProcess): void {
  try {
    if (server.pid !== undefined) process.kill(-server.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, test } from 'node:test';
import { commandLoaders } from './commands.ts';
import type { Command } from './command.ts';
import { runCli, serve } from './test-world.ts';

const sluice = join(import.meta.dirname, '..', '..', 'bin', 'sluice.js');

async function everyCommand(): Promise<{ readonly path: string[]; readonly command: Command }[]> {
  const loaded = await Promise.all(Object.entries(commandLoaders).map(async ([name, load]) => ({ path: [name], command: await load() })));
  return loaded.flatMap((one) => [
    one,
    ...(one.command.subcommands ?? []).map((command) => ({ path: [...one.path, command.name], command })),
  ]);
}

describe('help', () => {
  test('names every command with what it does', async () => {
    const { exit, stdout } = await runCli(['--help']);
    assert.equal(exit, 0);
    for (const [name, load] of Object.entries(commandLoaders)) {
      const command = await load();
      assert.equal(command.name, name);
      assert.ok(stdout.includes(`  ${name.padEnd(13)}  ${command.summary}\n`), name);
    }
  });

  test('is there for every command and subcommand, with every option, and nothing is done', async () => {
    for (const { path, command } of await everyCommand()) {
      for (const argv of [
        [...path, '--help'],
        ['help', ...path],
        [...path, '-h', '--json'],
      ]) {
        const { exit, stdout } = await runCli(argv);
        assert.equal(exit, 0);
        assert.ok(stdout.startsWith(`sluice ${path.join(' ')}: ${command.summary}`), stdout);
        for (const option of [...Object.keys(command.options ?? {}), 'json', 'help'])
          assert.ok(stdout.includes(`--${option}`), `${path.join(' ')} --${option}`);
      }
    }
  });

  test('is what comes without a command, as a usage error', async () => assert.equal((await runCli([])).exit, 2));
});

describe('a command line with a mistake', () => {
  for (const [argv, message] of [
    [['statsu'], /Unknown command "statsu"\. Did you mean "status"\?/],
    [['frobnicate'], /Unknown command "frobnicate"\. Try: sluice --help/],
    [['__proto__'], /Unknown command/],
    [['constructor'], /Unknown command/],
    [['keys'], /needs one of list, create, rotate, revoke/],
    [['keys', 'crate'], /"keys crate"\. Did you mean "create"\?/],
    [['publish'], /needs API\/ADDRESS/],
    [['status', 'extra'], /what to do with "extra"/],
    [['listen', 'a/b', '--protcol', 'sse'], /Did you mean --protocol\?/],
    [['apply', '--config'], /--config needs a value/],
    [['up', '--keep-dead-letters', '1s'], /takes a time from 1m to 366d/],
  ] as const) {
    test(`ends with 2 and a remedy: sluice ${argv.join(' ')}`, async () => {
      const { exit, stdout, stderr } = await runCli(argv);
      assert.deepEqual([exit, stdout], [2, '']);
      assert.match(stderr, message);
    });
  }

  test('says so in JSON when asked to', async () => {
    const { exit, stderr } = await runCli(['statsu', '--json']);
    assert.equal(exit, 2);
    assert.equal((JSON.parse(stderr) as { error: { exit: string } }).error.exit, 'usage');
  });

  test('is refused before anything is done, for every command', async () => {
    for (const { path, command } of await everyCommand()) {
      if (command.run === undefined) continue;
      const { exit } = await runCli([...path, '--no-such-option']);
      assert.equal(exit, 2, path.join(' '));
    }
  });
});

describe('the program', () => {
  test('prints its version', () => {
    const { status, stdout } = spawnSync(process.execPath, [sluice, '--version', '--json'], { encoding: 'utf8' });
    assert.equal(status, 0);
    assert.match((JSON.parse(stdout) as { version: string }).version, /^\d+\.\d+\.\d+/);
  });

  const old = olderNode();
  const skip = old === undefined ? 'there is no Node older than 24 in the path' : false;
  test('finds its own Node when it is started by one that is too old', { skip }, () => {
    const { status, stdout, stderr } = spawnSync(old ?? '', [sluice, 'statsu'], { encoding: 'utf8' });
    assert.deepEqual([status, stdout], [2, ''], stderr);
  });

  test('passes a signal on to it, and is not outlived by it', { skip }, async () => {
    for (const [signal, outcome] of [
      ['SIGTERM', [0, null]],
      ['SIGINT', [0, null]],
      ['SIGKILL', [null, 'SIGKILL']],
    ] as const) {
      const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders());
      const { url, close } = await serve(server);
      const connected = once(server, 'request');
      const program = spawn(old ?? '', [sluice, 'listen', 'x/y', '--gateway', url], { stdio: ['ignore', 'ignore', 'pipe'] });
      program.stderr.setEncoding('utf8');
      const [request] = (await connected) as [IncomingMessage];
      const gone = once(request.socket, 'close');
      const said = once(program.stderr, 'data');
      assert.match(String((await said)[0]), /Listening/);
      const ended = once(program, 'exit');
      program.kill(signal);
      assert.deepEqual(await ended, outcome);
      await gone;
      await close();
    }
  });

  test('says what to do when there is no Node that is new enough', { skip }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    try {
      await mkdir(join(folder, 'bin'));
      await cp(sluice, join(folder, 'bin', 'sluice.mjs'));
      const { status, stderr } = spawnSync(old ?? '', [join(folder, 'bin', 'sluice.mjs'), 'up'], { encoding: 'utf8' });
      assert.equal(status, 1);
      assert.match(stderr, /^sluice: needs Node 24 or newer; this is v\d+\.\d+\.\d+\. Install it/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

function olderNode(): string | undefined {
  const places = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  return places.find((file) => {
    try {
      accessSync(file);
    } catch {
      return false;
    }
    const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' });
    return Number(/^v(\d+)/.exec(stdout)?.[1] ?? 99) < 24;
  });
}

test('who shows the gateway no key is told how the command line does that, by every command that asks it', async () => {
  const problem = { code: 'UNAUTHENTICATED', detail: 'Send an API key as Authorization: Bearer.' };
  const { url, close } = await serve(createServer((_, response) => response.writeHead(401).end(JSON.stringify(problem))));
  const commands = [
    ['publish', 'x/y', '--data', '{}'],
    ...['sse', 'websocket', 'poll'].map((protocol) => ['listen', 'x/y', '--protocol', protocol]),
  ];
  for (const argv of commands) {
    const { exit, stderr } = await runCli([...argv, '--gateway', url]);
    assert.equal(exit, 4, stderr);
    assert.match(stderr, /Bearer\. Name the key of an application with --key or SLUICE_KEY\.\n$/);
    assert.match((await runCli([...argv, '--gateway', url, '--key', 'k'])).stderr, /Bearer\.\n$/);
  }
  await close();
});

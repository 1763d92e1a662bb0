import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { steadyPort } from '../testing/steady-port.ts';

const root = join(import.meta.dirname, '..', '..');

/** A block of the README that is fenced as `bash tour`, or as `bash tour server` when it goes on running beside the rest. */
interface Step {
  readonly title: string;
  readonly server: boolean;
  readonly script: string;
  /** What its output must contain, in this order: its lines `# → …`. */
  readonly expected: readonly string[];
}

describe('the tour in the README', async () => {
  const steps = stepsOf(await readFile(join(root, 'README.md'), 'utf8'));
  let folder: string;
  let server: ChildProcess | undefined;
  let serving = false;
  let shell: Shell;
  // Somebody may be serving on the ports that the README names, and the machine may stand still for longer than it listens.
  let ports: readonly [number, number];
  const onOurPorts = (script: string) =>
    script
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${ports[0]}`)
      .replaceAll('127.0.0.1:8081', `127.0.0.1:${ports[1]}`)
      .replaceAll(/--max-time \d+/g, '--max-time 8')
      .replace(/^script\/server$/m, `script/server --port ${ports[0]} --control-port ${ports[1]}`);

  before(async () => {
    ports = [await steadyPort(), await steadyPort()];
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    for (const name of ['bin', 'src', 'script', 'examples', 'package.json', 'package-lock.json']) {
      await cp(join(root, name), join(folder, name), { recursive: true });
    }
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    const env = { ...process.env, SLUICE_GATEWAY: `http://127.0.0.1:${ports[0]}`, SLUICE_CONTROL: `http://127.0.0.1:${ports[1]}` };
    shell = new Shell(folder, env);
  });

  after(async () => {
    await shell.end();
    if (server !== undefined) await stop(server);
    await rm(folder, { recursive: true, force: true });
  });

  test('has steps, and each says what to expect', () => {
    assert.ok(steps.length >= 6, `there are ${steps.length}`);
    for (const step of steps) assert.ok(step.expected.length > 0, `${step.title} expects nothing`);
  });

  for (const step of steps) {
    test(step.title, { timeout: 180_000 }, async ({ signal }) => {
      assert.ok(step.server || serving, 'the server did not start');
      if (step.server) {
        server = spawn('bash', ['-c', onOurPorts(step.script)], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
        await outputUntil(server, step.expected.map(onOurPorts), signal);
        serving = true;
        return;
      }
      const output = await shell.run(onOurPorts(step.script), signal);
      let from = 0;
      for (const text of step.expected.map(onOurPorts)) {
        const at = output.indexOf(text, from);
        assert.ok(at >= 0, `expected ${JSON.stringify(text)} in:\n${output}`);
        from = at + text.length;
      }
    });
  }
});

function stepsOf(readme: string): readonly Step[] {
  const steps: Step[] = [];
  for (const match of readme.matchAll(/^```bash tour( server)?\n([\s\S]*?)^```/gm)) {
    const script = match[2] ?? '';
    const before = readme.slice(0, match.index).trimEnd().split('\n').at(-1) ?? '';
    const expected = [...script.matchAll(/^# → (.+)$/gm)].map((line) => line[1] as string);
    steps.push({ title: before.replace(/:$/, ''), server: match[1] !== undefined, script, expected });
  }
  return steps;
}

/** One bash that keeps its variables from one script to the next, as a reader's does. */
class Shell {
  readonly #bash: ChildProcess;
  #said = '';
  #heard: (() => void) | undefined;
  #count = 0;

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.#bash = spawn('bash', ['-s'], { cwd: folder, env, stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    this.#bash.stdout?.on('data', (chunk: Buffer) => {
      this.#said += chunk.toString();
      this.#heard?.();
    });
    this.#bash.on('exit', () => this.#heard?.());
    this.#bash.stdin?.write('exec 2>&1\n');
  }

  async run(script: string, signal: AbortSignal): Promise<string> {
    const end = `-- end of script ${++this.#count} --`;
    this.#said = '';
    // In a group with no input of its own, so that no program reads the scripts that follow.
    this.#bash.stdin?.write(`{ ${script}\n} </dev/null\necho '${end}'\n`);
    while (!this.#said.includes(end)) {
      if (this.#bash.exitCode !== null) throw new Error(`the shell ended:\n${this.#said}`);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#heard = resolve;
      await untilAborted(signal, promise, reject, () => `the script did not end:\n${this.#said}`);
    }
    return this.#said.slice(0, this.#said.indexOf(end));
  }

  async end(): Promise<void> {
    if (this.#bash.exitCode !== null || this.#bash.pid === undefined) return;
    const ended = once(this.#bash, 'exit');
    // With what it started: a script that hangs has a child that does.
    process.kill(-this.#bash.pid, 'SIGKILL');
    await ended;
  }
}

async function outputUntil(child: ChildProcess, expected: readonly string[], signal: AbortSignal): Promise<void> {
  let said = '';
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const hear = (chunk: Buffer): void => {
    said += chunk.toString();
    if (expected.every((text) => said.includes(text))) resolve();
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  child.once('exit', () => reject(new Error(`it ended without saying ${expected.join(' and ')}:\n${said}`)));
  await untilAborted(signal, promise, reject, () => `it did not say ${expected.join(' and ')}:\n${said}`);
}

async function untilAborted(
  signal: AbortSignal,
  promise: Promise<void>,
  reject: (reason: Error) => void,
  sentence: () => string,
): Promise<void> {
  const abort = (): void => reject(new Error(sentence()));
  signal.addEventListener('abort', abort);
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.pid === undefined) return;
  const ended = once(server, 'exit');
  process.kill(-server.pid, 'SIGTERM');
  const tooLong = setTimeout(() => process.kill(-(server.pid as number), 'SIGKILL'), 20_000);
  await ended;
  clearTimeout(tooLong);
}

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { Outcome } from '../cli/test-world.ts';

const sluice = join(import.meta.dirname, '..', '..', 'bin', 'sluice.js');
const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };

/** A command that runs on. */
export interface Running {
  readonly child: ChildProcess;
  readonly lines: Interface;
  readonly stderr: Promise<string>;
}

interface Given {
  readonly input?: string;
  readonly key?: string;
}

/** Commands as processes of their own, one after the other in one folder. */
export class CommandWalk {
  folder = '';
  urls = { gateway: 'http://127.0.0.1:1', control: 'http://127.0.0.1:1' };
  /** Names of the commands that were called. */
  readonly walked = new Set<string>();

  start(argv: readonly string[], more: Readonly<Record<string, string>> = {}): Running {
    const child = this.#spawn(argv, more);
    return { child, lines: createInterface({ input: child.stdout }), stderr: text(child.stderr) };
  }

  async call(argv: readonly string[], { input = '', key }: Given = {}): Promise<Outcome> {
    const { gateway, control } = this.urls;
    const child = this.#spawn(argv, {
      SLUICE_CONTROL: control,
      SLUICE_GATEWAY: gateway,
      ...(key === undefined ? {} : { SLUICE_KEY: key }),
    });
    const [stdout, stderr, ended] = [text(child.stdout), text(child.stderr), once(child, 'close')];
    child.stdin.on('error', () => undefined).end(input);
    const [exit] = (await ended) as [number];
    return { exit, stdout: await stdout, stderr: await stderr };
  }

  /** The objects on stdout of a command that must succeed. */
  async objects(argv: readonly string[], given: Given = {}): Promise<Record<string, unknown>[]> {
    const { exit, stdout, stderr } = await this.call([...argv, '--json'], given);
    assert.equal(exit, 0, `${argv.join(' ')}: ${stderr}`);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  #spawn(argv: readonly string[], more: Readonly<Record<string, string>>) {
    this.walked.add(argv[0] ?? '');
    return spawn(process.execPath, [sluice, ...argv], { cwd: this.folder, env: { ...env, ...more }, stdio: ['pipe', 'pipe', 'pipe'] });
  }
}

/** The first object on stdout of a command that runs on. */
export async function firstLine({ lines, child }: Running): Promise<Record<string, unknown>> {
  const line = await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(([code]) => assert.fail(`it ended with ${String(code)}`)),
  ]);
  return JSON.parse(String((line as string[])[0])) as Record<string, unknown>;
}

/** Ends a command that must end well. */
export async function end({ child, stderr }: Running, signal: NodeJS.Signals): Promise<void> {
  const exit = once(child, 'exit');
  child.kill(signal);
  assert.deepEqual((await exit).slice(0, 2), [0, null], await stderr);
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { configText, contractText, keys } from './victim-world.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'bin', 'sluice.js');
const adminToken = 'admin-token-of-the-victim-8d1f0c';

export interface CommandOptions {
  /** Files written into a folder of its own, in which the command runs. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

export interface CommandOutcome {
  /** 128 and more: killed, as by the time limit. */
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A Sluice in a process of its own, as operators start it, that is looked at from outside. */
export class Victim {
  readonly gateway: string;
  readonly control: string;
  readonly admin = adminToken;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #log: string[];
  #commands = 0;

  private constructor(folder: string, child: ChildProcess, log: string[], urls: { readonly gateway: string; readonly control: string }) {
    this.#folder = folder;
    this.#child = child;
    this.#log = log;
    this.gateway = urls.gateway;
    this.control = urls.control;
  }

  static async start(): Promise<Victim> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    await writeFile(join(folder, 'shop.yaml'), contractText);
    await writeFile(join(folder, 'sluice.yaml'), configText);
    const env = { ...bareEnv(), ...keys, SLUICE_ADMIN_TOKEN: adminToken };
    const argv = [program, 'up', '--json', '--port', '0', '--control-port', '0', '--log-json', '--log-level', 'trace'];
    const child = spawn(process.execPath, argv, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const log: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => log.push(chunk));
    const ready = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>;
    const line = await Promise.race([ready, once(child, 'exit').then(() => undefined)]);
    if (line === undefined) throw new Error(`sluice up ended: ${log.join('')}`);
    return new Victim(folder, child, log, JSON.parse(line[0]) as { gateway: string; control: string });
  }

  /** Everything it logged so far. */
  get log(): string {
    return this.#log.join('');
  }

  get isUp(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resident memory in bytes, as the kernel counts it. */
  async resident(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** Open file descriptors, sockets included. */
  async descriptors(): Promise<number> {
    return (await readdir(`/proc/${this.#child.pid}/fd`)).length;
  }

  /** Runs a command line against it, in a folder of its own. */
  async command(argv: readonly string[], { files = {}, env = {}, input = '' }: CommandOptions = {}): Promise<CommandOutcome> {
    const folder = join(this.#folder, `command-${(this.#commands += 1)}`);
    await mkdir(folder);
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    const where = { SLUICE_GATEWAY: this.gateway, SLUICE_CONTROL: this.control, SLUICE_ADMIN_TOKEN: adminToken };
    const child = spawn(process.execPath, [program, ...argv], {
      cwd: folder,
      env: { ...bareEnv(), ...where, ...env },
      stdio: 'pipe',
      timeout: 120_000,
      killSignal: 'SIGKILL',
    });
    const [stdout, stderr, ended] = [text(child.stdout), text(child.stderr), once(child, 'close')];
    child.stdin.on('error', () => undefined).end(input);
    const [exit] = (await ended) as [number | null];
    await rm(folder, { recursive: true, force: true });
    return { exit: exit ?? 128, stdout: await stdout, stderr: await stderr };
  }

  /** Tells it to stop and answers its exit code. */
  async stop(): Promise<number | null> {
    const ended = this.isUp ? once(this.#child, 'exit') : undefined;
    this.#child.kill('SIGTERM');
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(kill);
    await rm(this.#folder, { recursive: true, force: true });
    return this.#child.exitCode;
  }
}

function bareEnv(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };
}

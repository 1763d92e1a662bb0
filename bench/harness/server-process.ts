import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** CPU it is bound to with all its children. */
  readonly core: string;
  /** Ports it listens on once it serves. */
  readonly ports: readonly number[];
  /** What it writes once it serves; without it the ports are tried. */
  readonly ready?: string | undefined;
}

/** Milliseconds a server has to begin to serve, and to end. */
const startTime = 60_000;
const stopTime = 15_000;

/** A measured server with its children, bound to one core. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #name: string;
  /** Seconds of the machine's monotonic clock at which it was started. */
  readonly startedAt = monotonicSeconds();
  #output = '';
  #onOutput: (() => void) | undefined;

  private constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-4000);
      this.#onOutput?.();
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.once('error', (error) => keep(Buffer.from(error.message)));
  }

  /** Resolves once it serves; rejects with what the server said when it does not come so far. */
  static async start({ command, args, env, core, ports, ready }: ServerCommand): Promise<ServerProcess> {
    const child = spawn('taskset', ['-c', core, command, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const server = new ServerProcess(child, command);
    try {
      if (ready !== undefined) await server.#waitForOutput(ready);
      else for (const port of ports) await server.#waitFor(port);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** It and all that it started. */
  pids(): readonly number[] {
    const parents = new Map<number, number[]>();
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const parent = parentOf(name);
      if (parent !== undefined) parents.set(parent, [...(parents.get(parent) ?? []), Number(name)]);
    }
    const found = [this.#child.pid ?? 0];
    for (let index = 0; index < found.length; index += 1) found.push(...(parents.get(found[index] as number) ?? []));
    return found;
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child;
    if (exitCode !== null || signalCode !== null || pid === undefined) return;
    const family = this.pids();
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const kill = setTimeout(() => {
      for (const member of family) killQuietly(member);
    }, stopTime);
    await ended;
    clearTimeout(kill);
    for (const member of family) killQuietly(member);
  }

  /** Ends it as a crash would, and resolves when it is gone. */
  async kill(): Promise<void> {
    const family = this.pids();
    const ended = once(this.#child, 'exit');
    for (const member of family) killQuietly(member);
    await ended;
  }

  async #waitForOutput(text: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const fail = (): void => reject(new Error(`${this.#name} does not begin to serve. It said:\n${this.#output}`));
    const timer = setTimeout(fail, startTime);
    this.#child.once('exit', fail);
    this.#onOutput = () => this.#output.includes(text) && resolve(undefined);
    await promise.finally(() => {
      clearTimeout(timer);
      this.#child.off('exit', fail);
      this.#onOutput = undefined;
    });
  }

  async #waitFor(port: number): Promise<void> {
    const end = Date.now() + startTime;
    while (!(await takesConnections(port))) {
      if (this.#child.exitCode !== null || Date.now() > end)
        throw new Error(`${this.#name} does not listen on port ${port}. It said:\n${this.#output}`);
      await delay(50);
    }
  }
}

/** Seconds of the clock that the instruments use too. */
export function monotonicSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { collectable } from '../harness/collectable.ts';
import type { Benchmark } from '../harness/benchmark.ts';
import type { InstrumentOptions } from '../harness/instrument.ts';
import { freePorts, monotonicSeconds, ServerProcess, type ServerCommand } from '../harness/server-process.ts';
import { batchesUnderWay, type Peer } from './peer.ts';

const root = resolve(import.meta.dirname, '../..');

const adminToken = 'SLUICE_ADMIN_TOKEN';
const readerKey = 'READER_KEY';
const sourceKey = 'SOURCE_KEY';

interface ServerSetup {
  /** File in bench/config/, or a path from the root. */
  readonly config?: string;
  /** Further arguments of `sluice up`, after those of the command line. */
  readonly further?: readonly string[];
  /** Environment variables with the keys of further readers. */
  readonly keys?: readonly string[];
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

interface SluiceParts {
  readonly port: number;
  readonly data: string;
  readonly command: ServerCommand;
  readonly server: ServerProcess;
  readonly control: string;
  readonly secrets: Readonly<Record<string, string>>;
}

/** A real `sluice up` with the benchmarks' configuration, on a fresh data folder. */
export class SluiceServer {
  readonly port: number;
  readonly data: string;
  readonly #command: ServerCommand;
  readonly #control: string;
  readonly #secrets: Readonly<Record<string, string>>;
  #server: ServerProcess;

  private constructor(parts: SluiceParts) {
    this.port = parts.port;
    this.data = parts.data;
    this.#command = parts.command;
    this.#server = parts.server;
    this.#control = parts.control;
    this.#secrets = parts.secrets;
  }

  static async start(
    { folder, options }: Benchmark,
    { config = 'sluice.yaml', further = [], keys = [], env = {} }: ServerSetup = {},
  ): Promise<SluiceServer> {
    const [port, controlPort] = (await freePorts(2)) as [number, number];
    const data = mkdtempSync(join(folder, 'sluice-'));
    const names = [adminToken, readerKey, sourceKey, ...keys];
    const secrets = Object.fromEntries(names.map((name) => [name, `bench_${randomBytes(24).toString('hex')}`]));
    const up = [
      'up',
      '--config',
      resolve(root, 'bench/config', config),
      '--data',
      data,
      '--port',
      `${port}`,
      '--control-port',
      `${controlPort}`,
      '--log-level',
      'warn',
      '--json',
    ];
    const command: ServerCommand = {
      command: process.execPath,
      args: [join(root, 'bin/sluice.js'), ...up, ...options.sluiceArguments, ...further],
      env: { ...secrets, NODE_OPTIONS: collectable, ...env },
      core: options.serverCore,
      ports: [port, controlPort],
      ready: '"event":"ready"',
    };
    const server = await ServerProcess.start(command);
    return new SluiceServer({ port, data, command, server, control: `http://127.0.0.1:${controlPort}`, secrets });
  }

  /** Ends it as a crash would and starts it again on what it left; seconds of the monotonic clock of its new start, and of when it served. */
  async crash(): Promise<{ readonly startedAt: number; readonly readyAt: number }> {
    await this.#server.kill();
    this.#server = await ServerProcess.start(this.#command);
    return { startedAt: this.#server.startedAt, readyAt: monotonicSeconds() };
  }

  /** Process ids as the instruments take them. */
  get pids(): string {
    return this.#server.pids().join(',');
  }

  /** The header that carries the key of this environment variable. */
  header(key: string): string {
    return `X-API-Key: ${this.#secrets[key] ?? ''}`;
  }

  /** What `sluice usage verify` says: whether the ranges that were billed tile, without gap or overlap. */
  async verifyLedger(): Promise<{ readonly ok: boolean; readonly ranges: number; readonly readers: number }> {
    return JSON.parse(await this.#ask('/api/v1/usage/verify')) as { ok: boolean; ranges: number; readers: number };
  }

  /** Events read back from its log since the start. */
  async eventsRead(): Promise<number> {
    const found = /^sluice_backend_read_messages_total\{.*\} (\d+)$/m.exec(await this.#ask('/metrics'));
    if (found === null) throw new Error('The server does not say how many events it has read.');
    return Number(found[1]);
  }

  async #ask(path: string): Promise<string> {
    const response = await fetch(`${this.#control}${path}`, { headers: { authorization: `Bearer ${this.#secrets[adminToken] ?? ''}` } });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 400)}`);
    return text;
  }

  /** Options to subscribe to a channel. */
  subscribe(protocol: 'sse' | 'ws', channel: string): InstrumentOptions {
    return { proto: protocol, port: this.port, path: `/prices/${channel}`, header: this.header(readerKey), pids: this.pids };
  }

  /** Options to publish to a channel, and to have requests with batches. */
  publish(channel: string): InstrumentOptions {
    return {
      pub: 'http',
      pport: this.port,
      ppath: `/prices/${channel}`,
      pubheader: this.header(sourceKey),
      form: 'cloudevents',
      pids: this.pids,
    };
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    rmSync(this.data, { recursive: true, force: true });
  }
}

/** Sluice among its peers. */
export function sluice(protocol: 'sse' | 'ws'): Peer {
  return {
    name: `sluice-${protocol}`,
    async start(bench) {
      const server = await SluiceServer.start(bench);
      return {
        version: bench.options.sluiceArguments.join(' ') || 'this checkout',
        fan: { ...server.subscribe(protocol, 'live'), ...server.publish('live'), gc: 1 },
        burst: batchesUnderWay(bench.options),
        stop: () => server.stop(),
      };
    },
  };
}

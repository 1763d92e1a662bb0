import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { collectable } from '../harness/collectable.ts';
import type { Benchmark } from '../harness/benchmark.ts';
import type { InstrumentOptions } from '../harness/instrument.ts';
import { freePorts, ServerProcess } from '../harness/server-process.ts';
import { oneBatch, type Peer } from './peer.ts';

const root = resolve(import.meta.dirname, '../..');

/** A real `sluice up` with the benchmarks' configuration, on a fresh data folder. */
export class SluiceServer {
  readonly port: number;
  readonly data: string;
  readonly #server: ServerProcess;
  readonly #readerKey: string;
  readonly #sourceKey: string;

  private constructor(parts: { port: number; data: string; server: ServerProcess; readerKey: string; sourceKey: string }) {
    this.port = parts.port;
    this.data = parts.data;
    this.#server = parts.server;
    this.#readerKey = parts.readerKey;
    this.#sourceKey = parts.sourceKey;
  }

  static async start({ folder, options }: Benchmark): Promise<SluiceServer> {
    const [port, controlPort] = (await freePorts(2)) as [number, number];
    const data = mkdtempSync(join(folder, 'sluice-'));
    const readerKey = `bench_reader_${randomBytes(24).toString('hex')}`;
    const sourceKey = `bench_source_${randomBytes(24).toString('hex')}`;
    const up = [
      'up',
      '--config',
      join(root, 'bench/config/sluice.yaml'),
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
    const server = await ServerProcess.start({
      command: process.execPath,
      args: [join(root, 'bin/sluice.js'), ...up, ...options.sluiceArguments],
      env: { READER_KEY: readerKey, SOURCE_KEY: sourceKey, NODE_OPTIONS: collectable },
      core: options.serverCore,
      ports: [port, controlPort],
    });
    return new SluiceServer({ port, data, server, readerKey, sourceKey });
  }

  /** Process ids as the instruments take them. */
  get pids(): string {
    return this.#server.pids().join(',');
  }

  /** Options to subscribe to a channel. */
  subscribe(protocol: 'sse' | 'ws', channel: string): InstrumentOptions {
    return { proto: protocol, port: this.port, path: `/prices/${channel}`, header: `X-API-Key: ${this.#readerKey}`, pids: this.pids };
  }

  /** Options to publish to a channel, and to have requests with batches. */
  publish(channel: string): InstrumentOptions {
    return {
      pub: 'http',
      pport: this.port,
      ppath: `/prices/${channel}`,
      pubheader: `X-API-Key: ${this.#sourceKey}`,
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
        // A second request is under way while the first is made durable, as it would be with any client that does not wait.
        burst: { ...oneBatch, pubs: 2 },
        stop: () => server.stop(),
      };
    },
  };
}

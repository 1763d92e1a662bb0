import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { firstLine, requireProgram } from '../harness/installation.ts';
import { freePorts, ServerProcess } from '../harness/server-process.ts';
import type { DurablePeer } from './durable-peer.ts';

/** XADD to one stream, the append-only file synced before each answer. */
export const redisStream: DurablePeer = {
  name: 'redis',
  async start({ folder, options }) {
    const program = requireProgram('redis-server', 'redis-server');
    const [port] = (await freePorts(1)) as [number];
    const place = mkdtempSync(join(folder, 'redis-'));
    const settings = [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      place,
      '--save',
      '',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
    ];
    const server = await ServerProcess.start({ command: program, args: settings, core: options.serverCore, ports: [port] });
    return {
      version: firstLine(program, ['--version']),
      post: { pub: 'redis', pport: port, pids: server.pids().join(',') },
      stop: () => server.stop(),
    };
  },
};

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstLine, requireNatsServer } from '../harness/installation.ts';
import { freePorts, ServerProcess } from '../harness/server-process.ts';
import { natsVersion } from './nats-version.ts';
import { oneBatch, type Peer } from './peer.ts';

/** Core NATS, nothing stored: WebSocket subscribers, a TCP publisher. */
export const natsWebSocket: Peer = {
  name: 'nats-ws',
  async start({ folder, options }) {
    const program = requireNatsServer(natsVersion);
    const [port, clientPort] = (await freePorts(2)) as [number, number];
    const file = join(mkdtempSync(join(folder, 'nats-')), 'nats.conf');
    writeFileSync(
      file,
      `host: 127.0.0.1\nport: ${clientPort}\nmax_connections: 100000\nwebsocket { host: 127.0.0.1, port: ${port}, no_tls: true }\n`,
    );
    const server = await ServerProcess.start({ command: program, args: ['-c', file], core: options.serverCore, ports: [port, clientPort] });
    return {
      version: firstLine(program, ['--version']),
      fan: { proto: 'natsws', port, pub: 'nats', pport: clientPort, pids: server.pids().join(',') },
      burst: oneBatch,
      stop: () => server.stop(),
    };
  },
};

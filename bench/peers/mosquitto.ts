import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageVersion, requireProgram } from '../harness/installation.ts';
import { freePorts, ServerProcess } from '../harness/server-process.ts';
import { oneBatch, type Peer } from './peer.ts';

/** MQTT 3.1.1, QoS 0, nothing stored. */
export const mosquitto: Peer = {
  name: 'mosquitto',
  async start({ folder, options }) {
    const program = requireProgram('mosquitto', 'mosquitto');
    const [port] = (await freePorts(1)) as [number];
    const file = join(mkdtempSync(join(folder, 'mosquitto-')), 'mosquitto.conf');
    writeFileSync(
      file,
      `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\nmax_queued_messages 0\nlog_type error\nuser root\n`,
    );
    const server = await ServerProcess.start({ command: program, args: ['-c', file], core: options.serverCore, ports: [port] });
    return {
      version: packageVersion('mosquitto'),
      fan: { proto: 'mqtt', port, pub: 'mqtt', pport: port, pids: server.pids().join(',') },
      burst: oneBatch,
      stop: () => server.stop(),
    };
  },
};

import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { firstLine, requireNatsServer } from '../harness/installation.ts';
import { freePorts, ServerProcess } from '../harness/server-process.ts';
import type { DurablePeer } from './durable-peer.ts';
import { natsVersion } from './nats-version.ts';

/** A JetStream file stream that syncs every write before the PubAck. */
export const jetStream: DurablePeer = {
  name: 'nats-jetstream',
  async start({ folder, options }) {
    const program = requireNatsServer(natsVersion);
    const [port] = (await freePorts(1)) as [number];
    const place = mkdtempSync(join(folder, 'jetstream-'));
    const version = firstLine(program, ['--version']);
    const isOld = /v2\.[0-9]\./.test(version);
    if (isOld)
      throw new Error(
        `${version} has no sync_interval: always, so its acknowledgements come before the disk; install Go, or say --without nats-jetstream.`,
      );
    writeFileSync(join(place, 'nats.conf'), `host: 127.0.0.1\nport: ${port}\njetstream { store_dir: "${place}", sync_interval: always }\n`);
    const server = await ServerProcess.start({
      command: program,
      args: ['-c', join(place, 'nats.conf')],
      core: options.serverCore,
      ports: [port],
    });
    try {
      await createStream(port);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return { version, post: { pub: 'jetstream', pport: port, pids: server.pids().join(',') }, stop: () => server.stop() };
  },
};

/** Asks for the stream with the client protocol itself: one request needs no library. */
async function createStream(port: number): Promise<void> {
  const stream = JSON.stringify({ name: 'BENCH', subjects: ['bench.events'], storage: 'file', retention: 'limits', num_replicas: 1 });
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  await once(socket, 'connect');
  socket.write(
    `CONNECT {"verbose":false,"pedantic":false}\r\nSUB _INBOX.bench 1\r\nPUB $JS.API.STREAM.CREATE.BENCH _INBOX.bench ${stream.length}\r\n${stream}\r\n`,
  );
  let answer = '';
  for await (const chunk of socket) {
    answer += chunk as string;
    if (answer.includes('"did_create":true')) break;
    if (answer.includes('"error"') || answer.includes('-ERR')) throw new Error(`NATS does not make the stream: ${answer}`);
  }
  socket.destroy();
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collectable } from '../harness/collectable.ts';
import { requireNodePeers } from '../harness/installation.ts';
import type { InstrumentOptions } from '../harness/instrument.ts';
import { freePorts, ServerProcess } from '../harness/server-process.ts';
import { oneBatch, type Peer } from './peer.ts';

interface NodePeer {
  readonly name: string;
  /** npm package whose version is told. */
  readonly package: string;
  /** File beside its package.json. */
  readonly file: string;
  readonly fan: InstrumentOptions;
}

/** A library of Node that sends each line of its feed to all clients. */
export function nodeServer({ name, package: library, file, fan }: NodePeer): Peer {
  return {
    name,
    async start({ options }) {
      const folder = requireNodePeers();
      const [port, feed] = (await freePorts(2)) as [number, number];
      const server = await ServerProcess.start({
        command: process.execPath,
        args: [join(folder, file), `${port}`, `${feed}`],
        env: { NODE_OPTIONS: collectable },
        core: options.serverCore,
        ports: [port, feed],
      });
      const { version } = JSON.parse(readFileSync(join(folder, 'node_modules', library, 'package.json'), 'utf8')) as { version: string };
      return {
        version: `${library} ${version}, Node ${process.version}`,
        fan: { ...fan, port, pub: 'tcp', pport: feed, gc: 1, pids: server.pids().join(',') },
        burst: oneBatch,
        stop: () => server.stop(),
      };
    },
  };
}

/** `ws` as most use it: one send per event and client. */
export const wsOneSend = nodeServer({ name: 'ws', package: 'ws', file: 'ws-server.js', fan: { proto: 'ws' } });

/** Socket.IO over WebSocket, one emit per event. */
export const socketIo = nodeServer({
  name: 'socket.io',
  package: 'socket.io',
  file: 'socket-io-server.js',
  fan: { proto: 'sio', path: '/socket.io/?EIO=4&transport=websocket' },
});

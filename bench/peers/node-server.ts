import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collectable } from '../harness/collectable.ts';
import { requireNodePeers } from '../harness/installation.ts';
import type { InstrumentOptions } from '../harness/instrument.ts';
import { freePorts, ServerProcess } from '../harness/server-process.ts';
import { oneBatch, type Peer } from './peer.ts';

const ownFolder = join(import.meta.dirname, 'node');

interface NodePeer {
  readonly name: string;
  /** npm package whose version is told; undefined: it needs none. */
  readonly package: string | undefined;
  /** File beside its package.json. */
  readonly file: string;
  readonly fan: InstrumentOptions;
}

/** A server in Node that sends each line of its feed to all clients. */
export function nodeServer({ name, package: library, file, fan }: NodePeer): Peer {
  return {
    name,
    async start({ options }) {
      const folder = library === undefined ? ownFolder : requireNodePeers();
      const [port, feed] = (await freePorts(2)) as [number, number];
      const server = await ServerProcess.start({
        command: process.execPath,
        args: [join(folder, file), `${port}`, `${feed}`],
        env: { NODE_OPTIONS: collectable },
        core: options.serverCore,
        ports: [port, feed],
      });
      return {
        version: `${library === undefined ? '' : `${library} ${versionOf(folder, library)}, `}Node ${process.version}`,
        fan: { ...fan, port, pub: 'tcp', pport: feed, gc: 1, pids: server.pids().join(',') },
        burst: oneBatch,
        stop: () => server.stop(),
      };
    },
  };
}

function versionOf(folder: string, library: string): string {
  return (JSON.parse(readFileSync(join(folder, 'node_modules', library, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Bare sockets and one shared buffer a turn: what Node itself costs. */
export const nodeFloor = nodeServer({ name: 'node-floor', package: undefined, file: 'floor-server.js', fan: { proto: 'ws' } });

/** `ws` as most use it: one send per event and client. */
export const wsOneSend = nodeServer({ name: 'ws', package: 'ws', file: 'ws-server.js', fan: { proto: 'ws' } });

/** Socket.IO over WebSocket, one emit per event. */
export const socketIo = nodeServer({
  name: 'socket.io',
  package: 'socket.io',
  file: 'socket-io-server.js',
  fan: { proto: 'sio', path: '/socket.io/?EIO=4&transport=websocket' },
});

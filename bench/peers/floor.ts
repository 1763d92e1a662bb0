import { firstLine } from '../harness/installation.ts';
import { instrumentPath } from '../harness/instrument.ts';
import { freePorts, ServerProcess } from '../harness/server-process.ts';
import { oneBatch, type Peer } from './peer.ts';

/** A C program that only writes: `1` one write per event and socket, `tick` one for all that came in together. */
export function floor(mode: '1' | 'tick'): Peer {
  return {
    name: mode === '1' ? 'floor-one-write' : 'floor-coalescing',
    async start({ options }) {
      const [port, feed] = (await freePorts(2)) as [number, number];
      const server = await ServerProcess.start({
        command: instrumentPath('floor'),
        args: [mode, `${port}`, `${feed}`],
        core: options.serverCore,
        ports: [port],
      });
      return {
        version: firstLine('gcc', ['--version']),
        fan: { proto: 'ws', port, pub: 'tcp', pport: feed, pids: server.pids().join(',') },
        burst: oneBatch,
        stop: () => server.stop(),
      };
    },
  };
}

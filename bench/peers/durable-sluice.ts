import type { DurablePeer } from './durable-peer.ts';
import { SluiceServer } from './sluice.ts';

/** Sluice over HTTP, as it always is. */
export const durableSluice: DurablePeer = {
  name: 'sluice',
  async start(bench) {
    const server = await SluiceServer.start(bench);
    return { version: 'this checkout', post: server.publish('live'), stop: () => server.stop() };
  },
};

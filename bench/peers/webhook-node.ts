import { createRequire } from 'node:module';
import { join } from 'node:path';
import { collectable } from '../harness/collectable.ts';
import { freePorts, ServerProcess } from '../harness/server-process.ts';
import { addressOf, receivers, type WebhookPeer } from './webhook-peer.ts';

const { version } = createRequire(import.meta.url)('undici/package.json') as { readonly version: string };

/** Bare `node:http` and undici: what posting on costs in Node when nothing is kept. */
export const webhookNode: WebhookPeer = {
  name: 'node-undici',
  async start({ options }, setup) {
    const { count, port: endpointPort, isFanOut, certificate } = setup;
    const [port] = (await freePorts(1)) as [number];
    const scheme = certificate === undefined ? 'http' : 'https';
    const server = await ServerProcess.start({
      command: process.execPath,
      args: [join(import.meta.dirname, 'node/post-server.js'), ...[port, addressOf(0), count, scheme, endpointPort].map(String)],
      env: { NODE_OPTIONS: collectable, ...(certificate === undefined ? {} : { NODE_EXTRA_CA_CERTS: certificate.cert }) },
      core: options.serverCore,
      ports: [port],
    });
    const publish = { pub: 'http', pport: port, ppath: isFanOut ? '/events' : '/events/{}', form: 'cloudevents' };
    return {
      version: `undici ${version}, Node ${process.version}`,
      hooks: { ...receivers(setup), ...publish, pids: server.pids().join(',') },
      stop: () => server.stop(),
    };
  },
};

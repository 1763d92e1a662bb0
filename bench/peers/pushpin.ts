import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { packageVersion, requireProgram } from '../harness/installation.ts';
import { openFileLimit } from '../harness/machine.ts';
import { freePorts, ServerProcess } from '../harness/server-process.ts';
import { oneBatch, type Peer } from './peer.ts';

/** Pushpin with all its processes. Its origin, which only says what a new client is subscribed to, runs in the harness. */
export function pushpin(protocol: 'sse' | 'ws'): Peer {
  return {
    name: `pushpin-${protocol}`,
    async start({ options }) {
      const program = requireProgram('pushpin', 'pushpin');
      const origin = createServer({ keepAliveTimeout: 3_600_000 }, answerAsOrigin).listen(0, '127.0.0.1');
      await once(origin, 'listening');
      // Not in the folder of the run: its sockets need short paths.
      const place = mkdtempSync(join(tmpdir(), 'pushpin-'));
      const clean = async (): Promise<void> => {
        await closeOrigin(origin);
        rmSync(place, { recursive: true, force: true });
      };
      try {
        const { server, port, publishPort } = await startProxying(program, place, {
          core: options.serverCore,
          originPort: (origin.address() as AddressInfo).port,
        });
        return {
          version: packageVersion('pushpin'),
          fan: { proto: protocol, port, path: '/', pub: 'pushpin', pport: publishPort, pids: server.pids().join(',') },
          burst: oneBatch,
          async stop() {
            await server.stop();
            await clean();
          },
        };
      } catch (error) {
        await clean();
        throw error;
      }
    },
  };
}

interface Proxying {
  readonly server: ServerProcess;
  readonly port: number;
  readonly publishPort: number;
}

/** Times it is started before it is given up: now and then its processes do not find one another. */
const attempts = 3;

async function startProxying(
  program: string,
  place: string,
  { core, originPort }: { readonly core: string; readonly originPort: number },
): Promise<Proxying> {
  for (let attempt = 1; ; attempt += 1) {
    const [port, publishPort, pull, sub, command] = (await freePorts(5)) as [number, number, number, number, number];
    for (const name of ['run', 'log']) {
      rmSync(join(place, name), { recursive: true, force: true });
      mkdirSync(join(place, name));
    }
    writeFileSync(join(place, 'routes'), `* 127.0.0.1:${originPort},over_http\n`);
    writeFileSync(join(place, 'pushpin.conf'), configuration({ place, port, publishPort, pull, sub, command }));
    const args = [`--config=${join(place, 'pushpin.conf')}`];
    const server = await ServerProcess.start({ command: program, args, core, ports: [port, publishPort] });
    try {
      await untilItProxies(port);
      return { server, port, publishPort };
    } catch (error) {
      await server.stop();
      if (attempt === attempts) throw error;
    }
  }
}

/** It takes connections before all of its processes have found one another, and answers those with errors. */
async function untilItProxies(port: number): Promise<void> {
  const end = Date.now() + 10_000;
  for (;;) {
    const abort = new AbortController();
    const status = await fetch(`http://127.0.0.1:${port}/`, { signal: abort.signal }).then(
      (response) => response.status,
      () => 0,
    );
    abort.abort();
    if (status === 200) return;
    if (Date.now() > end) throw new Error(`Pushpin answers ${status} instead of holding a stream open.`);
    await delay(100);
  }
}

/** GRIP: holds the stream open on a channel, or subscribes the WebSocket by a control message. */
function answerAsOrigin(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  if (request.headers['content-type'] === 'application/websocket-events') {
    const control = 'c:{"type":"subscribe","channel":"fan"}';
    response.writeHead(200, { 'Content-Type': 'application/websocket-events', 'Sec-WebSocket-Extensions': 'grip; message-prefix=""' });
    response.end(`OPEN\r\nTEXT ${control.length.toString(16)}\r\n${control}\r\n`);
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Grip-Hold': 'stream', 'Grip-Channel': 'fan' });
  response.end(': open\n\n');
}

async function closeOrigin(origin: Server): Promise<void> {
  origin.close();
  origin.closeAllConnections();
  await once(origin, 'close');
}

interface Places {
  readonly place: string;
  readonly port: number;
  readonly publishPort: number;
  readonly pull: number;
  readonly sub: number;
  readonly command: number;
}

function configuration({ place, port, publishPort, pull, sub, command }: Places): string {
  return `
[global]
include={libdir}/internal.conf
rundir=${place}/run
ipc_prefix=bench-

[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port=127.0.0.1:${port}
logdir=${place}/log
log_level=1
client_maxconn=${openFileLimit() - 500}

[proxy]
routesfile=routes
sig_key=bench
updates_check=off
zurl_out_specs=ipc://{rundir}/{ipc_prefix}zurl-in
zurl_out_stream_specs=ipc://{rundir}/{ipc_prefix}zurl-in-stream
zurl_in_specs=ipc://{rundir}/{ipc_prefix}zurl-out

[handler]
push_in_spec=tcp://127.0.0.1:${pull}
push_in_sub_specs=tcp://127.0.0.1:${sub}
push_in_http_addr=127.0.0.1
push_in_http_port=${publishPort}
command_spec=tcp://127.0.0.1:${command}
message_rate=0
message_hwm=1000000
`;
}

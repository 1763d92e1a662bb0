import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { HttpListener } from './http.ts';
import { respondJson } from './respond.ts';

const limit = { timeout: 60_000 };
/** More than the system takes for a client that does not read. */
const large = Buffer.alloc(32 * 1024 * 1024, ' ');
const stallTime = 1000;

describe('a client that takes nothing', () => {
  let listener: HttpListener;
  let url: URL;
  let answered: Promise<unknown>;

  beforeEach(async () => {
    const { promise, resolve } = Promise.withResolvers();
    answered = promise;
    const route = { cors: undefined, entrypoints: ['poll'], maxEventBytes: 1 };
    listener = new HttpListener({ route: () => route, onBug: (error) => assert.fail(error as Error), maxConnections: 10, stallTime });
    listener.use({
      protocol: 'poll',
      accepts: () => true,
      handle: async (_request, response) => {
        response.once('close', () => resolve(undefined));
        respondJson(response, 200, large, {});
      },
    });
    listener.useStream({
      protocol: 'sse',
      stream: async (_request, answer) => answer.begin(200, {}, 'first'),
    });
    url = new URL(await listener.listen(0, '127.0.0.1'));
  });
  afterEach(() => listener.closeNow());

  async function ask(accept: string): Promise<Socket> {
    const socket = connect(Number(url.port), url.hostname);
    socket.on('error', () => undefined);
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nAccept: ${accept}\r\n\r\n`);
    await once(socket, 'connect');
    return socket;
  }

  test('of an answer is cut, and the answer let go of; who only has nothing to take stays', limit, async () => {
    const quiet = await ask('text/event-stream');
    await once(quiet, 'data');
    const http2 = connectHttp2(url);
    const stream = http2.request({ ':path': '/', accept: 'text/event-stream' });
    await once(stream, 'response');
    const stalled = await ask('*/*');
    let isCut = false;
    quiet.on('close', () => (isCut = true));
    // They have been silent for longer than it.
    await answered;
    await new Promise((resolve) => http2.ping(resolve));
    assert.deepEqual([isCut, stream.closed, http2.destroyed], [false, false, false]);
    for (const socket of [quiet, stalled]) socket.destroy();
    http2.destroy();
  });
});

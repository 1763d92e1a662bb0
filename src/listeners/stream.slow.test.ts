import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertNoConnections, keyOf, numbered, openChat, say } from '../testing/chat-world.ts';
import { RawHttp } from '../testing/raw-http.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';
import { until } from '../testing/until.ts';

const limit = { timeout: 60_000 };
const accept = 'Accept: text/event-stream\r\n';
const key = `X-API-Key: ${keyOf('open')}\r\n`;

describe('a request for an event stream', () => {
  let world: SluiceFixture;
  const sockets: RawHttp[] = [];
  const open = (): RawHttp => {
    const http = new RawHttp(world.gateway);
    sockets.push(http);
    return http;
  };
  const ends = (http: RawHttp, text: RegExp): Promise<void> =>
    until(
      async () => text.test(http.body.toString('latin1')),
      () => `it heard ${JSON.stringify(http.body.toString('latin1'))}`,
    );
  const holds = (connections: number): Promise<void> =>
    until(
      async () => (await world.connections()) === connections,
      () => `the gateway does not hold ${connections} connections`,
    );

  before(async () => {
    world = await openChat();
  });

  after(async () => {
    for (const { socket } of sockets) socket.destroy();
    await assertNoConnections(world);
    await world.stop();
  });

  test('is answered in HTTP/1.0 too', limit, async () => {
    const http = open();
    http.socket.write(`GET /chat/old/said HTTP/1.0\r\n${key}${accept}\r\n`);
    assert.deepEqual([(await http.head).status, (await http.head).headers['connection']], [200, 'close']);
    await say(world, '/chat/old/said', numbered('', 1));
    await ends(http, /\n\nid: \S+\ndata: \{.*"id":"1".*\}\n\n$/);
    http.socket.destroy();
  });

  test('may come byte by byte', limit, async () => {
    const http = open();
    http.socket.setNoDelay(true);
    for (const byte of `GET /chat/slow/said HTTP/1.1\r\nHost: x\r\n${accept}${key}\r\n`) {
      http.socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await http.head).status, 200);
    http.socket.destroy();
  });

  for (const [name, more] of [
    ['a length', 'Content-Length: 5\r\n\r\nhello'],
    ['a length it does not keep', 'Content-Length: 5000000\r\n\r\nhello'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
  ] as const) {
    test(`must not have a body with ${name}`, limit, async () => {
      const http = open();
      http.socket.write(`GET /chat/a/said HTTP/1.1\r\nHost: x\r\n${key}${accept}${more}`);
      assert.equal((await http.head).status, 400);
      await ends(http, /"detail":"A GET for an event stream must not have a body\."/);
      http.socket.end();
      await http.closed;
    });
  }

  test('may say that it has no body', limit, async () => {
    const http = open();
    http.socket.write(`GET /chat/a/said HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n${key}${accept}\r\n`);
    assert.equal((await http.head).status, 200);
    http.socket.destroy();
  });

  test('is cut when another request comes with it', limit, async () => {
    const http = open();
    const request = `GET /chat/a/said HTTP/1.1\r\nHost: x\r\n${key}${accept}\r\n`;
    http.socket.write(request + request);
    await http.closed;
    await holds(0);
  });

  test('is let go of when its client says it has nothing more to say', limit, async () => {
    const http = open();
    http.socket.write(`GET /chat/half/said HTTP/1.1\r\nHost: x\r\n${key}${accept}\r\n`);
    await http.head;
    await holds(1);
    http.socket.end();
    await http.closed;
    await holds(0);
  });

  test('waits behind a poll, and is forgotten with it when the client leaves', limit, async () => {
    const http = open();
    http.socket.write(`GET /chat/behind/said?wait=60s HTTP/1.1\r\nHost: x\r\n${key}\r\n`);
    http.socket.write(`GET /chat/behind/said HTTP/1.1\r\nHost: x\r\n${key}${accept}\r\n`);
    await holds(1);
    http.socket.destroy();
    await holds(0);
  });

  test('goes out behind every answer that was asked for before', limit, async () => {
    const http = open();
    const poll = `GET /chat/order/said?wait=100ms HTTP/1.1\r\nHost: x\r\n${key}\r\n`;
    http.socket.write(`${poll}${poll}${poll}GET /chat/order/said HTTP/1.1\r\nHost: x\r\n${key}${accept}\r\n`);
    await ends(http, /^\[\]HTTP\/1\.1 200[^]*\[\]HTTP\/1\.1 200[^]*\[\]HTTP\/1\.1 200 OK\r\n[^]*text\/event-stream[^]*\nretry: \d+\n\n$/);
    await say(world, '/chat/order/said', numbered('', 1));
    await ends(http, /"id":"1".*\}\n\n$/);
    http.socket.destroy();
  });

  test('may follow other requests on a connection', limit, async () => {
    const http = open();
    http.send('GET', '/nothing', {});
    await http.head;
    http.socket.write(`GET /chat/after/said HTTP/1.1\r\nHost: x\r\n${key}${accept}\r\n`);
    await ends(http, /text\/event-stream/);
    await say(world, '/chat/after/said', numbered('', 1));
    await ends(http, /"id":"1".*\}\n\n$/);
    http.socket.destroy();
  });

  test('is told 204 and let go when it comes back after the end', limit, async () => {
    const http = open();
    http.socket.write(`GET /chat/a/said HTTP/1.1\r\nHost: x\r\nLast-Event-ID: end\r\n${key}${accept}\r\n`);
    assert.equal((await http.head).status, 204);
    await http.closed;
    assert.equal(http.body.length, 0);
  });

  test('is an upgrade where it asks for one, and no stream', limit, async () => {
    const http = open();
    http.socket.write(
      `GET /chat/a/said HTTP/1.1\r\nHost: x\r\n${key}${accept}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    assert.equal((await http.head).status, 101);
    http.socket.destroy();
  });
});

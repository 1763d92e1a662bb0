import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, constants, createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { connect as connectSocket, type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { assertNoConnections, keyOf, numbered, openChat, say } from '../testing/chat-world.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';
import { GatewayError } from '../core/errors.ts';
import { Http2Answer } from './http2-answer.ts';
import { Http2Watch } from './http2-watch.ts';

const limit = { timeout: 60_000 };
const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8, continuation: 9 };
const endStream = 1;
const endHeaders = 4;

/** One frame (RFC 9113, section 4.1). */
function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A literal field without indexing (RFC 7541, section 6.2.2). */
function field(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0), text(name), text(value)]);
}

function text(value: string): Buffer {
  const { length } = value;
  const size = length < 127 ? [length] : [127, ((length - 127) & 0x7f) | 0x80, (length - 127) >> 7];
  return Buffer.concat([Buffer.from(size), Buffer.from(value)]);
}

const get = Buffer.concat([
  field(':method', 'GET'),
  field(':scheme', 'http'),
  field(':authority', 'x'),
  field(':path', '/chat/a/said?wait=60s'),
  field('x-api-key', keyOf('open')),
]);

/** A client that writes what it likes, and remembers the frames it is told. */
class Attacker {
  readonly socket: Socket;
  readonly told: { type: number; stream: number; payload: Buffer }[] = [];
  readonly closed: Promise<unknown>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(gateway: string) {
    const { hostname, port } = new URL(gateway);
    this.socket = connectSocket(Number(port), hostname);
    this.socket.on('error', () => undefined);
    this.socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(types.settings, 0, 0)]));
  }

  /** Error codes of the frames of this type. */
  codes(type: number): readonly number[] {
    return this.told.filter((one) => one.type === type).map(({ payload }) => payload.readUInt32BE(type === types.goaway ? 4 : 0));
  }

  #receive(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) return;
      const payload = this.#rest.subarray(9, 9 + length);
      this.told.push({ type: this.#rest.readUInt8(3), stream: this.#rest.readUInt32BE(5), payload });
      this.#rest = this.#rest.subarray(9 + length);
    }
  }
}

function many(count: number, one: (n: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, n) => one(n)));
}

const stream = (n: number): number => 2 * n + 1;
const floods: Readonly<Record<string, () => Buffer>> = {
  'ten thousand pings': () => many(10_000, () => frame(types.ping, 0, 0, Buffer.alloc(8))),
  'ten thousand settings': () => many(10_000, () => frame(types.settings, 0, 0, Buffer.from('000400010000', 'hex'))),
  'streams opened only to be reset': () =>
    many(5000, (n) =>
      Buffer.concat([frame(types.headers, endStream | endHeaders, stream(n), get), frame(types.reset, 0, stream(n), Buffer.alloc(4))]),
    ),
  'empty frames of a body': () =>
    Buffer.concat([
      frame(types.headers, endHeaders, 1, Buffer.concat([field(':method', 'POST'), get.subarray(field(':method', 'GET').length)])),
      many(10_000, () => frame(types.data, 0, 1)),
    ]),
  'headers that never end': () =>
    Buffer.concat([
      frame(types.headers, endStream, 1, get),
      many(2000, () => frame(types.continuation, 0, 1, field('a', 'b'.repeat(100)))),
    ]),
  'more streams than there may be, again and again': () => many(1000, (n) => frame(types.headers, endStream | endHeaders, stream(n), get)),
  'a window that overflows': () => many(2, () => frame(types.windowUpdate, 0, 0, Buffer.from('7fffffff', 'hex'))),
  'a stream of the server': () => frame(types.headers, endStream | endHeaders, 2, get),
  'a frame larger than agreed': () => frame(types.data, 0, 1, Buffer.alloc(100_000)),
  'fields that no table holds': () => frame(types.headers, endStream | endHeaders, 1, Buffer.alloc(1000, 0xff)),
};

describe('hostile HTTP/2', () => {
  let world: SluiceFixture;
  const attackers: Attacker[] = [];
  const attack = (): Attacker => {
    const attacker = new Attacker(world.gateway);
    attackers.push(attacker);
    return attacker;
  };

  before(async () => {
    world = await openChat();
  });

  after(async () => {
    for (const { socket } of attackers) socket.destroy();
    await assertNoConnections(world);
    await world.stop();
  });

  for (const [name, bytes] of Object.entries(floods)) {
    test(`${name} end the connection and disturb nobody`, limit, async () => {
      const attacker = attack();
      attacker.socket.write(bytes());
      await attacker.closed;
      assert.ok(attacker.codes(types.goaway).every((code) => code !== constants.NGHTTP2_NO_ERROR));
      await say(world, '/chat/a/said', numbered('x', 1));
    });
  }

  test('takes 250 streams at once and refuses the next', limit, async () => {
    const session = connect(world.gateway, { settings: { enablePush: false } });
    session.on('error', () => undefined);
    await once(session, 'remoteSettings');
    assert.equal(session.remoteSettings.maxConcurrentStreams, 250);
    const attacker = attack();
    attacker.socket.write(many(251, (n) => frame(types.headers, endStream | endHeaders, stream(n), get)));
    const refused = await new Promise<number>((resolve) => {
      attacker.socket.on('data', () => {
        const found = attacker.told.find(({ type }) => type === types.reset);
        if (found !== undefined) resolve(found.stream);
      });
    });
    assert.equal(refused, stream(250));
    assert.deepEqual(attacker.codes(types.reset), [constants.NGHTTP2_REFUSED_STREAM]);
    attacker.socket.destroy();
    session.destroy();
  });
});

interface Watched {
  readonly watch: Http2Watch;
  readonly session: ServerHttp2Session;
  readonly upload: ServerHttp2Stream;
  readonly close: () => void;
}

/** A watch over a connection on which one upload has begun. */
async function watched(): Promise<Watched> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const begun = Promise.all([once(server, 'session'), once(server, 'stream')]) as Promise<[[ServerHttp2Session], [ServerHttp2Stream]]>;
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.on('error', () => undefined);
  client.request({ ':method': 'POST', ':path': '/' }, { endStream: false }).on('error', () => undefined);
  const [[session], [upload]] = await begun;
  upload.on('error', () => undefined);
  const close = (): void => {
    client.destroy();
    server.close();
  };
  return { watch: new Http2Watch(session), session, upload, close };
}

describe('the watch over a connection', () => {
  test('ends one that asks for nothing within ten seconds', limit, async () => {
    const begun = performance.now();
    const { watch, session, close } = await watched();
    watch.look(begun + 9000);
    assert.equal(session.closed, false);
    watch.look(performance.now() + 10_000);
    assert.equal(session.closed, true);
    close();
  });

  test('ends a request whose body does not come in half a minute, and the connection after another minute', limit, async () => {
    const { watch, session, upload, close } = await watched();
    const opened = performance.now();
    watch.opened(upload, false);
    watch.look(opened + 29_000);
    assert.deepEqual([upload.closed, session.closed], [false, false]);
    const gone = once(upload, 'close');
    const ended = performance.now();
    watch.look(ended + 30_000);
    await gone;
    assert.equal(upload.rstCode, constants.NGHTTP2_CANCEL);
    watch.look(ended + 59_000);
    assert.equal(session.closed, false);
    watch.look(performance.now() + 61_000);
    assert.equal(session.closed, true);
    close();
  });

  test('leaves event streams alone', limit, async () => {
    const { watch, session, upload, close } = await watched();
    watch.opened(upload, true);
    watch.look(performance.now() + 86_400_000);
    assert.deepEqual([upload.closed, session.closed], [false, false]);
    close();
  });
});

test('an answer that the client has no window for ends its stream two seconds later', limit, async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    new Http2Answer(stream).refuse(new GatewayError('UNAUTHENTICATED', 'Who are you?'), {});
  });
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { settings: { initialWindowSize: 0 } });
  client.on('error', () => undefined);
  const request = client.request({ ':path': '/' });
  request.on('error', () => undefined);
  await once(request, 'response');
  const closed = once(request, 'close');
  t.mock.timers.tick(1999);
  await new Promise((resolve) => client.ping(resolve));
  assert.equal(request.closed, false);
  t.mock.timers.tick(1);
  await closed;
  assert.equal(request.rstCode, constants.NGHTTP2_CANCEL);
  client.destroy();
  server.close();
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import type { Placed } from '../../core/backbone.ts';
import { GatewayError } from '../../core/errors.ts';
import type { EventDraft } from '../../core/event.ts';
import type { Position } from '../../core/position.ts';
import { encodeMaskedFrame, opcodes, rsv1 } from '../../protocols/websocket/encode-frame.ts';
import { noise } from '../../testing/chat-world.ts';
import { ManualTime } from '../../testing/manual-time.ts';
import { RawWebSocket } from '../../testing/raw-websocket.ts';
import { until } from '../../testing/until.ts';
import { BodyBudget } from '../body-budget.ts';
import { Connection, type ConnectedSession } from './connection.ts';
import { sluiceDialect } from './dialect.ts';

const limit = { timeout: 60_000 };

/** What a session is asked while a connection is tried by itself, without a gateway behind it. */
class Publications implements ConnectedSession {
  readonly subscription = 's';
  readonly address = 'a';
  readonly #waiting: (() => void)[] = [];
  readonly #answer: readonly Placed[];
  readonly #isHeld: boolean;
  asked = 0;
  closed = 0;

  constructor(isHeld: boolean, answer: readonly Placed[] = []) {
    this.#isHeld = isHeld;
    this.#answer = answer;
  }

  malformed(): void {}

  publish(_address: string, _events: readonly EventDraft[]): Promise<readonly Placed[]> {
    this.asked += 1;
    if (!this.#isHeld) return Promise.resolve(this.#answer);
    return new Promise((resolve) => this.#waiting.push(() => resolve(this.#answer)));
  }

  /** Answers so many of those that wait. */
  answer(count: number): void {
    for (const resolve of this.#waiting.splice(0, count)) resolve();
  }

  limits(): readonly [] {
    return [];
  }

  close(): void {
    this.closed += 1;
  }

  renew(): void {
    throw new Error('not asked for here');
  }
}

interface Opened {
  readonly client: RawWebSocket;
  readonly connection: Connection;
  readonly socket: Socket;
}

describe('a WebSocket connection', () => {
  let server: Server;
  let url: string;
  const time = new ManualTime();
  const partials = new BodyBudget(1024 * 1024, 512 * 1024);
  let spread = 1;
  const clients: RawWebSocket[] = [];

  before(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    for (const { http } of clients.splice(0)) {
      http.socket.destroy();
      await http.closed;
    }
  });

  after(() => server.close());

  const open = async (
    session: ConnectedSession,
    begin = (connection: Connection): void => connection.open(undefined),
    deflate = false,
  ): Promise<Opened> => {
    const client = new RawWebSocket({ gateway: url, target: '/' });
    clients.push(client);
    const [, socket] = (await once(server, 'upgrade')) as [unknown, Socket];
    const answer = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
    const connection = new Connection({
      socket,
      handshake: { dialect: sluiceDialect, deflate, answer },
      maxMessageBytes: 1024 * 1024,
      partials,
      environment: { now: time.now, schedule: time.schedule, random: () => spread, onBug: (error) => assert.fail(String(error)) },
    });
    connection.admit(session);
    begin(connection);
    await client.http.head;
    return { client, connection, socket };
  };
  const event = { specversion: '1.0', id: '1', source: '/c', type: 't' };

  test('pings every 25 seconds, and goes on while it is answered', limit, async () => {
    const { client } = await open(new Publications(false));
    for (let beat = 0; beat < 3; beat += 1) {
      time.advance(25_000);
      assert.equal((await client.next()).kind, 'ping');
      client.send(opcodes.pong, '');
      client.say({ op: 'limits' });
      assert.equal((await client.next()).kind, 'text');
    }
  });

  test('pings for the first time anywhere in the second half of that, so that not all are pinged at once', limit, async () => {
    spread = 0;
    const { client } = await open(new Publications(false));
    spread = 1;
    time.advance(12_499);
    client.say({ op: 'limits' });
    assert.equal((await client.next()).kind, 'text');
    time.advance(1);
    assert.equal((await client.next()).kind, 'ping');
  });

  test('cuts a client that has answered no ping, and lets go of its session and timer', limit, async () => {
    const session = new Publications(false);
    const { client } = await open(session);
    time.advance(25_000);
    assert.equal((await client.next()).kind, 'ping');
    time.advance(25_000);
    await client.http.closed;
    await until(
      async () => session.closed === 1,
      () => 'the session is still open',
    );
    assert.equal(time.pending, 0);
  });

  test('keeps a slow client that goes on taking bytes, and cuts one that takes none', limit, async () => {
    const session = new Publications(false);
    const { client, connection, socket } = await open(session);
    client.http.socket.pause();
    const frame = sluiceDialect.error(new GatewayError('INTERNAL', 'x'.repeat(1024 * 1024)), undefined);
    for (let beat = 0; beat < 4; beat += 1) {
      while (connection.write(frame));
      await steady(() => socket.writableLength);
      while (connection.write(frame));
      assert.ok(socket.writableNeedDrain);
      const drained = once(socket, 'drain');
      client.http.socket.resume();
      await drained;
      client.http.socket.pause();
      time.advance(25_000);
      assert.equal(socket.destroyed, false);
    }
    time.advance(25_000);
    time.advance(25_000);
    assert.equal(socket.destroyed, true);
    await until(
      async () => session.closed === 1,
      () => 'the session is still open',
    );
  });

  test('keeps a client whose publications wait to be committed', limit, async () => {
    const session = new Publications(true);
    const { client, socket } = await open(session);
    for (let ref = 0; ref < 200; ref += 1) client.say({ op: 'publish', ref, event: { ...event, subject: 'x'.repeat(1000) } });
    await until(
      async () => session.asked >= 64,
      () => `only ${session.asked} were read`,
    );
    time.advance(25_000);
    time.advance(25_000);
    time.advance(25_000);
    assert.equal(socket.destroyed, false);
    await until(
      async () => {
        session.answer(Infinity);
        return session.asked === 200;
      },
      () => 'it was read no further',
    );
    session.answer(Infinity);
  });

  test('reads a client that floods it no faster than its events are committed', limit, async () => {
    const session = new Publications(true);
    const { client } = await open(session);
    const total = 5000;
    const padding = 'x'.repeat(1000);
    for (let ref = 0; ref < total; ref += 1) client.say({ op: 'publish', ref, event: { ...event, subject: padding } });
    await until(
      async () => session.asked >= 64,
      () => `only ${session.asked} were read`,
    );
    // One chunk of the socket may still have been under way.
    const most = 64 + Math.ceil((64 * 1024) / 1000);
    let answered = 0;
    while (answered < total) {
      assert.ok(session.asked - answered <= most, `${session.asked - answered} are in work`);
      await until(
        async () => session.asked > answered,
        () => `it stopped after ${session.asked}`,
      );
      const inWork = session.asked - answered;
      session.answer(inWork);
      for (let n = 0; n < inWork; n += 1) assert.equal((await client.nextJson())['ref'], answered + n);
      answered += inWork;
    }
    assert.equal(session.asked, total);
  });

  test('lets no answers pile up for a client that does not read them', limit, async () => {
    const place: Placed = { position: 'p'.repeat(100) as Position, duplicate: false };
    const session = new Publications(
      false,
      Array.from({ length: 1000 }, () => place),
    );
    const { client, socket } = await open(session);
    client.http.socket.pause();
    const total = 500;
    for (let ref = 0; ref < total; ref += 1) client.say({ op: 'publish', ref, event: { ...event, subject: 'x'.repeat(20_000) } });
    await until(
      async () => socket.writableNeedDrain,
      () => 'the socket never filled',
    );
    const stuck = await steady(() => session.asked);
    assert.ok(stuck < total, 'it read on although nobody took its answers');
    assert.ok(socket.writableLength < 1024 * 1024, `${socket.writableLength} bytes wait`);
    client.http.socket.resume();
    for (let ref = 0; ref < total; ref += 1) assert.equal((await client.nextJson())['ref'], ref);
  });

  test('takes much that was made of little slowly, and what is usual at once', limit, async () => {
    const session = new Publications(false);
    const { client } = await open(session, undefined, true);
    const deflated = (padding: string) =>
      deflateRawSync(JSON.stringify({ op: 'publish', ref: 1, event: { ...event, subject: padding } }), {
        finishFlush: constants.Z_SYNC_FLUSH,
      }).subarray(0, -4);
    for (let n = 0; n < 20; n += 1) client.send(opcodes.text | rsv1, deflated(noise(100_000)));
    for (let n = 0; n < 20; n += 1) assert.equal((await client.nextJson())['op'], 'accepted');
    const bomb = deflated('x'.repeat(700_000));
    for (let n = 0; n < 60; n += 1) client.send(opcodes.text | rsv1, bomb);
    const held = await steady(() => session.asked);
    assert.ok(held <= 23, `${held - 20} of 60 were read at once`);
    while (session.asked < 80) {
      time.advance(200);
      await client.nextJson();
    }
    client.http.socket.destroy();
    await client.http.closed;
    await until(
      async () => session.closed === 1,
      () => 'the session is still open',
    );
    assert.equal(time.pending, 0);
  });

  test('sends nothing after the client has closed', limit, async () => {
    const { client, connection } = await open(new Publications(false));
    client.sendClose();
    assert.equal((await client.next()).kind, 'close');
    assert.equal(connection.write(sluiceDialect.error(new GatewayError('INTERNAL', 'too late'), undefined)), false);
    await client.http.closed;
  });

  test('answers the handshake before the first frame, even when the reader is earlier', limit, async () => {
    const { client } = await open(new Publications(false), (connection) => {
      connection.write(sluiceDialect.error(new GatewayError('INTERNAL', 'early'), undefined));
      connection.open(undefined);
    });
    assert.equal((await client.http.head).status, 101);
    assert.equal((await client.nextJson())['op'], 'error');
  });

  test('says why it ended before it was opened', limit, async () => {
    const session = new Publications(false);
    const { client } = await open(session, (connection) => {
      connection.end(new GatewayError('CREDENTIAL_REVOKED', 'It was revoked.'));
      connection.open(undefined);
    });
    assert.equal((await client.nextJson())['op'], 'error');
    const close = await client.next();
    assert.equal(close.kind === 'close' && close.code, 4401);
    assert.equal(session.closed, 1);
  });

  test('cuts a client that does not answer a close within five seconds', limit, async () => {
    const { client, connection, socket } = await open(new Publications(false));
    connection.end(new GatewayError('TOO_SLOW', 'It is too slow.'));
    assert.equal((await client.nextJson())['op'], 'error');
    assert.equal(socket.destroyed, false);
    time.advance(5000);
    await client.http.closed;
    assert.equal(time.pending, 0);
  });

  test('closes its session when the client is gone', limit, async () => {
    const session = new Publications(false);
    const { client } = await open(session);
    client.http.socket.destroy();
    await until(
      async () => session.closed === 1,
      () => 'the session is still open',
    );
    assert.equal(time.pending, 0);
  });

  test('messages whose rest does not come share a bound, of which a subscription has a part', limit, async () => {
    const taken = (bytes: number): Promise<void> =>
      until(
        async () => partials.taken === bytes,
        () => `${partials.taken} bytes are taken, not ${bytes}`,
      );
    const first = await open(new Publications(false));
    first.client.send(opcodes.text, Buffer.alloc(400 * 1024, ' '), false);
    await taken(512 * 1024);
    const small = await open(new Publications(false));
    small.client.send(opcodes.text, Buffer.alloc(60 * 1024, ' '), false);
    small.client.send(opcodes.ping, 'small');
    assert.equal((await small.client.next()).kind, 'pong');
    const second = await open(new Publications(false));
    second.client.send(opcodes.text, Buffer.alloc(100 * 1024, ' '), false);
    assert.match(JSON.stringify(await second.client.nextJson()), /"code":"OVERLOADED"/);
    const close = await second.client.next();
    assert.ok(close.kind === 'close' && close.code === 1013);
    first.client.send(opcodes.continuation, ' ');
    await taken(0);
    const third = await open(new Publications(false));
    const whole = encodeMaskedFrame(opcodes.text, Buffer.alloc(500 * 1024, ' '), Buffer.alloc(4));
    third.client.http.socket.write(whole.subarray(0, 200 * 1024));
    await taken(256 * 1024);
    third.client.http.socket.destroy();
    await taken(0);
  });

  /** The value once a hundred turns of the loop did not change it. */
  async function steady(value: () => number): Promise<number> {
    let [last, same] = [value(), 0];
    await until(
      async () => {
        same = value() === last ? same + 1 : 0;
        last = value();
        return same > 20;
      },
      () => 'it never comes to rest',
    );
    return last;
  }
});

import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { after, before, describe, test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import { opcodes, rsv1 } from '../../protocols/websocket/encode-frame.ts';
import { assertNoConnections, keyOf, noise, openChat, say } from '../../testing/chat-world.ts';
import { RawWebSocket } from '../../testing/raw-websocket.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';

const limit = { timeout: 60_000 };
const compressed = opcodes.text | rsv1;
const deflate = (text: string | Buffer): Buffer => deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

describe('a WebSocket with compression', () => {
  let world: SluiceFixture;
  const clients: RawWebSocket[] = [];

  before(async () => {
    world = await openChat();
  });

  after(async () => {
    for (const { http } of clients) http.socket.destroy();
    await assertNoConnections(world);
    await world.stop();
  });

  const open = async (room: string, { plain = false, subprotocol = 'sluice.v1.json' } = {}): Promise<RawWebSocket> => {
    const headers = {
      authorization: `Bearer ${keyOf('open')}`,
      'sec-websocket-protocol': subprotocol,
      ...(plain ? {} : { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits' }),
    };
    const client = new RawWebSocket({ gateway: world.gateway, target: `/chat/${room}/both`, headers });
    clients.push(client);
    const { status } = await client.http.head;
    assert.equal(status, 101);
    return client;
  };
  const publish = (ref: number, id: string, text: string) => ({
    op: 'publish',
    ref,
    event: { specversion: '1.0', id, source: '/deflate', type: 'com.example.both', data: { text } },
  });

  test('compresses an event once, however many read it', limit, async () => {
    const readers = await Promise.all(Array.from({ length: 30 }, () => open('shared', { subprotocol: 'cloudevents.json' })));
    const received: number[] = readers.map(() => 0);
    for (const [index, { http }] of readers.entries()) http.socket.on('data', (chunk: Buffer) => (received[index]! += chunk.length));
    for (const { http } of readers) http.socket.pause();
    let handles = 0;
    const hook = createHook({ init: (_id, type) => (handles += type === 'ZLIB' ? 1 : 0) }).enable();
    const events = Array.from({ length: 5 }, (_, n) => ({ id: `${n}`, type: 'com.example.both', data: { text: 'grün '.repeat(1000) } }));
    for (const event of events) await say(world, '/chat/shared/both', [event]);
    const probe = await open('shared', { plain: true });
    probe.say(publish(1, 'probe', 'short'));
    assert.deepEqual(new Set([(await probe.nextJson())['op'], (await probe.nextJson())['op']]), new Set(['accepted', 'event']));
    hook.disable();
    assert.equal(handles, events.length);
    for (const reader of readers) reader.http.socket.resume();
    for (const reader of readers) {
      for (const event of events) assert.deepEqual((await reader.nextJson())['data'], event.data);
      assert.deepEqual((await reader.nextJson())['data'], { text: 'short' });
    }
    assert.ok(
      received.every((bytes) => bytes < 5000),
      `they took ${String(received)} bytes`,
    );
  });

  test('tells those who agreed on it and those who did not the same, in both subprotocols', limit, async () => {
    for (const subprotocol of ['cloudevents.json', 'sluice.v1.json']) {
      const [one, other] = [await open(subprotocol, { subprotocol }), await open(subprotocol, { subprotocol, plain: true })];
      const texts = ['', 'x'.repeat(2000), noise(5000), 'grün 😀 '.repeat(20_000)];
      for (const [n, text] of texts.entries()) {
        await say(world, `/chat/${subprotocol}/both`, [{ id: `${n}`, type: 'com.example.both', data: { text } }]);
        const heard = await one.nextJson();
        assert.deepEqual(heard, await other.nextJson());
        const event = (heard['event'] ?? heard) as { readonly data: unknown };
        assert.deepEqual(event.data, { text });
      }
    }
  });

  test('takes compressed messages, whole and in fragments, between others', limit, async () => {
    const client = await open('said');
    const answers: unknown[] = [];
    client.send(compressed, deflate(JSON.stringify(publish(1, 'a', 'one '.repeat(5000)))));
    const payload = deflate(JSON.stringify(publish(2, 'b', 'two '.repeat(5000))));
    client.send(compressed, payload.subarray(0, 50), false);
    client.send(opcodes.ping, 'between');
    client.send(opcodes.continuation, payload.subarray(50));
    client.say(publish(3, 'c', 'three'));
    while (answers.length < 7) {
      const message = await client.next();
      if (message.kind === 'ping' || message.kind === 'pong') answers.push(`${message.kind} ${message.data.toString()}`);
      else if (message.kind === 'text') {
        const { op, ref, event } = JSON.parse(message.data.toString()) as { op: string; ref: number; event: { id: string } };
        answers.push(op === 'event' ? event.id : ref);
      }
    }
    assert.deepEqual(
      answers.filter((answer) => typeof answer === 'number'),
      [1, 2, 3],
    );
    assert.deepEqual(new Set(answers), new Set([1, 2, 3, 'a', 'b', 'c', 'pong between']));
  });

  const broken: readonly [string, readonly (readonly [opcode: number, payload: Buffer, fin: boolean])[], number][] = [
    [
      'RSV1 on a continuation',
      [
        [compressed, deflate('{"op":'), false],
        [rsv1, Buffer.alloc(0), true],
      ],
      1002,
    ],
    ['RSV1 on a ping', [[opcodes.ping | rsv1, Buffer.alloc(0), true]], 1002],
    ['what cannot be inflated', [[compressed, Buffer.from('ffffffff', 'hex'), true]], 1007],
    ['what is no UTF-8 once inflated', [[compressed, deflate(Buffer.from([0xc0, 0x80])), true]], 1007],
    ['what inflates to more than a message may have', [[compressed, deflate(Buffer.alloc(64 * 1024 * 1024, 0x20)), true]], 1009],
  ];
  for (const [name, frames, code] of broken) {
    test(`fails with ${code} for ${name}`, limit, async () => {
      const client = await open('broken');
      for (const [opcode, payload, fin] of frames) client.send(opcode, payload, fin);
      const message = await client.next();
      assert.equal(message.kind === 'close' && message.code, code);
      client.sendClose();
      await client.http.closed;
    });
  }

  test('fails with 1002 for a compressed message that was not agreed on', limit, async () => {
    const client = await open('broken', { plain: true });
    client.send(compressed, deflate('{"op":"limits"}'));
    const message = await client.next();
    assert.equal(message.kind === 'close' && message.code, 1002);
    client.sendClose();
    await client.http.closed;
  });

  test('answers nonsense in a compressed message like any other', limit, async () => {
    const client = await open('nonsense');
    for (const text of ['', 'null', '{"op":"fly"}']) client.send(compressed, deflate(text));
    for (let n = 0; n < 3; n += 1) assert.equal((await client.nextJson())['op'], 'error');
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { acceptKey } from '../../protocols/websocket/handshake.ts';
import { assertNoConnections, keyOf, openChat } from '../../testing/chat-world.ts';
import { RawWebSocket } from '../../testing/raw-websocket.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';

const limit = { timeout: 60_000 };
const key = 'dGhlIHNhbXBsZSBub25jZQ==';

describe('the WebSocket handshake', () => {
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

  const shake = (headers: Readonly<Record<string, string>> = {}, target = '/chat/a/both'): RawWebSocket => {
    const client = new RawWebSocket({
      gateway: world.gateway,
      target,
      headers: { authorization: `Bearer ${keyOf('open')}`, 'sec-websocket-key': key, ...headers },
    });
    clients.push(client);
    return client;
  };

  const accepted: readonly [string, Readonly<Record<string, string>>, string | undefined][] = [
    ['without a subprotocol', {}, undefined],
    ['with cloudevents.json', { 'sec-websocket-protocol': 'cloudevents.json' }, 'cloudevents.json'],
    ['with sluice.v1.json', { 'sec-websocket-protocol': 'sluice.v1.json' }, 'sluice.v1.json'],
    ['with the first of those it knows', { 'sec-websocket-protocol': 'mqtt , sluice.v1.json,cloudevents.json' }, 'sluice.v1.json'],
    ['with Connection among others', { connection: 'keep-alive, Upgrade' }, undefined],
    ['with Upgrade in capitals', { upgrade: 'WebSocket' }, undefined],
    ['with an extension it does not know', { 'sec-websocket-extensions': 'x-webkit-deflate-frame' }, undefined],
    ['from a page of the gateway itself', { origin: 'http://gateway' }, undefined],
    ['from a page of an origin the API allows', { origin: 'https://allowed.example' }, undefined],
  ];
  for (const [name, headers, subprotocol] of accepted) {
    test(`is accepted ${name}`, limit, async () => {
      const head = await shake(headers).http.head;
      assert.equal(head.status, 101);
      assert.equal(head.headers['sec-websocket-accept'], acceptKey(key));
      assert.equal(head.headers['sec-websocket-protocol'], subprotocol);
      assert.equal(head.headers['sec-websocket-extensions'], undefined);
    });
  }

  test('agrees on compression without a context between messages, within the window asked for', limit, async () => {
    const offers = 'permessage-deflate; server_max_window_bits=9, permessage-deflate; server_max_window_bits=14; client_max_window_bits';
    const head = await shake({ 'sec-websocket-extensions': offers }).http.head;
    assert.equal(
      head.headers['sec-websocket-extensions'],
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12',
    );
  });

  const refused: readonly [string, number, string, Readonly<Record<string, string>>, string?][] = [
    ['without a version', 400, 'BAD_REQUEST', { 'sec-websocket-version': '' }],
    ['of version 8', 400, 'BAD_REQUEST', { 'sec-websocket-version': '8' }],
    ['with an empty key', 400, 'BAD_REQUEST', { 'sec-websocket-key': '' }],
    ['with a key of 15 bytes', 400, 'BAD_REQUEST', { 'sec-websocket-key': 'MTIzNDU2Nzg5MDEyMzQ1' }],
    ['with a key that is no base64', 400, 'BAD_REQUEST', { 'sec-websocket-key': '?'.repeat(24) }],
    ['with subprotocols nobody speaks', 400, 'BAD_REQUEST', { 'sec-websocket-protocol': 'mqtt, stomp' }],
    ['with a subprotocol twice', 400, 'BAD_REQUEST', { 'sec-websocket-protocol': 'sluice.v1.json, sluice.v1.json' }],
    ['with a subprotocol that is no token', 400, 'BAD_REQUEST', { 'sec-websocket-protocol': 'a b' }],
    ['with extensions that are no list', 400, 'BAD_REQUEST', { 'sec-websocket-extensions': 'permessage-deflate; ;' }],
    ['from a page of another origin', 403, 'FORBIDDEN', { origin: 'https://evil.example' }],
    ['from a page without an origin', 403, 'FORBIDDEN', { origin: 'null' }],
    ['from a page whose origin only begins like an allowed one', 403, 'FORBIDDEN', { origin: 'https://allowed.example.evil.example' }],
    ['without a key of the API', 401, 'UNAUTHENTICATED', { authorization: 'Bearer nobody' }],
    ['to a channel there is not', 404, 'CHANNEL_NOT_FOUND', {}, '/chat/a/whispered'],
    ['to a path of no API', 404, 'NOT_FOUND', {}, '/elsewhere'],
    ['by HTTP basic', 401, 'UNAUTHENTICATED', { authorization: 'Basic YTpi' }],
  ];
  for (const [name, status, code, headers, target] of refused) {
    test(`is refused ${name} with ${status} ${code}`, limit, async () => {
      const client = shake(headers, target);
      const head = await client.http.head;
      assert.equal(head.status, status);
      assert.equal(head.headers['connection'], 'close');
      await client.http.closed;
      assert.equal((JSON.parse(client.refusal) as { code: string }).code, code);
    });
  }

  for (const name of ['sec-websocket-protocol', 'sec-websocket-extensions']) {
    test(`is refused for the blanks in ${name}, before they are read`, limit, async () => {
      const client = shake({ [name]: `a${' '.repeat(15_000)}b` });
      assert.equal((await client.http.head).status, 400);
      await client.http.closed;
      assert.match(client.refusal, /blanks/);
    });
  }

  test('lets a page in to tell it by close code what it could not see in a status', limit, async () => {
    const client = shake({ origin: 'https://allowed.example', authorization: 'Bearer nobody' });
    assert.equal((await client.http.head).status, 101);
    const message = await client.next();
    assert.equal(message.kind === 'close' && message.code, 4401);
    assert.match(message.kind === 'close' ? message.reason : '', /^UNAUTHENTICATED: /);
    client.sendClose();
    await client.http.closed;
  });

  test('of a client that goes away at once leaves nothing behind', limit, async () => {
    for (let n = 0; n < 20; n += 1) shake().http.socket.destroy();
    await Promise.all(clients.slice(-20).map(({ http }) => http.closed));
    for (const { http } of clients) http.socket.destroy();
    await assertNoConnections(world);
  });

  test('takes frames that come together with it', limit, async () => {
    const client = shake({ 'sec-websocket-protocol': 'sluice.v1.json' });
    client.say({ op: 'limits' });
    client.say({ op: 'publish', ref: 1, event: { specversion: '1.0', id: 'early', source: '/h', type: 'com.example.both', data: {} } });
    const ops = [(await client.nextJson())['op'], (await client.nextJson())['op'], (await client.nextJson())['op']];
    assert.deepEqual(new Set(ops), new Set(['accepted', 'event', 'limits']));
  });
});

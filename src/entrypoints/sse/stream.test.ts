import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Reader } from '../../core/entrypoint.ts';
import { GatewayError } from '../../core/errors.ts';
import { Http1Answer } from '../../listeners/bare-answer.ts';
import { ManualTime } from '../../testing/manual-time.ts';
import { until } from '../../testing/until.ts';
import { plainSse } from './format.ts';
import { SseStream } from './stream.ts';

const reader: Reader = { id: 'r', drained: () => undefined, confirm: () => undefined, close: () => undefined };

describe('an SSE stream', () => {
  let server: Server;
  let client: Socket;
  let socket: Socket;
  let heard: string;
  let time: ManualTime;
  let seen: { closed: number };

  before(async () => {
    server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  beforeEach(async () => {
    heard = '';
    seen = { closed: 0 };
    time = new ManualTime();
    const taken = once(server, 'connection') as Promise<[Socket]>;
    client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => undefined);
    client.on('data', (chunk) => (heard += chunk.toString('latin1')));
    [socket] = await taken;
  });

  after(() => server.close());

  const stream = (random = () => 0): SseStream => {
    const mine = seen;
    const one = new SseStream(new Http1Answer(socket), plainSse, { now: time.now, random, schedule: time.schedule });
    one.admit({ close: () => (mine.closed += 1) });
    one.fields = { 'x-more': 'yes' };
    return one;
  };
  const hears = (text: string | RegExp): Promise<void> =>
    until(
      async () => (typeof text === 'string' ? heard.endsWith(text) : text.test(heard)),
      () => `heard ${JSON.stringify(heard)}`,
    );

  test('writes its head before anything else, even when the reader is earlier', { timeout: 60_000 }, async () => {
    const one = stream();
    one.write(Buffer.from('data: early\n\n'));
    one.open(reader);
    one.write(Buffer.from('data: late\n\n'));
    await hears('data: late\n\n');
    assert.match(heard, /^HTTP\/1\.1 200 OK\r\n[^]*x-more: yes\r\n\r\nretry: 1000\n\ndata: early\n\ndata: late\n\n$/);
    assert.equal(heard.match(/HTTP\/1\.1/g)?.length, 1);
    client.destroy();
    await until(
      async () => seen.closed === 1,
      () => 'the stream did not notice',
    );
    assert.equal(time.pending, 0);
  });

  test('spreads when clients come back', { timeout: 60_000 }, async () => {
    stream(() => 0.999).open(reader);
    await hears('retry: 2998\n\n');
    client.destroy();
  });

  test('beats when nothing went out between two looks, ten seconds apart', { timeout: 60_000 }, async () => {
    const one = stream();
    one.open(reader);
    time.advance(9_999);
    one.write(Buffer.from('data: x\n\n'));
    time.advance(10_000);
    await hears('data: x\n\n');
    time.advance(1);
    await hears('data: x\n\n: \n\n');
    time.advance(10_000);
    await hears('data: x\n\n: \n\n: \n\n');
    client.destroy();
  });

  test('spreads the looks at streams that began together', { timeout: 60_000 }, async () => {
    stream(() => 0.8).open(reader);
    time.advance(5_999);
    await hears('retry: 2600\n\n');
    time.advance(1);
    await hears('retry: 2600\n\n: \n\n');
    client.destroy();
  });

  test('ends with the reason it was given before it began', { timeout: 60_000 }, async () => {
    const one = stream();
    one.end(new GatewayError('CREDENTIAL_REVOKED', 'It was revoked.'));
    one.open(reader);
    await once(client, 'close');
    assert.match(heard, /retry: 1000\n\nid: end\nevent: sluice\.error\ndata: \{.*"code":"CREDENTIAL_REVOKED".*\}\n\n$/);
    assert.equal(seen.closed, 1);
  });

  test('says of a restart only when to come back', { timeout: 60_000 }, async () => {
    const one = stream(() => 0.5);
    one.open(reader);
    one.end(new GatewayError('RESTARTING', 'It restarts.', { retryAfter: 3000 }));
    await once(client, 'close');
    assert.match(heard, /\r\n\r\nretry: 2000\n\nretry: 3500\n\n$/);
  });

  test('cuts a client that does not take the last words', { timeout: 60_000 }, async () => {
    const one = stream();
    one.open(reader);
    client.pause();
    while (socket.writableLength === 0) one.write(Buffer.alloc(1024 * 1024));
    one.end(new GatewayError('TOO_SLOW', 'It is too slow.'));
    assert.equal(socket.destroyed, false);
    time.advance(5000);
    assert.equal(socket.destroyed, true);
    client.destroy();
  });

  test('does nothing when the client is gone before it begins', { timeout: 60_000 }, async () => {
    const one = stream();
    socket.destroy();
    one.open(reader);
    assert.equal(seen.closed, 1);
    assert.equal(time.pending, 0);
  });
});

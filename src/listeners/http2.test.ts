import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { assertNoConnections, keyOf, numbered, openChat, say } from '../testing/chat-world.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';
import { until } from '../testing/until.ts';

const limit = { timeout: 60_000 };
const key = { authorization: `Bearer ${keyOf('open')}` };
const event = JSON.stringify({ specversion: '1.0', id: '1', source: '/h2', type: 'com.example.both', data: {} });
const structured = { ...key, 'content-type': 'application/cloudevents+json' };

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>;
  readonly text: string;
}

async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  const [headers] = (await once(stream, 'response')) as [Answer['headers']];
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(stream, 'close');
  return { status: Number(headers[':status']), headers, text };
}

/** Collects what a stream says. */
function hear(stream: ClientHttp2Stream): { readonly text: string } {
  const heard = { text: '' };
  stream.setEncoding('utf8').on('data', (chunk: string) => (heard.text += chunk));
  return heard;
}

describe('HTTP/2 with prior knowledge', () => {
  let world: SluiceFixture;
  const sessions: ClientHttp2Session[] = [];
  const open = (): ClientHttp2Session => {
    const session = connect(world.gateway);
    session.on('error', () => undefined);
    sessions.push(session);
    return session;
  };
  const ask = (session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string): ClientHttp2Stream => {
    const stream = session.request(headers, { endStream: body === undefined });
    stream.on('error', () => undefined);
    if (body !== undefined) stream.end(body);
    return stream;
  };

  before(async () => {
    world = await openChat();
  });

  after(async () => {
    for (const session of sessions) session.destroy();
    await assertNoConnections(world);
    await world.stop();
  });

  test('publishes, polls and streams on one connection', limit, async () => {
    const session = open();
    const stream = ask(session, { ':path': '/chat/one/both', accept: 'text/event-stream', ...key });
    const [head] = (await once(stream, 'response')) as [Answer['headers']];
    assert.deepEqual([head[':status'], head['content-type'], head['connection']], [200, 'text/event-stream', undefined]);
    const heard = hear(stream);
    const published = await answerOf(ask(session, { ':path': '/chat/one/both', ':method': 'POST', ...structured }, event));
    assert.equal(published.status, 202);
    const page = await answerOf(ask(session, { ':path': '/chat/one/both?from=earliest', ...key }));
    assert.deepEqual([page.status, (JSON.parse(page.text) as { id: string }[]).map(({ id }) => id)], [200, ['1']]);
    await until(
      async () => heard.text.includes('\ndata: {"specversion":"1.0","id":"1"'),
      () => `heard ${heard.text}`,
    );
    session.destroy();
  });

  test('takes events in binary mode, and refuses an attribute given twice', limit, async () => {
    const session = open();
    const attributes = { 'ce-specversion': '1.0', 'ce-id': 'b1', 'ce-source': '/h2', 'ce-type': 'com.example.both' };
    const headers = { ':path': '/chat/binary/both', ':method': 'POST', ...key, 'content-type': 'application/json' };
    assert.equal((await answerOf(ask(session, { ...headers, ...attributes }, '{}'))).status, 202);
    const twice = await answerOf(ask(session, { ...headers, ...attributes, 'ce-subject': ['a', 'b'] }, '{}'));
    assert.deepEqual([twice.status, (JSON.parse(twice.text) as { code: string }).code], [400, 'INVALID_EVENT']);
    session.destroy();
  });

  const refusals: readonly [string, OutgoingHttpHeaders, number][] = [
    ['no key', { ':path': '/chat/a/said' }, 401],
    ['no key for a stream', { ':path': '/chat/a/said', accept: 'text/event-stream' }, 401],
    ['a path of no API', { ':path': '/nothing' }, 404],
    ['a stream where no API stands', { ':path': '/nothing', accept: 'text/event-stream' }, 404],
    ['a method that channels do not have', { ':path': '/chat/a/said', ':method': 'DELETE' }, 405],
    ['a Host that is not the authority', { ':path': '/chat/a/said', ':authority': 'a', host: 'b' }, 400],
    ['17 KiB of headers', { ':path': '/chat/a/said', a: 'a'.repeat(17 * 1024) }, 431],
  ];
  for (const [name, headers, status] of refusals) {
    test(`answers ${name} with ${status} and a problem`, limit, async () => {
      const session = open();
      const answer = await answerOf(ask(session, headers));
      assert.deepEqual([answer.status, answer.headers['content-type']], [status, 'application/problem+json']);
      assert.equal((JSON.parse(answer.text) as { status: number }).status, status);
      session.destroy();
    });
  }

  test('refuses an upload it will not read and asks for no more of it', limit, async () => {
    const session = open();
    const stream = session.request({ ':path': '/chat/a/both', ':method': 'POST', 'content-type': 'application/json' });
    stream.on('error', () => undefined);
    stream.write('{');
    assert.equal((await answerOf(stream)).status, 401);
    assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
    session.destroy();
  });

  test('gives back what uploads held that were broken off', limit, async () => {
    const session = open();
    const part = Buffer.alloc(4 * 1024 * 1024, 0x20);
    // Together more than one subscription may have on its way.
    for (let n = 0; n < 20; n += 1) {
      const stream = session.request({ ':path': '/chat/a/both', ':method': 'POST', ...structured });
      stream.on('error', () => undefined);
      await new Promise((resolve) => stream.write(part, resolve));
      stream.close(constants.NGHTTP2_CANCEL);
      await once(stream, 'close');
    }
    const published = await answerOf(ask(session, { ':path': '/chat/after/both', ':method': 'POST', ...structured }, event));
    assert.equal(published.status, 202, published.text);
    session.destroy();
  });

  test('refuses a stream that is asked for with a body', limit, async () => {
    const session = open();
    const stream = session.request({ ':path': '/chat/a/said', accept: 'text/event-stream', ...key }, { endStream: false });
    stream.on('error', () => undefined);
    assert.equal((await answerOf(stream)).status, 400);
    session.destroy();
  });

  test('does not hold up other streams for one that is not read', limit, async () => {
    const session = open();
    const [stuck, other] = ['stuck', 'other'].map(() => ask(session, { ':path': '/chat/flow/said', accept: 'text/event-stream', ...key }));
    const heard = hear(other!);
    await Promise.all([once(stuck!, 'response'), once(other!, 'response')]);
    for (let n = 1; n <= 20; n += 1) await say(world, '/chat/flow/said', [{ id: `f${n}`, data: { padding: 'x'.repeat(32_000) } }]);
    await until(
      async () => heard.text.includes('"id":"f20"'),
      () => 'the stream that is read did not get everything',
    );
    const late = hear(stuck!);
    await until(
      async () => late.text.includes('"id":"f20"'),
      () => 'the stream that was not read did not catch up',
    );
    session.destroy();
  });

  test('lets go of a reader when its stream is reset, and keeps the others', limit, async () => {
    const session = open();
    const [first, second] = [1, 2].map(() => ask(session, { ':path': '/chat/reset/said', accept: 'text/event-stream', ...key }));
    await Promise.all([once(first!, 'response'), once(second!, 'response')]);
    await until(
      async () => (await world.connections()) === 2,
      () => 'there are others than these two',
    );
    first!.close(constants.NGHTTP2_CANCEL);
    await until(
      async () => (await world.connections()) === 1,
      () => 'the reader was kept',
    );
    const heard = hear(second!);
    await say(world, '/chat/reset/said', numbered('r', 1));
    await until(
      async () => heard.text.includes('"id":"r1"'),
      () => 'the other stream heard nothing',
    );
    session.destroy();
  });

  test('is recognised however its preface is cut, and only at the beginning of a connection', limit, async () => {
    const { hostname, port } = new URL(world.gateway);
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const settings = Buffer.from('000000040000000000', 'hex');
    const socket = connectSocket(Number(port), hostname).setNoDelay(true);
    for (const byte of Buffer.concat([preface, settings])) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [frame] = (await once(socket, 'data')) as [Buffer];
    assert.equal(frame[3], 4, 'the first frame of a server is SETTINGS');
    socket.destroy();
    const late = connectSocket(Number(port), hostname);
    late.write(`GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n${preface.toString()}`);
    let text = '';
    late.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    await once(late, 'close');
    assert.match(text, /^HTTP\/1\.1 404 [^]*HTTP\/1\.1 400 /);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertNoConnections, keyOf, openChat } from '../testing/chat-world.ts';
import { RawHttp } from '../testing/raw-http.ts';
import type { SluiceFixture } from '../testing/sluice-fixture.ts';
import { until } from '../testing/until.ts';

const limit = { timeout: 60_000 };
const key = { authorization: `Bearer ${keyOf('open')}` };
const event = JSON.stringify({ specversion: '1.0', id: '1', source: '/t', type: 'com.example.both', data: {} });
const structured = { ...key, 'content-type': 'application/cloudevents+json' };

describe('the HTTP listener', () => {
  let world: SluiceFixture;
  const sockets: RawHttp[] = [];
  const open = (): RawHttp => {
    const http = new RawHttp(world.gateway);
    sockets.push(http);
    return http;
  };

  before(async () => {
    world = await openChat();
  });

  after(async () => {
    for (const { socket } of sockets) socket.destroy();
    await assertNoConnections(world);
    await world.stop();
  });

  const malformed: readonly [string, string, number][] = [
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01', 400],
    ['an unknown method', 'FETCH / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['no Host', 'GET /chat/a/said HTTP/1.1\r\n\r\n', 400],
    ['an absolute target', 'GET http://elsewhere/chat/a/said HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['an asterisk target', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['a space in a header name', 'GET /chat HTTP/1.1\r\nHost : x\r\n\r\n', 400],
    ['a folded header', 'GET /chat HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n', 400],
    ['NUL in a header', 'GET /chat HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n', 400],
    ['both lengths', 'POST /chat/a/both HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['two different lengths', 'POST /chat/a/both HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef', 400],
    ['a negative length', 'POST /chat/a/both HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n', 400],
    ['a length past all integers', 'POST /chat/a/both HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n', 400],
    ['a transfer coding nobody knows', 'POST /chat/a/both HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: zip\r\n\r\n', 400],
    [
      'a chunk size that is none',
      `POST /chat/a/both HTTP/1.1\r\nHost: x\r\nX-API-Key: ${keyOf('open')}\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n`,
      400,
    ],
    ['17 KiB of headers', `GET /chat/a/said HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(17 * 1024)}\r\n\r\n`, 431],
    ['a path of 17 KiB', `GET /chat/${'a'.repeat(17 * 1024)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    ['a broken preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n', 400],
    ['an upgrade to something else', 'GET /chat/a/said HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: irc/6.9\r\n\r\n', 400],
    ['an upgrade to h2c as if it was not asked', 'GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n', 404],
    ['two Hosts', 'GET /chat/a/said HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n', 400],
    ['the same Host twice', 'GET /chat/a/said HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n', 400],
    ['CONNECT', 'CONNECT elsewhere:443 HTTP/1.1\r\nHost: x\r\n\r\n', 405],
    ['DELETE', 'DELETE /chat/a/said HTTP/1.1\r\nHost: x\r\n\r\n', 405],
    ['a path of no API', 'GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n', 404],
    ['dot segments', 'GET /chat/../chat/a/said HTTP/1.1\r\nHost: x\r\nX-API-Key: ' + keyOf('open') + '\r\n\r\n', 400],
    ['an encoded slash', 'GET /chat/a%2Fsaid HTTP/1.1\r\nHost: x\r\nX-API-Key: ' + keyOf('open') + '\r\n\r\n', 400],
    ['a broken encoding', 'GET /chat/%ff/said HTTP/1.1\r\nHost: x\r\nX-API-Key: ' + keyOf('open') + '\r\n\r\n', 400],
    ['two credentials', `GET /chat/a/said HTTP/1.1\r\nHost: x\r\nX-API-Key: a\r\nAuthorization: Bearer b\r\n\r\n`, 400],
    ['another scheme', 'GET /chat/a/said HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi\r\n\r\n', 401],
    ['a ticket nobody gave', 'GET /chat/a/said?ticket=tkt_x HTTP/1.1\r\nHost: x\r\n\r\n', 401],
  ];
  for (const [name, bytes, status] of malformed) {
    test(`answers ${name} with ${status} and a problem`, limit, async () => {
      const http = open();
      http.socket.write(bytes, 'latin1');
      const head = await http.head;
      assert.equal(head.status, status);
      assert.equal(head.headers['content-type'], 'application/problem+json');
      const length = Number(head.headers['content-length']);
      await until(
        async () => http.body.length >= length,
        () => 'the problem did not come whole',
      );
      const problem = JSON.parse(http.body.toString('utf8')) as Record<string, unknown>;
      assert.equal(problem['status'], status);
      assert.match(String(problem['detail']), /^[A-Z].*\.$/);
      assert.equal(problem['title'] === undefined || problem['code'] === undefined, false);
      http.socket.destroy();
    });
  }

  test('names the methods there are where it refuses one', limit, async () => {
    const response = await fetch(`${world.gateway}/chat/a/said`, { method: 'PUT', headers: key });
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, POST, OPTIONS']);
  });

  test('goes on with the connection after a refusal without a body', limit, async () => {
    const http = open();
    http.send('GET', '/nothing', {});
    await http.head;
    http.send('GET', '/chat/a/said', {});
    await until(
      async () => http.body.includes('HTTP/1.1 401'),
      () => `the second answer did not come: ${http.body.toString('latin1')}`,
    );
  });

  test('closes what sends garbage and never hangs up itself', limit, async () => {
    const http = open();
    http.socket.write('garbage\r\n\r\n');
    assert.equal((await http.head).status, 400);
    await http.closed;
  });

  test('answers pipelined requests in their order', limit, async () => {
    const http = open();
    const body = (id: string) => JSON.stringify({ ...(JSON.parse(event) as object), id });
    for (const id of ['p1', 'p2']) {
      http.send('POST', '/chat/pipe/both', { ...structured, 'content-length': String(Buffer.byteLength(body(id))) });
      http.socket.write(body(id));
    }
    http.send('GET', '/chat/pipe/both?from=earliest', { ...key, connection: 'close' });
    await http.closed;
    const text = http.body.toString('utf8');
    assert.equal((await http.head).status, 202);
    assert.match(text, /^\{"accepted":1.*HTTP\/1\.1 202.*HTTP\/1\.1 200.*"p1".*"p2"/s);
  });

  test('does not begin a stream in front of an unanswered request', limit, async () => {
    const http = open();
    http.send('GET', '/chat/queue/said?wait=200ms', key);
    http.send('GET', '/chat/queue/said', { ...key, accept: 'text/event-stream' });
    assert.equal((await http.head).headers['content-type'], 'application/cloudevents-batch+json');
    await until(
      async () => /\r\n\r\nretry: \d+\n\n$/.test(http.body.toString('latin1')),
      () => `the stream did not follow: ${http.body.toString('latin1')}`,
    );
    assert.match(http.body.toString('latin1'), /^\[\]HTTP\/1\.1 200 OK\r\n/);
    http.socket.destroy();
  });

  test('cuts who sends a hundred requests ahead', limit, async () => {
    const http = open();
    for (let n = 0; n < 100; n += 1) http.send('GET', '/chat/flood/said?wait=60s', key);
    await http.closed;
    await until(
      async () => (await world.connections()) === 0,
      () => 'the gateway still waits for it',
    );
  });

  for (const more of ['GET /chat/a/said HTTP/1.1\r\nHost: x\r\n\r\n', 'garbage\r\n\r\n']) {
    test(
      `cuts a stream whose client sends ${JSON.stringify(more.slice(0, 7))} behind its request, and writes nothing into it`,
      limit,
      async () => {
        const http = open();
        http.send('GET', '/chat/a/said', { ...key, accept: 'text/event-stream' });
        await http.head;
        http.socket.write(more);
        await http.closed;
        assert.match(http.body.toString('latin1'), /^retry: \d+\n\n$/);
      },
    );
  }
});

describe('uploads', () => {
  let world: SluiceFixture;
  const sockets: RawHttp[] = [];
  const open = (): RawHttp => {
    const http = new RawHttp(world.gateway);
    sockets.push(http);
    return http;
  };

  before(async () => {
    world = await openChat();
  });

  after(async () => {
    for (const { socket } of sockets) socket.destroy();
    await world.stop();
  });

  test('are taken in chunks cut anywhere', limit, async () => {
    const http = open();
    http.send('POST', '/chat/chunks/both', { ...structured, 'transfer-encoding': 'chunked' });
    for (const byte of Buffer.from(event)) http.socket.write(`1\r\n${String.fromCharCode(byte)}\r\n`);
    http.socket.write('0\r\nTrailer: ignored\r\n\r\n');
    assert.equal((await http.head).status, 202);
  });

  test('are taken by HTTP/1.0, which closes', limit, async () => {
    const http = open();
    http.socket.write(
      `POST /chat/old/both HTTP/1.0\r\nX-API-Key: ${keyOf('open')}\r\nContent-Type: application/cloudevents+json\r\nContent-Length: ${event.length}\r\n\r\n${event}`,
    );
    assert.equal((await http.head).status, 202);
    await http.closed;
  });

  test('are asked for only when they will be read', limit, async () => {
    const http = open();
    http.send('POST', '/chat/expect/both', { ...structured, 'content-length': String(event.length), expect: '100-continue' });
    await until(
      async () => http.continues === 1,
      () => 'nobody asked for the body',
    );
    http.socket.write(event);
    assert.equal((await http.head).status, 202);
    const refused = open();
    refused.send('POST', '/chat/expect/both', {
      'content-length': '1000000',
      'content-type': 'application/json',
      expect: '100-continue',
      authorization: 'Bearer wrong',
    });
    assert.equal((await refused.head).status, 401);
    assert.equal(refused.continues, 0);
    const large = open();
    large.send('POST', '/chat/expect/both', { ...structured, 'content-length': '100000000', expect: '100-continue' });
    assert.equal((await large.head).status, 413);
    assert.equal(large.continues, 0);
  });

  test('with another expectation are refused', limit, async () => {
    const http = open();
    http.send('POST', '/chat/expect/both', { ...structured, 'content-length': '0', expect: 'a-miracle' });
    assert.equal((await http.head).status, 417);
  });

  for (const how of ['content-length', 'transfer-encoding'] as const) {
    test(`that are too large are refused by ${how} so that the client can read why, though it goes on sending`, limit, async () => {
      const http = open();
      const size = 40 * 1024 * 1024;
      http.send('POST', '/chat/large/both', { ...structured, [how]: how === 'content-length' ? String(size) : 'chunked' });
      const piece = Buffer.alloc(64 * 1024, 'a');
      const chunk = how === 'content-length' ? piece : Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')]);
      let sent = 0;
      const more = (): void => {
        while (sent < size && http.socket.writable) {
          sent += piece.length;
          if (!http.socket.write(chunk)) return;
        }
      };
      http.socket.on('drain', more);
      more();
      const head = await http.head;
      assert.equal(head.status, 413);
      await until(
        async () => http.body.includes('TOO_LARGE'),
        () => 'the problem did not come',
      );
      await http.closed;
      assert.ok(sent < size, 'the server took everything before it refused');
    });
  }

  test('that stop half way free their request, and the process goes on', limit, async () => {
    for (let cut = 0; cut < 20; cut += 1) {
      const http = open();
      http.send('POST', '/chat/cut/both', { ...structured, 'content-length': String(event.length) });
      await new Promise((resolve) => http.socket.write(event.slice(0, cut), resolve));
      http.socket.destroy();
      await http.closed;
    }
    assert.equal((await fetch(`${world.gateway}/chat/cut/both`, { method: 'POST', headers: structured, body: event })).status, 202);
  });

  test('that are compressed are refused', limit, async () => {
    const response = await fetch(`${world.gateway}/chat/gzip/both`, {
      method: 'POST',
      headers: { ...structured, 'content-encoding': 'gzip' },
      body: event,
    });
    assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [415, 'UNSUPPORTED_MEDIA_TYPE']);
  });

  test('from many at once are all answered', limit, async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        fetch(`${world.gateway}/chat/many/both`, { method: 'POST', headers: structured, body: event.replace('"1"', `"many-${n}"`) }),
      ),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  });
});

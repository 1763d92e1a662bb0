import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { until } from '../testing/until.ts';
import { openSender, Receiver } from './sender-fixture.ts';

const limit = { timeout: 60_000 };

describe('the sender', () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  const open = async (wish: Parameters<typeof openSender>[0] = {}) => {
    const world = await openSender(wish);
    closers.push(world.close);
    return world.sender;
  };
  const serve = async (listener: RequestListener, address?: string, port?: number): Promise<Receiver> => {
    const receiver = await Receiver.http(listener).listen(address, port);
    closers.push(() => receiver.close());
    return receiver;
  };
  const serveRaw = async (onSocket: (socket: Socket) => void): Promise<Receiver> => {
    const receiver = await Receiver.raw(onSocket).listen();
    closers.push(() => receiver.close());
    return receiver;
  };

  test('SW-6: sends the body byte by byte, and gives the answer with its body', limit, async () => {
    const body = randomBytes(100_000);
    let received = Buffer.alloc(0);
    const receiver = await serve((request, response) => {
      request.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
      request.on('end', () => response.writeHead(202, { 'X-Answer': 'yes', 'set-cookie': ['a=1', 'b=2'] }).end('thank you'));
    });
    const sender = await open();
    const outcome = await sender.send({ url: receiver.url(), method: 'POST', body });
    assert.ok(outcome.kind === 'answered');
    assert.deepEqual(received, body);
    assert.equal(outcome.status, 202);
    assert.equal(outcome.headers['x-answer'], 'yes');
    assert.deepEqual(outcome.headers['set-cookie'], ['a=1', 'b=2']);
    assert.equal(outcome.body.toString(), 'thank you');
    const { truncated, remoteAddress, reused, resent } = outcome;
    assert.deepEqual(
      { truncated, remoteAddress, reused, resent },
      { truncated: undefined, remoteAddress: '127.0.0.1', reused: false, resent: false },
    );
    assert.ok(outcome.timings.connectMs !== undefined && outcome.timings.answerMs !== undefined);
    assert.ok(outcome.timings.totalMs >= outcome.timings.connectMs + outcome.timings.answerMs);
  });

  test('writes the host first, keeps the case of header names, and asks for no compression', limit, async () => {
    const heads: string[] = [];
    const receiver = await serveRaw((socket) =>
      socket.on('data', (chunk) => {
        heads.push(chunk.toString('latin1'));
        socket.write('HTTP/1.1 204 No Content\r\n\r\n');
      }),
    );
    const headers = [
      ['Webhook-Id', 'msg_1'],
      ['X-ODD-case', 'a\u00e9'],
      ['Accept-Encoding', 'gzip'],
    ] as const;
    await (await open()).send({ url: receiver.url('127.0.0.1', '/a%20b?c=d'), method: 'POST', headers, body: Buffer.from('{}') });
    const lines = [
      'POST /a%20b?c=d HTTP/1.1',
      `host: 127.0.0.1:${receiver.port}`,
      'connection: keep-alive',
      'Webhook-Id: msg_1',
      'X-ODD-case: a\u00e9',
    ];
    assert.equal(heads.join(''), [...lines, 'accept-encoding: identity', 'content-length: 2', '', '{}'].join('\r\n'));
  });

  const hasIpv6 = Object.values(networkInterfaces()).some((some) => some?.some(({ address }) => address === '::1'));
  test('calls an IPv6 address, and names it as it should be named', { ...limit, skip: hasIpv6 ? false : 'no IPv6 here' }, async () => {
    const receiver = await serve((request, response) => response.end(request.headers.host), '::1');
    const outcome = await (await open({ opened: ['::1'] })).send({ url: receiver.url('[::1]'), method: 'GET' });
    assert.ok(outcome.kind === 'answered');
    assert.deepEqual([outcome.body.toString(), outcome.remoteAddress], [`[::1]:${receiver.port}`, '::1']);
  });

  const badHeaders = [
    ['Host', 'elsewhere'],
    ['content-length', '0'],
    ['Transfer-Encoding', 'chunked'],
    ['Connection', 'close'],
    ['x', 'a\r\nb: c'],
    ['x', 'a\u0000'],
    ['x', '\u20ac'],
    ['x y', 'a'],
    ['', 'a'],
    ['x', 'a'.repeat(20_000)],
  ] as const;
  for (const header of badHeaders) {
    test(`refuses the header ${JSON.stringify(header).slice(0, 40)}`, limit, async () => {
      const receiver = await serve((_, response) => response.end());
      const outcome = await (await open()).send({ url: receiver.url(), method: 'GET', headers: [header] });
      assert.ok(outcome.kind === 'failed' && outcome.class === 'blocked');
      assert.match(outcome.sentence, /header/);
      assert.equal(receiver.accepted, 0);
    });
  }

  test('SW-17: follows no redirect, so that none leads to a private address', limit, async () => {
    let inner = 0;
    const secret = await serve((_, response) => response.end(String((inner += 1))), '127.0.0.2');
    const receiver = await serve((_, response) => response.writeHead(302, { location: secret.url('127.0.0.2') }).end());
    const outcome = await (await open({ opened: ['127.0.0.1/32'] })).send({ url: receiver.url(), method: 'GET' });
    assert.ok(outcome.kind === 'answered');
    assert.equal(outcome.status, 302);
    assert.deepEqual([inner, secret.accepted], [0, 0]);
  });

  test('P15: is not led astray by a name that changes its address', limit, async () => {
    let now = Date.UTC(2026, 0, 1);
    const addresses = ['127.0.0.1', '127.0.0.2'];
    const answer = (_: string, type: 'A' | 'AAAA') => (type === 'A' ? [{ type, value: addresses.shift() ?? '127.0.0.2', ttl: 0 }] : []);
    const receiver = await serve((_, response) => response.setHeader('connection', 'close').end());
    const inner = await serve((_, response) => response.end(), '127.0.0.2', receiver.port);
    const sender = await open({ opened: ['127.0.0.1/32'], answer, clock: { now: () => now } });
    const url = receiver.url('rebinding.test');
    assert.equal((await sender.send({ url, method: 'GET' })).kind, 'answered');
    now += 6_000;
    const outcome = await sender.send({ url, method: 'GET' });
    assert.ok(outcome.kind === 'failed');
    assert.deepEqual([outcome.class, outcome.reason, outcome.phase], ['blocked', 'loopback', 'dns']);
    assert.equal(inner.accepted, 0);
  });

  test('knows the answers without a body', limit, async () => {
    const receiver = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { 'content-length': '5' }).end();
      else response.writeHead(204).end();
    });
    const sender = await open();
    for (const method of ['HEAD', 'DELETE'] as const) {
      const outcome = await sender.send({ url: receiver.url(), method });
      assert.ok(outcome.kind === 'answered');
      assert.deepEqual([outcome.body.length, outcome.truncated], [0, undefined]);
    }
  });

  test('keeps what is compressed as it came', limit, async () => {
    const bomb = gzipSync(Buffer.alloc(1024 * 1024));
    const receiver = await serve((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    const outcome = await (await open()).send({ url: receiver.url(), method: 'GET' });
    assert.ok(outcome.kind === 'answered');
    assert.deepEqual(outcome.body, bomb);
  });

  test('is called off by its caller, and says so', limit, async () => {
    const receiver = await serve(() => controller.abort());
    const controller = new AbortController();
    const sender = await open();
    const outcome = await sender.send({ url: receiver.url(), method: 'GET', signal: controller.signal });
    assert.ok(outcome.kind === 'failed');
    assert.deepEqual([outcome.class, outcome.phase], ['aborted', 'answer']);
    await until(
      () => Promise.resolve(receiver.open.size === 0),
      () => 'its socket is closed',
    );
    const late = await sender.send({ url: receiver.url(), method: 'GET', signal: controller.signal });
    assert.ok(late.kind === 'failed' && late.class === 'aborted');
    assert.equal(receiver.accepted, 1);
  });

  test('writes nothing of what is not wanted any more when it has its connection, which the next one has', limit, async () => {
    const asked: string[] = [];
    const answers: (() => void)[] = [];
    const receiver = await serve((request, response) => {
      asked.push(String(request.url));
      answers.push(() => response.writeHead(204).end());
    });
    const sender = await open({ maxConnectionsPerOrigin: 1 });
    let isWanted = true;
    const send = (path: string): ReturnType<typeof sender.send> =>
      sender.send({ url: receiver.url('127.0.0.1', path), method: 'POST', isWanted: path === '/second' ? () => isWanted : undefined });
    const all = ['/first', '/second', '/third'].map(send);
    await until(
      async () => answers.length === 1,
      () => 'Nothing came in.',
    );
    isWanted = false;
    answers[0]?.();
    const second = await all[1];
    assert.deepEqual(second?.kind === 'failed' && second.class, 'aborted');
    await until(
      async () => answers.length === 2,
      () => 'The third did not come in.',
    );
    answers[1]?.();
    await Promise.all(all);
    assert.deepEqual(asked, ['/first', '/third']);
    assert.equal(receiver.accepted, 1);
  });

  test('throws for a bug, and not for what the network does', limit, async () => {
    const receiver = await serve((_, response) => response.end());
    await assert.rejects((await open()).send({ url: receiver.url(), method: 'GET', headers: [undefined as never] }), TypeError);
  });

  test('leaves no socket and no timer behind when it is closed', limit, async () => {
    const silent = await serveRaw(() => undefined);
    const dripping = await serveRaw((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12'));
    const answering = await serve((_, response) => response.end('ok'));
    const receivers = [silent, dripping, answering];
    const held = () =>
      process
        .getActiveResourcesInfo()
        .filter((name) => /^(Timeout|Immediate|TCPSocketWrap|TLSWrap|UDPWrap|.*DNS.*|.*Query.*)$/i.test(name));
    await until(
      () => Promise.resolve(held().length === 0),
      () => `before: ${held().join()}`,
    );
    const world = await openSender({ answer: () => 'silence' });
    const urls = [...receivers.map((receiver) => receiver.url()), 'http://silent.test/'];
    const answered = world.sender.send({ url: answering.url(), method: 'GET' });
    const outcomes = Promise.all(urls.map((url) => world.sender.send({ url, method: 'GET' })));
    await answered;
    await until(
      () => Promise.resolve(silent.accepted === 1 && dripping.accepted === 1 && world.dns.asked.length >= 2),
      () => 'all are on their way',
    );
    assert.ok(
      ['Timeout', 'TCPSocketWrap', 'UDPWrap'].every((name) => held().includes(name)),
      held().join(),
    );
    world.close();
    const late = await world.sender.send({ url: answering.url(), method: 'GET' });
    assert.ok(late.kind === 'failed' && late.class === 'aborted');
    for (const outcome of await outcomes) assert.ok(outcome.kind === 'answered' || outcome.class === 'aborted', JSON.stringify(outcome));
    await until(
      () => Promise.resolve(receivers.every(({ open: sockets }) => sockets.size === 0)),
      () => 'all sockets are closed',
    );
    await until(
      () => Promise.resolve(held().length === 0),
      () => `after: ${held().join()}`,
    );
  });
});

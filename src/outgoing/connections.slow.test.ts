import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { selfSigned } from '../testing/self-signed.ts';
import { until } from '../testing/until.ts';
import type { Outcome } from './outcome.ts';
import { openSender, Receiver } from './sender-fixture.ts';

const limit = { timeout: 60_000 };
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const pair = selfSigned({ names: ['localhost', '127.0.0.1'] });

function factsOf(outcome: Outcome): readonly unknown[] {
  return [outcome.kind === 'answered' ? outcome.status : outcome.class, outcome.reused, outcome.resent];
}

describe('the connections of the sender', () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  const open = async (wish: Parameters<typeof openSender>[0] = {}) => {
    const world = await openSender(wish);
    closers.push(world.close);
    return world.sender;
  };
  const listen = async (receiver: Receiver): Promise<Receiver> => {
    closers.push(() => receiver.close());
    return receiver.listen();
  };

  test('are used again, one exchange after the other', limit, async () => {
    const receiver = await listen(Receiver.http((_, response) => response.end('ok')));
    const sender = await open();
    const outcomes: Outcome[] = [];
    for (let count = 0; count < 5; count++) outcomes.push(await sender.send({ url: receiver.url(), method: 'POST' }));
    assert.deepEqual(
      outcomes.map(({ reused }) => reused),
      [false, true, true, true, true],
    );
    assert.equal(receiver.accepted, 1);
    assert.equal(outcomes[4]?.timings.connectMs, undefined);
  });

  test('are not used again when their answer was cut off', limit, async () => {
    const receiver = await listen(Receiver.http((_, response) => response.end('x'.repeat(100))));
    const sender = await open();
    for (let count = 0; count < 3; count++) await sender.send({ url: receiver.url(), method: 'GET', limits: { maxBodyBytes: 10 } });
    assert.equal(receiver.accepted, 3);
  });

  for (const [name, tls] of [
    ['http', undefined],
    ['https', pair],
  ] as const) {
    const send = async (sender: Awaited<ReturnType<typeof open>>, receiver: Receiver) =>
      sender.send({ url: receiver.url(), method: 'POST', body: Buffer.from('{}'), tls: { ca: pair.cert } });

    /** Answers the first request of each socket; what comes then is for the test. */
    const answerOnce = (then: (socket: Socket, index: number) => void) => {
      let sockets = 0;
      return Receiver.raw((socket) => {
        const index = sockets++;
        socket.once('data', () => {
          socket.write(ok);
          socket.once('data', () => then(socket, index));
        });
      }, tls);
    };

    for (const how of ['end', 'destroy'] as const) {
      test(`P6: ${name}: a request is sent once more when a used connection is dead without an answer (${how})`, limit, async () => {
        const receiver = await listen(answerOnce((socket) => socket[how]()));
        const sender = await open();
        assert.deepEqual(factsOf(await send(sender, receiver)), [200, false, false]);
        assert.deepEqual(factsOf(await send(sender, receiver)), [200, false, true]);
        assert.equal(receiver.accepted, 2);
      });
    }

    test(`P6: ${name}: and not when one byte of an answer has come`, limit, async () => {
      const receiver = await listen(answerOnce((socket) => socket.end('H')));
      const sender = await open();
      await send(sender, receiver);
      assert.deepEqual(factsOf(await send(sender, receiver)), ['reset', true, false]);
      assert.equal(receiver.accepted, 1);
    });
  }

  test('P6: only once, on a connection that was never used', limit, async () => {
    let requests = 0;
    const receiver = await listen(
      Receiver.raw((socket) =>
        socket.on('data', () => {
          requests += 1;
          if (requests <= 2) socket.write(ok);
          else socket.destroy();
        }),
      ),
    );
    const sender = await open();
    // Two connections that have been used.
    await Promise.all([sender.send({ url: receiver.url(), method: 'GET' }), sender.send({ url: receiver.url(), method: 'GET' })]);
    assert.equal(receiver.accepted, 2);
    assert.deepEqual(factsOf(await sender.send({ url: receiver.url(), method: 'POST' })), ['reset', false, true]);
    assert.deepEqual([receiver.accepted, requests], [3, 4]);
  });

  test('are not used again when something comes unasked', limit, async () => {
    const receiver = await listen(
      Receiver.raw((socket) => socket.on('data', () => socket.write(`${ok}HTTP/1.1 408 Request Timeout\r\n\r\n`))),
    );
    const sender = await open();
    for (let count = 0; count < 3; count++)
      assert.deepEqual(factsOf(await sender.send({ url: receiver.url(), method: 'POST' })), [200, false, false]);
    assert.equal(receiver.accepted, 3);
  });

  test('P6: survive a server that closes each one right after its answer', limit, async () => {
    const receiver = await listen(Receiver.raw((socket) => socket.once('data', () => socket.end(ok))));
    const sender = await open();
    for (let count = 0; count < 30; count++) {
      const outcome = await sender.send({ url: receiver.url(), method: 'POST', body: Buffer.from('{}') });
      assert.equal(outcome.kind, 'answered');
    }
  });

  test('are at most so many for each origin; who finds none waits, and too many are told so', limit, async () => {
    const held: ServerResponse[] = [];
    const receiver = await listen(Receiver.http((_, response) => void held.push(response)));
    const sender = await open({ maxConnectionsPerOrigin: 2, maxWaitingPerOrigin: 2 });
    const outcomes = Array.from({ length: 5 }, () => sender.send({ url: receiver.url(), method: 'GET' }));
    const last = await outcomes[4];
    assert.ok(last?.kind === 'failed' && last.class === 'overloaded');
    for (let answered = 0; answered < 4; answered++) {
      await until(
        () => Promise.resolve(held.length > 0),
        () => 'the next request arrives',
      );
      assert.ok(held.length <= 2);
      held.shift()?.end();
    }
    for (const outcome of await Promise.all(outcomes.slice(0, 4))) assert.equal(outcome.kind, 'answered');
    assert.equal(receiver.accepted, 2);
  });

  test('are never one too many, also when a request that is sent once more had to wait', limit, async () => {
    const parts: Socket[] = [];
    const receiver = await listen(
      Receiver.raw((socket) =>
        socket.on('data', () => {
          if (parts.push(socket) !== 2) socket.write(ok);
        }),
      ),
    );
    const sender = await open({ maxConnectionsPerOrigin: 1 });
    const send = () => sender.send({ url: receiver.url(), method: 'POST' });
    await send();
    const dies = send();
    const waits = send();
    await until(
      () => Promise.resolve(parts.length === 2),
      () => 'the second request has arrived',
    );
    parts[1]?.destroy();
    assert.deepEqual(factsOf(await waits), [200, false, false]);
    assert.deepEqual(factsOf(await dies), [200, false, true]);
    await until(
      () => Promise.resolve(receiver.open.size === 1),
      () => `${receiver.open.size} connections are open`,
    );
  });

  test('that could not be made give their place to the next', limit, async () => {
    const sender = await open({ maxConnectionsPerOrigin: 1 });
    for (let count = 0; count < 2; count++) {
      const outcome = await sender.send({ url: 'http://127.0.0.1:9/', method: 'GET', limits: { totalMs: 10_000 } });
      assert.deepEqual([outcome.kind === 'failed' && outcome.class, outcome.remoteAddress], ['connect', undefined]);
    }
  });

  test('let nobody wait longer than the time for everything', limit, async () => {
    const receiver = await listen(Receiver.http(() => undefined));
    const sender = await open({ maxConnectionsPerOrigin: 1 });
    const calling = new AbortController();
    const first = sender.send({ url: receiver.url(), method: 'GET', signal: calling.signal });
    const second = await sender.send({ url: receiver.url(), method: 'GET', limits: { totalMs: 50 } });
    assert.ok(second.kind === 'failed');
    assert.deepEqual([second.class, second.phase], ['timeout', 'waiting']);
    await until(
      () => Promise.resolve(receiver.accepted === 1),
      () => 'the first has a connection',
    );
    calling.abort();
    assert.equal((await first).kind, 'failed');
    assert.equal(receiver.accepted, 1);
  });

  test('to origins not called for the longest are closed when there are too many, and never those in use', limit, async () => {
    const receivers = await Promise.all(Array.from({ length: 3 }, () => listen(Receiver.http((_, response) => response.end()))));
    const held: ServerResponse[] = [];
    const busy = await listen(Receiver.http((_, response) => void held.push(response)));
    const sender = await open({ maxOrigins: 2 });
    const underWay = sender.send({ url: busy.url(), method: 'GET' });
    await until(
      () => Promise.resolve(held.length === 1),
      () => 'the request has arrived',
    );
    for (const receiver of receivers) assert.equal((await sender.send({ url: receiver.url(), method: 'GET' })).kind, 'answered');
    assert.equal(sender.origins, 2);
    await until(
      () => Promise.resolve(receivers[0]?.open.size === 0 && receivers[1]?.open.size === 0),
      () => 'the older ones are closed',
    );
    const more = sender.send({ url: receivers[0]?.url() ?? '', method: 'GET', limits: { answerMs: 5_000 } });
    held[0]?.end('done');
    const outcome = await underWay;
    assert.ok(outcome.kind === 'answered');
    assert.equal(outcome.body.toString(), 'done');
    assert.equal((await more).kind, 'answered');
  });

  test('are refused where all origins that fit are in use', limit, async () => {
    const held: ServerResponse[] = [];
    const busy = await listen(Receiver.http((_, response) => void held.push(response)));
    const other = await listen(Receiver.http((_, response) => response.end()));
    const sender = await open({ maxOrigins: 1 });
    const underWay = sender.send({ url: busy.url(), method: 'GET' });
    await until(
      () => Promise.resolve(held.length === 1),
      () => 'the request has arrived',
    );
    const refused = await sender.send({ url: other.url(), method: 'GET' });
    assert.ok(refused.kind === 'failed' && refused.class === 'overloaded');
    held[0]?.end();
    await underWay;
    assert.equal((await sender.send({ url: other.url(), method: 'GET' })).kind, 'answered');
  });
});

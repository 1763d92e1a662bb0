import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { until } from '../testing/until.ts';
import { withTime } from '../testing/with-time.ts';
import type { SendLimits } from './http-sender.ts';
import { openSender, Receiver } from './sender-fixture.ts';

const limit = { timeout: 60_000 };

/** Calls again and again until the socket is closed. */
function repeat(socket: Socket, milliseconds: number, write: () => void): void {
  const timer = setInterval(write, milliseconds);
  socket.on('close', () => clearInterval(timer));
}

describe('a receiver that', () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  /** What becomes of a request to a server that does this with each socket, once the server has been rid of it. */
  const post = async (onSocket: (socket: Socket) => void, limits: Partial<SendLimits> = {}) => {
    const receiver = await Receiver.raw(onSocket).listen();
    const world = await openSender();
    closers.push(world.close, () => receiver.close());
    const begun = performance.now();
    const outcome = await world.sender.send({ url: receiver.url(), method: 'POST', body: Buffer.from('{}'), limits });
    const took = performance.now() - begun;
    await until(
      () => Promise.resolve(receiver.open.size === 0),
      () => 'the socket is closed',
    );
    return { outcome, took, accepted: receiver.accepted };
  };

  test('P2: never answers is given up in time', limit, () =>
    withTime(async (answerMs) => {
      const { outcome, took } = await post((socket) => socket.resume(), { answerMs });
      assert.ok(outcome.kind === 'failed');
      const sentence = `There was no answer within ${answerMs / 1000} s.`;
      assert.deepEqual([outcome.class, outcome.phase, outcome.sentence], ['timeout', 'answer', sentence]);
      assert.ok(took < 10 * answerMs);
    }),
  );

  test('P2: drips its head is given up when the time for everything is over', limit, () =>
    withTime(async (totalMs) => {
      const { outcome, took } = await post(
        (socket) => {
          socket.write('HTTP/1.1 200 OK\r\nx: ');
          repeat(socket, 5, () => socket.write('y'));
        },
        { totalMs },
      );
      assert.ok(outcome.kind === 'failed');
      const sentence = `It was not over within ${totalMs / 1000} s.`;
      assert.deepEqual([outcome.class, outcome.phase, outcome.sentence], ['timeout', 'answer', sentence]);
      assert.ok(took < 10 * totalMs);
    }),
  );

  test('P2: sends provisional answers without end is given up in time', limit, () =>
    withTime(async (answerMs) => {
      const { outcome } = await post((socket) => repeat(socket, 5, () => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n')), { answerMs });
      assert.ok(outcome.kind === 'failed');
      assert.deepEqual([outcome.class, outcome.phase], ['timeout', 'answer']);
    }),
  );

  for (const [which, member] of [
    ['the time for the body', 'bodyMs'],
    ['the time for everything', 'totalMs'],
  ] as const) {
    test(`P2: drips its body has answered all the same, and is cut off when ${which} is over`, limit, () =>
      withTime(async (milliseconds) => {
        const { outcome, took } = await post(
          (socket) => {
            socket.write('HTTP/1.1 201 Created\r\ncontent-length: 1000000\r\n\r\n');
            repeat(socket, 5, () => socket.write('.'));
          },
          { [member]: milliseconds },
        );
        assert.ok(outcome.kind === 'answered');
        assert.deepEqual([outcome.status, outcome.truncated], [201, 'timeout']);
        assert.match(outcome.body.toString(), /^\.+$/);
        assert.ok(took < 10 * milliseconds);
      }),
    );
  }

  test('P2: sends a body without end has answered, and only the beginning is read', limit, async () => {
    let written = 0;
    const { outcome } = await post((socket) => {
      const block = Buffer.alloc(64 * 1024, 'x');
      const more = (): void => {
        while (!socket.destroyed && socket.write(block)) written += block.length;
      };
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.on('drain', more);
      more();
    });
    assert.ok(outcome.kind === 'answered');
    assert.deepEqual([outcome.status, outcome.truncated, outcome.body.length], [200, 'limit', 16 * 1024]);
    assert.ok(written < 64 * 1024 * 1024, `${written} bytes were written`);
  });

  test('sends a body of exactly the bound has sent it whole', limit, async () => {
    const answer = (bytes: number) => (socket: Socket) =>
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes}\r\nconnection: close\r\n\r\n${'x'.repeat(bytes)}`));
    const { outcome: whole } = await post((socket) => void answer(10)(socket), { maxBodyBytes: 10 });
    assert.ok(whole.kind === 'answered');
    assert.deepEqual([whole.body.length, whole.truncated], [10, undefined]);
    const { outcome: cut } = await post((socket) => void answer(11)(socket), { maxBodyBytes: 10 });
    assert.ok(cut.kind === 'answered');
    assert.deepEqual([cut.body.length, cut.truncated], [10, 'limit']);
  });

  test('sends a giant head is cut off', limit, async () => {
    const { outcome } = await post((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      repeat(socket, 1, () => socket.write(`x-large: ${'x'.repeat(1_000)}\r\n`));
    });
    assert.ok(outcome.kind === 'failed');
    assert.deepEqual([outcome.class, outcome.sentence], ['protocol', 'The head of the answer is too large.']);
  });

  for (const garbage of [
    'SSH-2.0-OpenSSH_9.6\r\n',
    'HTTP/1.1 abc\r\n\r\n',
    'HTTP/3.7 200 OK\r\n\r\n',
    '\u0015\u0003\u0001\u0000\u0002\u0002\u0016',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
  ]) {
    test(`speaks ${JSON.stringify(garbage)} is not understood`, limit, async () => {
      const { outcome } = await post((socket) => socket.once('data', () => socket.end(garbage, 'latin1')));
      assert.ok(outcome.kind === 'failed');
      assert.deepEqual([outcome.class, outcome.sentence], ['protocol', 'What came back is not an HTTP/1.1 answer.']);
    });
  }

  test('wants another protocol gets none', limit, async () => {
    const { outcome } = await post((socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')),
    );
    assert.ok(outcome.kind === 'failed');
    assert.equal(outcome.class, 'protocol');
  });

  test('P6: hangs up at once is not sent to again', limit, async () => {
    const { outcome, accepted } = await post((socket) => socket.once('data', () => socket.destroy()));
    assert.ok(outcome.kind === 'failed');
    assert.deepEqual([outcome.class, outcome.phase, outcome.resent, accepted], ['reset', 'answer', false, 1]);
  });

  test('breaks off in its body has answered', limit, async () => {
    const { outcome } = await post((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n123')));
    assert.ok(outcome.kind === 'answered');
    assert.deepEqual([outcome.status, outcome.truncated, outcome.body.toString()], [200, 'reset', '123']);
  });

  test('sends fields named like those of every object does no harm', limit, async () => {
    const fields = ['__proto__: a', '__proto__: b', 'constructor: c', 'hasownproperty: d', 'toString: e'].join('\r\n');
    const { outcome } = await post((socket) =>
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${fields}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)),
    );
    assert.ok(outcome.kind === 'answered');
    assert.equal(Object.getPrototypeOf(outcome.headers), Object.prototype);
    assert.equal(outcome.headers['constructor'], 'c');
  });
});

import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { keyOf, numbered, openChat, say } from '../../testing/chat-world.ts';
import type { SluiceFixture } from '../../testing/sluice-fixture.ts';
import { until } from '../../testing/until.ts';
import { withTime } from '../../testing/with-time.ts';
import { runCli, serve, type Circumstances, type Outcome } from '../test-world.ts';

interface Delivered {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A local server that keeps what it gets and answers each with a status, 200 unless told otherwise. */
async function openReceiver(answer: (delivered: Delivered, count: number) => number | Promise<number> = () => 200) {
  const got: Delivered[] = [];
  let under = 0;
  let mostAtOnce = 0;
  const { url, close } = await serve(
    createServer((request, response) => {
      under += 1;
      mostAtOnce = Math.max(mostAtOnce, under);
      void buffer(request).then(async (body) => {
        const delivered = { headers: request.headers, body: body.toString('utf8') };
        got.push(delivered);
        const status = await answer(delivered, got.length);
        under -= 1;
        response.writeHead(status, { location: '/elsewhere' }).end(status === 200 ? '' : 'no, thanks');
      });
    }),
  );
  const ids = (): unknown[] => got.map(({ body }) => (JSON.parse(body) as { id?: string }).id);
  return { url: `${url}/hook`, close, got, ids, mostAtOnce: () => mostAtOnce };
}

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

describe('listen --forward-to', () => {
  let world: SluiceFixture;
  before(async () => {
    world = await openChat();
  });
  after(async () => world.stop());

  const listen = async (room: string, argv: readonly string[], circumstances: Circumstances = {}): Promise<Outcome> =>
    runCli(
      ['listen', `chat/${room}/said`, '--gateway', world.gateway, '--key', keyOf('open'), '--from', 'earliest', ...argv],
      circumstances,
    );

  const objectsOf = ({ stdout }: Outcome): Record<string, unknown>[] =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  for (const content of ['structured', 'binary', 'data'] as const) {
    test(`SW-4, SW-6: relays signed webhooks with the content ${content}`, async () => {
      const positions = await say(world, `/chat/${content}/said`, [{ id: 'a', data: { text: 'Ünïcode\n' } }]);
      const receiver = await openReceiver();
      const outcome = await listen(content, [
        '--forward-to',
        receiver.url,
        '--secret',
        secret,
        '--count',
        '1',
        '--content',
        content,
        '--json',
      ]);
      await receiver.close();
      assert.equal(outcome.exit, 0, outcome.stderr);
      const [{ headers, body } = assert.fail('nothing came')] = receiver.got;
      new Webhook(secret).verify(body, headers as Record<string, string>);
      assert.deepEqual([headers['webhook-id'], headers['webhook-attempt']], [`msg_${positions[0]}`, '1']);
      const value = JSON.parse(body) as { data?: unknown };
      assert.deepEqual(content === 'structured' ? value.data : value, { text: 'Ünïcode\n' });
      assert.equal(headers['content-type'], content === 'structured' ? 'application/cloudevents+json; charset=utf-8' : 'application/json');
      assert.equal(headers['ce-id'], content === 'binary' ? 'a' : undefined);
      const [head, told] = objectsOf(outcome);
      assert.deepEqual(head, { forwardTo: receiver.url, content, retries: 0 });
      assert.deepEqual([told?.['id'], told?.['status'], told?.['ok']], [`msg_${positions[0]}`, 200, true]);
    });
  }

  test('SW-9: makes a secret where none is given, and prints it once', async () => {
    await say(world, '/chat/made/said', numbered('m', 2));
    const receiver = await openReceiver();
    const outcome = await listen('made', ['--forward-to', receiver.url, '--count', '2', '--json']);
    await receiver.close();
    const made = String(objectsOf(outcome)[0]?.['secret']);
    for (const { body, headers } of receiver.got) new Webhook(made).verify(body, headers as Record<string, string>);
    assert.equal(outcome.stdout.split(made).length, 2);
    const people = await listen('made', ['--forward-to', 'http://127.0.0.1:9/', '--count', '1']);
    assert.match(people.stderr, /is not tried again\.\nSigned with whsec_/);
    assert.match(people.stdout, /com\.example\.said {2}msg_\S+ -> failed {2}\d+ ms {2}nothing listens there\n/);
  });

  test('SW-16, SW-17: only 2xx is success, and redirects are not followed', async () => {
    await say(world, '/chat/codes/said', numbered('c', 4));
    const receiver = await openReceiver((_, count) => [204, 302, 500, 410][count - 1] ?? 200);
    const outcome = await listen('codes', ['--forward-to', receiver.url, '--count', '4', '--json']);
    await receiver.close();
    assert.equal(outcome.exit, 1);
    assert.deepEqual(
      objectsOf(outcome)
        .slice(1)
        .map(({ ok, status, answer, push, reason }) => [ok, status, answer, push, reason]),
      [
        [true, 204, undefined, undefined, undefined],
        [false, 302, 'no, thanks', 'retry', 'redirect'],
        [false, 500, 'no, thanks', 'retry', 'server-error'],
        [false, 410, 'no, thanks', 'gone', undefined],
      ],
    );
    assert.equal(receiver.got.length, 4);
  });

  test('each event has a connection of its own, also where the local server does not say that it closes them', async () => {
    await say(world, '/chat/closing/said', numbered('k', 3));
    const connections = new Set<unknown>();
    const { url, close } = await serve(
      createServer((request, response) => {
        connections.add(request.socket);
        request.resume();
        response.writeHead(200, { connection: 'keep-alive' }).end();
      }),
    );
    const outcome = await listen('closing', ['--forward-to', url, '--count', '3', '--json']);
    await close();
    assert.equal(outcome.exit, 0, outcome.stderr);
    assert.equal(connections.size, 3);
  });

  test('a durable reader confirms nothing past what was not taken, so that it comes again', async () => {
    await say(world, '/chat/durable/said', numbered('d', 5));
    const receiver = await openReceiver(({ body }, count) => (body.includes('"d3"') && count < 6 ? 503 : 200));
    const reader = ['--forward-to', receiver.url, '--reader', 'local', '--json'];
    assert.equal((await listen('durable', [...reader, '--count', '5'])).exit, 1);
    assert.equal((await listen('durable', [...reader, '--count', '3'])).exit, 0);
    await say(world, '/chat/durable/said', numbered('d', 1, 6));
    assert.equal((await listen('durable', [...reader, '--count', '1'])).exit, 0);
    await receiver.close();
    assert.deepEqual(receiver.ids(), ['d1', 'd2', 'd3', 'd4', 'd5', 'd3', 'd4', 'd5', 'd6']);
  });

  test('a slow receiver holds the stream back: one at a time, in order', async () => {
    await say(world, '/chat/slow/said', numbered('s', 300));
    const receiver = await openReceiver(async () => new Promise((resolve) => setImmediate(resolve, 200)));
    const outcome = await listen('slow', ['--forward-to', receiver.url, '--count', '300', '--json']);
    await receiver.close();
    assert.equal(outcome.exit, 0, outcome.stderr);
    assert.deepEqual(
      receiver.ids(),
      numbered('s', 300).map(({ id }) => id),
    );
    assert.equal(receiver.mostAtOnce(), 1);
  });

  test('a receiver that takes too long is given up, and what fails is tried again when that is wanted', async () => {
    await say(world, '/chat/again/said', numbered('a', 1));
    const receiver = await openReceiver(async (_, count) => (count === 1 ? new Promise(() => undefined) : 200));
    const forward = ['--forward-to', receiver.url, '--count', '1', '--retries', '3', '--json'];
    await withTime(async (milliseconds) => {
      receiver.got.length = 0;
      const timeout = `${milliseconds}ms`;
      const outcome = await listen('again', [...forward, '--timeout', timeout]);
      assert.equal(outcome.exit, 0, outcome.stderr);
      const [, first, second] = objectsOf(outcome);
      assert.deepEqual([first?.['status'], second?.['status'], second?.['attempt']], [undefined, 200, 2]);
      assert.match(String(first?.['answer']), /no answer within/);
      assert.deepEqual(
        receiver.got.map(({ headers }) => headers['webhook-attempt']),
        ['1', '2'],
      );
      assert.equal(receiver.got[0]?.headers['webhook-id'], receiver.got[1]?.headers['webhook-id']);
    });
    await receiver.close();
  });

  test('r sends the last again, r 3 the third last, signed anew under the same id', async () => {
    await say(world, '/chat/keys/said', numbered('k', 4));
    const receiver = await openReceiver((_, count) => (count === 4 ? 500 : 200));
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    const stop = new AbortController();
    const said: string[] = [];
    const running = listen('keys', ['--forward-to', receiver.url, '--secret', secret, '--reader', 'keys'], {
      stdin,
      signal: stop.signal,
      onStdout: (text) => said.push(text),
    });
    const arrived = async (count: number): Promise<void> =>
      until(
        async () => receiver.got.length >= count && (said.at(-1)?.split('\n').length ?? 0) > count,
        () => `${receiver.got.length} of ${count} came`,
      );
    await arrived(4);
    stdin.write('r\n');
    await arrived(5);
    stdin.write('r 3\nr 99\nwhat?\n');
    await arrived(6);
    stop.abort();
    const outcome = await running;
    assert.equal(outcome.exit, 0, outcome.stderr);
    assert.match(outcome.stderr, /nothing to send again/);
    assert.deepEqual(receiver.ids(), ['k1', 'k2', 'k3', 'k4', 'k4', 'k2']);
    const again = receiver.got[4] ?? assert.fail();
    new Webhook(secret).verify(again.body, again.headers as Record<string, string>);
    assert.equal(again.headers['webhook-retry-reason'], 'server-error');
    assert.deepEqual([again.headers['webhook-attempt'], again.headers['webhook-id']], ['2', receiver.got[3]?.headers['webhook-id']]);
    // The one that failed was taken at last, so all are confirmed.
    await say(world, '/chat/keys/said', numbered('k', 1, 5));
    await listen('keys', ['--forward-to', receiver.url, '--reader', 'keys', '--count', '1']);
    await receiver.close();
    assert.equal(receiver.ids().at(-1), 'k5');
  });

  for (const protocol of ['sse', 'websocket']) {
    test(`goes on after the gateway was away, over ${protocol}`, async () => {
      const room = `away-${protocol}`;
      const receiver = await openReceiver();
      const reader = ['--forward-to', receiver.url, '--reader', room, '--protocol', protocol];
      await say(world, `/chat/${room}/said`, numbered('w', 2));
      const running = listen(room, [...reader, '--count', '4']);
      await until(
        async () => receiver.got.length === 2,
        () => `${receiver.got.length} of 2 came`,
      );
      await world.restart({ grace: 0 });
      await say(world, `/chat/${room}/said`, numbered('w', 2, 3));
      const outcome = await running;
      await receiver.close();
      assert.equal(outcome.exit, 0, outcome.stderr);
      assert.deepEqual([...new Set(receiver.ids())], ['w1', 'w2', 'w3', 'w4']);
    });
  }
});

test('listen --forward-to refuses what cannot work before it connects', async () => {
  for (const [argv, expected] of [
    [['--forward-to', 'localhost:3000'], /must be a URL/],
    [['--forward-to', 'http://localhost:3000', '--secret', 'whsec_c2hvcnQ='], /24 to 64 bytes/],
    [['--forward-to', 'http://localhost:3000', '--secret', `whpk_${Buffer.alloc(32, 1).toString('base64')}`], /cannot sign/],
    [['--forward-to', 'http://localhost:3000', '--content', 'xml'], /--content must be one of/],
    [['--forward-to', 'http://localhost:3000', '--timeout', 'long'], /--timeout must be a time/],
    [['--forward-to', 'http://localhost:3000', '--retries', '-1'], /--retries/],
    [['--forward-to', 'http://localhost:3000', '--reader', 'r', '--protocol', 'poll'], /needs sse or websocket/],
  ] as const) {
    const { exit, stderr } = await runCli(['listen', 'x/y', '--gateway', 'http://127.0.0.1:9', ...argv]);
    assert.equal(exit, 2, stderr);
    assert.match(stderr, expected);
  }
});

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import { runCli, serve, type Outcome } from '../test-world.ts';

const event = (n: number, data = '{}') =>
  `{"specversion":"1.0","id":"${n}","source":"/s","type":"t","time":"2026-01-01T00:00:00Z","data":${data},"position":"p-${n}"}`;
const sse = (n: number, data?: string) => `id: p-${n}\ndata: ${event(n, data).replaceAll('\n', '\ndata: ')}\n\n`;
const problem = (code: string, status: number, more: object = {}) => JSON.stringify({ code, status, detail: `This is ${code}.`, ...more });
const ids = ({ stdout }: Outcome) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { id: string }).id);

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Runs `listen` against a server that gives the answers in turn, the last one for ever. */
async function listenTo(answers: readonly Answer[], argv: readonly string[], signal?: AbortSignal, onStdout?: (text: string) => void) {
  const requests: { readonly url: URL; readonly headers: IncomingMessage['headers']; readonly method: string }[] = [];
  const server = createServer((request, response) => {
    requests.push({ url: new URL(request.url ?? '', 'http://x'), headers: request.headers, method: request.method ?? '' });
    if (request.method === 'POST') response.writeHead(200).end('{}');
    else answers[Math.min(requests.filter(({ method }) => method === 'GET').length, answers.length) - 1]?.(request, response);
  });
  const { url, close } = await serve(server);
  try {
    const outcome = await runCli(['listen', 'orders/eu/created', '--gateway', url, '--key', 'secret', ...argv], {
      ...(signal === undefined ? {} : { signal }),
      ...(onStdout === undefined ? {} : { onStdout }),
    });
    return { outcome, requests };
  } finally {
    await close();
  }
}

const stream =
  (...parts: string[]): Answer =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(['retry: 1\n\n', ...parts].join(''));
  };

describe('listen over SSE', () => {
  test('prints events one per line, data untouched, and ends after as many as asked for', async () => {
    const { outcome, requests } = await listenTo(
      [stream(sse(1, '{"big":\n12345678901234567890}'), sse(2), sse(3))],
      ['--json', '--count', '2', '--from', 'earliest'],
    );
    assert.equal(outcome.exit, 0);
    assert.deepEqual(ids(outcome), ['1', '2']);
    assert.match(outcome.stdout, /"big": 12345678901234567890/);
    assert.match(outcome.stderr, /Listening to/);
    const [request] = requests;
    assert.equal(request?.url.pathname, '/orders/eu/created');
    assert.equal(request?.url.searchParams.get('from'), 'earliest');
    assert.equal(request?.headers.authorization, 'Bearer secret');
  });

  test('comes back after a cut and goes on from the last event, not from where it began', async () => {
    const cut: Answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`retry: 1\n\n${sse(1)}${sse(2)}id: p-9\ndata: {"half`, () => response.destroy());
    };
    const { outcome, requests } = await listenTo([cut, stream(sse(3))], ['--json', '--count', '3', '--from', 'earliest']);
    assert.deepEqual(ids(outcome), ['1', '2', '3']);
    assert.equal(requests[1]?.headers['last-event-id'], 'p-2');
    assert.equal(requests[1]?.url.searchParams.get('from'), null);
    assert.match(outcome.stderr, /Coming back in/);
  });

  test('comes back when the server is away or busy for a moment', async () => {
    const busy: Answer = (_, response) => response.writeHead(503, { 'retry-after': '0' }).end(problem('RESTARTING', 503));
    const { outcome } = await listenTo([busy, stream(sse(1))], ['--json', '--count', '1']);
    assert.deepEqual(ids(outcome), ['1']);
    assert.match(outcome.stderr, /This is RESTARTING/);
  });

  for (const [code, status, exit] of [
    ['UNAUTHENTICATED', 401, 4],
    ['FORBIDDEN', 403, 9],
    ['CHANNEL_NOT_FOUND', 404, 5],
    ['POSITION_LOST', 410, 5],
    ['INVALID_FILTER', 400, 7],
  ] as const) {
    test(`gives up with ${exit} on ${code}, in the answer or in the stream`, async () => {
      const refused = await listenTo([(_, response) => response.writeHead(status).end(problem(code, status))], []);
      assert.equal(refused.outcome.exit, exit);
      assert.match(refused.outcome.stderr, new RegExp(`This is ${code}`));
      const ended = await listenTo([stream(sse(1), `id: end\nevent: sluice.error\ndata: ${problem(code, status)}\n\n`)], ['--json']);
      assert.equal(ended.outcome.exit, exit);
      assert.deepEqual(ids(ended.outcome), ['1']);
      assert.equal(ended.requests.length, 1);
    });
  }

  test('waits out a short limit and leaves a long one to whoever started it', async () => {
    const limit = (retryAfter: number) => stream(`event: sluice.error\ndata: ${problem('LIMIT_REACHED', 429, { retryAfter })}\n\n`);
    const short = await listenTo([limit(0), stream(sse(1))], ['--count', '1', '--json']);
    assert.deepEqual(ids(short.outcome), ['1']);
    const long = await listenTo([limit(3600)], []);
    assert.equal(long.outcome.exit, 9);
  });

  test('stops when the server says that coming back is useless', async () => {
    const { outcome, requests } = await listenTo([(_, response) => response.writeHead(204).end()], []);
    assert.equal(outcome.exit, 9);
    assert.equal(requests.length, 1);
  });

  test('ends with 0 when it is interrupted', async () => {
    const interrupt = new AbortController();
    const open: Answer = (_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).write(sse(1));
    const { outcome } = await listenTo([open], ['--json'], interrupt.signal, () => interrupt.abort());
    assert.equal(outcome.exit, 0);
    assert.deepEqual(ids(outcome), ['1']);
  });

  test('tells gaps among the data for programs, beside it for people', async () => {
    const gap = 'id: p-4\nevent: sluice.gap\ndata: {"after":"p-1","upTo":"p-4","events":3,"reason":"dropped"}\n\n';
    const program = await listenTo([stream(sse(1), gap, sse(5))], ['--json', '--count', '2']);
    assert.deepEqual(JSON.parse(program.outcome.stdout.split('\n')[1] ?? ''), {
      gap: { after: 'p-1', upTo: 'p-4', events: 3, reason: 'dropped' },
    });
    const people = await listenTo([stream(sse(1), gap, sse(5))], ['--count', '2']);
    assert.equal(people.outcome.stdout.trim().split('\n').length, 2);
    assert.match(people.outcome.stderr, /missing here/);
  });

  test('tells the server how far a durable reader has got, at the end at the latest', async () => {
    const { outcome, requests } = await listenTo([stream(sse(1), sse(2), sse(3))], ['--reader', 'billing', '--count', '2']);
    assert.equal(outcome.exit, 0);
    const acks = requests.filter(({ method }) => method === 'POST');
    assert.equal(acks.at(-1)?.headers['ack'], 'p-2');
    assert.equal(acks.at(-1)?.url.searchParams.get('reader'), 'billing');
    assert.equal(requests[0]?.url.searchParams.get('reader'), 'billing');
  });

  test('never lets an event write on the terminal what the terminal would obey', async () => {
    const { outcome } = await listenTo([stream(sse(1, '{"x":"\\u001b[2J"}'))], ['--count', '1']);
    assert.ok(!outcome.stdout.includes('\u001b'));
  });
});

test('listen by poll follows the link to the next page and waits there', async () => {
  const page =
    (text: string, next: string): Answer =>
    (_, response) => {
      response.writeHead(200, { 'content-type': 'application/cloudevents-batch+json', link: `<${next}>; rel="next"` }).end(text);
    };
  const { outcome, requests } = await listenTo(
    [
      page(`[${event(1, '{"big":12345678901234567890}')},${event(2)}]`, '/orders/eu/created?wait=30s&after=p-2'),
      page('[]', '/orders/eu/created?wait=30s&after=p-2'),
      page(`[${event(3)}]`, '/x?after=p-3'),
    ],
    ['--protocol', 'poll', '--json', '--count', '3', '--from', 'earliest'],
  );
  assert.deepEqual(ids(outcome), ['1', '2', '3']);
  assert.match(outcome.stdout, /12345678901234567890/);
  assert.equal(requests[0]?.url.searchParams.get('wait'), '30s');
  assert.deepEqual(
    requests.slice(1).map(({ url }) => url.searchParams.get('after')),
    ['p-2', 'p-2'],
  );
});

test('listen by poll does not take its key to another server', async () => {
  const away: Answer = (_, response) => response.writeHead(200, { link: '<http://127.0.0.1:1/steal>; rel="next"' }).end(`[${event(1)}]`);
  const interrupt = new AbortController();
  const { outcome } = await listenTo([away], ['--protocol', 'poll', '--json'], interrupt.signal, () =>
    setImmediate(() => interrupt.abort()),
  );
  assert.match(outcome.stderr, /did not say where the next page is/);
});

describe('listen over WebSocket', () => {
  async function listenBySocket(connections: readonly ((socket: WebSocket) => void)[], argv: readonly string[]) {
    const server = createServer();
    const sockets = new WebSocketServer({ server });
    const urls: URL[] = [];
    sockets.on('connection', (socket, request) => {
      urls.push(new URL(request.url ?? '', 'http://x'));
      assert.equal(request.headers.authorization, 'Bearer secret');
      connections[Math.min(urls.length, connections.length) - 1]?.(socket);
    });
    const { url, close } = await serve(server);
    try {
      const outcome = await runCli([
        'listen',
        'orders/eu/created',
        '--gateway',
        url,
        '--key',
        'secret',
        '--protocol',
        'websocket',
        '--json',
        ...argv,
      ]);
      return { outcome, urls };
    } finally {
      for (const socket of sockets.clients) socket.terminate();
      await close();
    }
  }

  test('comes back after a restart and goes on from the last event', async () => {
    const first = (socket: WebSocket) => {
      socket.send(event(1));
      socket.close(1012, 'Restarting.');
    };
    const { outcome, urls } = await listenBySocket([first, (socket) => socket.send(event(2))], ['--count', '2', '--from', 'earliest']);
    assert.deepEqual(ids(outcome), ['1', '2']);
    assert.equal(urls[0]?.searchParams.get('from'), 'earliest');
    assert.equal(urls[1]?.searchParams.get('after'), 'p-1');
  });

  test('gives up on a close code that says so', async () => {
    const { outcome } = await listenBySocket([(socket) => socket.close(4401, 'This key was revoked.')], []);
    assert.equal(outcome.exit, 4);
    assert.match(outcome.stderr, /This key was revoked/);
  });

  test('takes the reason from the notice before the close, and no notice for an event', async () => {
    const notice = `{"specversion":"1.0","id":"n","source":"/sluice","type":"dev.sluice.error","data":${problem('LIMIT_REACHED', 429, { retryAfter: 86_400 })}}`;
    const refuse = (socket: WebSocket) => {
      socket.send(notice);
      socket.close(4429, 'Limit.');
    };
    const { outcome } = await listenBySocket([refuse], []);
    assert.equal(outcome.exit, 9);
    assert.match(outcome.stderr, /This is LIMIT_REACHED/);
    assert.equal(outcome.stdout, '');
  });

  test('is told why a handshake was refused', async () => {
    const { url, close } = await serve(
      createServer().on('upgrade', (_, socket) =>
        socket.end(
          `HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\r\n${problem('FORBIDDEN', 403)}`,
        ),
      ),
    );
    try {
      const outcome = await runCli(['listen', 'x/y', '--gateway', url, '--protocol', 'websocket']);
      assert.equal(outcome.exit, 9);
      assert.match(outcome.stderr, /This is FORBIDDEN/);
    } finally {
      await close();
    }
  });
});

test('listen asks the server for the view it is asked for, and confirms without it', async () => {
  const seen: string[] = [];
  const { url, close } = await serve(
    createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      if (request.method === 'GET') response.setHeader('content-type', 'text/event-stream').end(`id: p-1\ndata: ${event(1)}\n\n`);
      else response.end();
    }),
  );
  try {
    const view = ['--sample', '1/2', '--conflate', '1s', '--by', 'data.a', '--fields', 'a,b', '--delta', 'patch', '--filter', 'true'];
    const outcome = await runCli(['listen', 'x/y', '--gateway', url, '--reader', 'r', '--count', '1', ...view]);
    assert.equal(outcome.exit, 0, outcome.stderr);
    assert.deepEqual(seen, [
      'GET /x/y?reader=r&filter=true&sample=1%2F2&conflate=1s&by=data.a&fields=a%2Cb&delta=patch',
      'POST /x/y?reader=r',
    ]);
  } finally {
    await close();
  }
});

test('listen refuses words and numbers it does not know before it connects', async () => {
  for (const argv of [
    ['--protocol', 'mqtt'],
    ['--count', '0'],
    ['--key', 'a b'],
    ['--gateway', 'nowhere'],
  ]) {
    const { exit } = await runCli(['listen', 'x/y', '--gateway', 'http://127.0.0.1:9', ...argv]);
    assert.equal(exit, 2, argv.join(' '));
  }
});

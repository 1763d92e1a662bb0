import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { runCli, serve, type Circumstances } from '../test-world.ts';

interface Request {
  readonly url: string;
  readonly type: string;
  readonly body: string;
}

/** Runs `publish` against a server that accepts everything until it has had `refuseAfter` requests. */
async function publishTo(
  argv: readonly string[],
  circumstances: Circumstances & { readonly refuseAfter?: number; readonly onRequest?: (count: number) => void } = {},
) {
  const requests: Request[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      requests.push({ url: request.url ?? '', type: request.headers['content-type'] ?? '', body: body.toString('utf8') });
      circumstances.onRequest?.(requests.length);
      if (requests.length > (circumstances.refuseAfter ?? Infinity))
        response.writeHead(422).end(JSON.stringify({ code: 'EVENT_REJECTED', detail: '/total must be a number.' }));
      else response.writeHead(202).end(JSON.stringify({ accepted: 1, positions: [`p-${requests.length}`] }));
    });
  });
  const { url, close } = await serve(server);
  try {
    return { outcome: await runCli(['publish', ...argv, '--gateway', url, '--key', 'k'], circumstances), requests };
  } finally {
    await close();
  }
}

describe('publish', () => {
  test('sends what is given on the command line and prints the position', async () => {
    const { outcome, requests } = await publishTo(['orders/a b/created', '--data', '{"n":1}']);
    assert.deepEqual([outcome.exit, outcome.stdout], [0, 'p-1\n']);
    assert.deepEqual(requests, [{ url: '/orders/a%20b/created', type: 'application/json', body: '{"n":1}' }]);
  });

  test('sends each line of stdin as it arrives', async () => {
    const stdin = new PassThrough();
    stdin.write('{"n":1}\n');
    const { outcome, requests } = await publishTo(['x/y', '--json'], {
      stdin,
      // The second line is written only when the first has been published.
      onRequest: (count) => {
        if (count === 1) stdin.write('{"n":2}\r\n\n{"n":');
        if (count === 2) stdin.end('3}');
      },
    });
    assert.equal(outcome.exit, 0);
    assert.deepEqual(
      requests.map(({ body }) => body),
      ['{"n":1}', '{"n":2}', '{"n":3}'],
    );
    assert.deepEqual(
      outcome.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      [1, 2, 3].map((n) => ({ accepted: 1, positions: [`p-${n}`] })),
    );
  });

  test('sends a document over several lines as one event', async () => {
    const { requests } = await publishTo(['x/y'], { stdin: '{\n  "n": 1\n}\n' });
    assert.deepEqual(
      requests.map(({ body }) => JSON.parse(body) as unknown),
      [{ n: 1 }],
    );
  });

  test('sends a file, and says so when there is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    try {
      await writeFile(join(folder, 'events.ndjson'), '{"n":1}\n{"n":2}\n');
      const { requests } = await publishTo(['x/y', 'events.ndjson'], { cwd: folder });
      assert.equal(requests.length, 2);
      for (const more of [[], ['--content-type', 'image/png', '--type', 'a.b']]) {
        const { outcome } = await publishTo(['x/y', 'nothing.json', ...more], { cwd: folder });
        assert.equal(outcome.exit, 5);
        assert.match(outcome.stderr, /There is no file nothing\.json\./);
      }
      const { outcome } = await publishTo(['x/y', '.'], { cwd: folder });
      assert.equal(outcome.exit, 1);
      assert.match(outcome.stderr, /could not be read: EISDIR/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('stops at the first refusal and says how much was accepted before', async () => {
    const { outcome, requests } = await publishTo(['x/y'], { stdin: '{"n":1}\n{"n":2}\n{"n":3}\n', refuseAfter: 1 });
    assert.equal(outcome.exit, 7);
    assert.equal(requests.length, 2);
    assert.match(outcome.stderr, /1 accepted before/);
    assert.match(outcome.stderr, /\/total must be a number/);
  });

  test('names the broken line, after the lines before it were published', async () => {
    const stdin = new PassThrough();
    stdin.write('{"n":1}\n');
    const { outcome, requests } = await publishTo(['x/y'], { stdin, onRequest: () => stdin.end('broken\n') });
    assert.equal(requests.length, 1);
    assert.equal(outcome.exit, 7);
    assert.match(outcome.stderr, /Line 2 is not JSON/);
  });

  for (const [what, argv, stdin, exit] of [
    ['nothing', [], '', 7],
    ['no JSON', [], 'hello', 7],
    ['both data and a file', ['--data', '{}', 'file.json'], '', 2],
    ['attributes without a type', ['--data', '{}', '--subject', 's'], '', 2],
    ['one id for many lines', ['--id', '1', '--type', 't'], '{}\n{}\n', 2],
  ] as const) {
    test(`refuses ${what}`, async () => {
      const { outcome, requests } = await publishTo(['x/y', ...argv], { stdin });
      assert.equal(outcome.exit, exit, outcome.stderr);
      assert.equal(requests.length, 0);
    });
  }

  test('says that nobody listens', async () => {
    const { url, close } = await serve();
    await close();
    const outcome = await runCli(['publish', 'x/y', '--data', '{}', '--gateway', url, '--json']);
    assert.equal(outcome.exit, 8);
    assert.equal((JSON.parse(outcome.stderr) as { error: { exit: string } }).error.exit, 'network');
  });
});

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { describe, test } from 'node:test';
import { CliError, type ExitName } from '../exit-code.ts';
import { serve } from '../test-world.ts';
import { readBody, send } from './http.ts';
import { ManagementClient } from './management.ts';

async function withServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  use: (url: URL) => Promise<void>,
): Promise<void> {
  const { url, close } = await serve(createServer(answer));
  try {
    await use(new URL(url));
  } finally {
    await close();
  }
}

function failsWith(exit: ExitName, message: RegExp) {
  return (error: unknown) => error instanceof CliError && error.exit === exit && message.test(error.message);
}

describe('the management client', () => {
  test('sends token, body and precondition, and keeps odd names inside one path segment', async () => {
    const seen: string[] = [];
    await withServer(
      (request, response) => {
        seen.push(`${request.method} ${request.url} ${request.headers.authorization} ${request.headers['if-match']}`);
        response.end('{}');
      },
      async (url) => {
        const client = new ManagementClient(url, 'secret');
        await client.remove(['apis', '../x y/ö']);
        await client.get(['usage'], { by: 'type', api: undefined, from: '2026-01-01T00:00:00+01:00' });
      },
    );
    assert.deepEqual(seen, [
      'DELETE /api/v1/apis/..%2Fx%20y%2F%C3%B6 Bearer secret *',
      'GET /api/v1/usage?by=type&from=2026-01-01T00%3A00%3A00%2B01%3A00 Bearer secret undefined',
    ]);
  });

  test('follows a list page by page and stops when a page leads nowhere', async () => {
    const after: (string | null)[] = [];
    await withServer(
      (request, response) => {
        const query = new URL(request.url ?? '', 'http://x').searchParams;
        after.push(query.get('after'));
        const pages: Record<string, unknown> = {
          start: { items: [{ n: 1 }, { n: 2 }], next: 'b' },
          b: { items: [{ n: 3 }], next: 'c' },
          c: { items: [], next: 'c' },
        };
        response.end(JSON.stringify(pages[query.get('after') ?? 'start']));
      },
      async (url) => {
        const numbers: unknown[] = [];
        for await (const item of new ManagementClient(url, 't').items(['x'])) numbers.push(item['n']);
        assert.deepEqual(numbers, [1, 2, 3]);
      },
    );
    assert.deepEqual(after, [null, 'b', 'c']);
  });

  test('turns a problem document into its sentence and exit code, without letting it touch the terminal', async () => {
    await withServer(
      (_, response) =>
        response
          .writeHead(409, { 'content-type': 'application/problem+json' })
          .end(JSON.stringify({ code: 'CONFLICT', detail: 'It is \u001b[31mtaken.', status: 409 })),
      async (url) => {
        await assert.rejects(new ManagementClient(url, 't').post(['apis'], {}), failsWith('conflict', /^It is .\[31mtaken\.$/));
        await assert.rejects(
          new ManagementClient(url, 't').post(['apis'], {}),
          (error: unknown) => !(error as Error).message.includes('\u001b'),
        );
      },
    );
  });

  test('says that another server answered', async () => {
    await withServer(
      (_, response) => response.end('<html>'),
      async (url) => assert.rejects(new ManagementClient(url, 't').get(['status']), failsWith('failed', /is it the control URL/)),
    );
    await withServer(
      (_, response) => response.writeHead(500).end('<html>'),
      async (url) => assert.rejects(new ManagementClient(url, 't').get(['status']), failsWith('failed', /answered 500/)),
    );
  });

  test('says that nothing listens, that the answer is cut short, and that none comes', async () => {
    const tcp = createTcpServer((socket) => socket.resume().end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a"'));
    tcp.listen(0, '127.0.0.1');
    await new Promise((resolve) => tcp.once('listening', resolve));
    const { port } = tcp.address() as { port: number };
    const url = new URL(`http://127.0.0.1:${port}`);
    await assert.rejects(new ManagementClient(url, 't').get(['status']), failsWith('network', /failed/));
    await new Promise((resolve) => tcp.close(resolve));
    await assert.rejects(new ManagementClient(url, 't').get(['status']), failsWith('network', /Nothing listens at .* sluice up/));
    await withServer(
      () => undefined,
      async (silent) =>
        assert.rejects(send({ method: 'GET', url: silent, timeout: 50 }), failsWith('network', /no answer within 0\.05 seconds/)),
    );
  });

  test('does not wait for ever for the rest of an answer', async () => {
    await withServer(
      (_, response) => void response.writeHead(200).write('x'),
      async (url) => {
        const response = await send({ method: 'GET', url });
        await assert.rejects(readBody(response, url, 50), failsWith('network', /stalled/));
      },
    );
  });
});

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { RawRequest } from '../listeners/dispatch.ts';
import { readBody, type BodyLimits } from './read-body.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const maxBytes = 200_000;
const limits: BodyLimits = { maxBytes, take: () => undefined, begin: () => undefined };

function requestOf(): RawRequest & PassThrough {
  return Object.assign(new PassThrough(), { headers: {} }) as unknown as RawRequest & PassThrough;
}

describe('a body', () => {
  it('is what came, in however many pieces', async () => {
    for (const pieces of [[], ['whole'], ['w', 'ho', 'le'], ['', 'whole', '']]) {
      const request = requestOf();
      const body = readBody(request, limits);
      for (const piece of pieces) request.write(piece);
      request.end();
      assert.equal((await body).toString(), pieces.join(''));
    }
  });

  it('that comes byte by byte is kept in about as much memory as it has bytes', async () => {
    const request = requestOf();
    const body = readBody(request, limits);
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let sent = 0; sent < maxBytes; sent += 1) request.emit('data', Buffer.from('x'));
    collect();
    const kept = process.memoryUsage().heapUsed - before;
    assert.ok(kept < 20 * maxBytes, `${kept} bytes of heap for ${maxBytes} of body`);
    request.end();
    request.resume();
    assert.equal((await body).length, maxBytes);
  });
});

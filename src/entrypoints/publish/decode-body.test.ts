import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { decodeBody } from './decode-body.ts';

const request = { headers: { 'content-type': 'application/cloudevents-batch+json' }, rawHeaders: [] };
const defaults = { type: undefined, source: '/s' };
const batch = (count: number, last: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify(
      Array.from({ length: count }, (_, n) => ({
        specversion: '1.0',
        id: `${n}`,
        source: '/s',
        type: 't',
        ...(n === count - 1 ? last : {}),
      })),
    ),
  );

describe('a long batch', () => {
  test('is read over many turns of the loop, in which others have theirs', async () => {
    let turns = 0;
    let isOver = false;
    const decoded = Promise.resolve(decodeBody(request, batch(10_000), defaults)).finally(() => (isOver = true));
    for (; !isOver; turns += 1) await nextTurn();
    const events = await decoded;
    assert.deepEqual(
      events.map(({ id }) => Number(id)),
      Array.from({ length: 10_000 }, (_, n) => n),
    );
    assert.ok(turns >= 4, `it took ${turns} turns`);
  });

  test('is refused as a whole for its last event', async () => {
    await assert.rejects(decodeBody(request, batch(5000, { time: 'noon' }), defaults), { code: 'INVALID_EVENT', message: /time/ });
    await assert.rejects(decodeBody(request, batch(10_001), defaults), { code: 'INVALID_EVENT', message: /at most 10000 events/ });
  });
});

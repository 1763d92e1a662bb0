import assert from 'node:assert/strict';
import { test } from 'node:test';
import { draft, ids } from '../testing/backbone-events.ts';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import { withinHorizon } from './horizon.ts';

test('no place of an address lies before the horizon, however it is named, and places of other addresses stay as they are', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1000 });
  const backbone = new MemoryBackbone();
  const channel = { log: 'l', address: 'mine' };
  const [old] = await backbone.publish(channel, [draft('old')]);
  t.mock.timers.setTime(2000);
  const horizon = { address: 'mine', since: 2000 };
  const places = withinHorizon(backbone, horizon, 'mine');
  const readFrom = async (from: Parameters<typeof places.locate>[1]): Promise<readonly string[]> =>
    ids((await places.read({ channel, after: await places.locate(channel, from), limit: 9 })).events);
  const before = [
    { at: 'earliest' },
    { at: 'newest' },
    { at: 'time', time: 500 },
    { at: 'position', position: await backbone.locate(channel, { at: 'earliest' }) },
  ] as const;
  for (const from of before) assert.deepEqual(await readFrom(from), [], from.at);
  const [first, second] = await backbone.publish(channel, [draft('a'), draft('b')]);
  for (const from of before) assert.deepEqual(await readFrom(from), from.at === 'newest' ? ['b'] : ['a', 'b'], from.at);
  assert.deepEqual(await readFrom({ at: 'position', position: old!.position }), ['a', 'b']);
  assert.deepEqual(await readFrom({ at: 'position', position: first!.position }), ['b']);
  assert.equal(await places.locate(channel, { at: 'latest' }), second!.position);
  assert.equal(withinHorizon(backbone, horizon, 'others'), backbone);
  assert.equal(withinHorizon(backbone, undefined, 'mine'), backbone);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Feed } from '../core/feed.ts';
import type { Tally } from '../core/meter.ts';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import { liveSource } from './event-source.ts';

const draft = (id: string) => ({ id, source: '/s', type: 't', extensions: {}, data: undefined, dataKind: 'json' }) as const;

describe('the live end of a channel', () => {
  test('is reached also by a place past it, since the log goes on with other channels', async () => {
    const backbone = new MemoryBackbone();
    const [channel, other] = [
      { log: 'default/api', address: 'quiet' },
      { log: 'default/api', address: 'busy' },
    ];
    const feed = await Feed.open(backbone, channel, () => ({}) as Tally);
    const source = liveSource({ backbone, feed });
    await backbone.publish(other, [draft('1'), draft('2')]);
    const place = await backbone.locate(channel, { at: 'time', time: Date.now() + 1000 });
    assert.notEqual(place, feed.position);
    assert.ok(source.isAtEnd(place));
    await backbone.publish(channel, [draft('3')]);
    assert.ok(!source.isAtEnd(place));
    source.enter();
    const { events, position } = await source.next(place);
    source.exit();
    assert.deepEqual(
      events.map(({ id }) => id),
      ['3'],
    );
    assert.ok(source.isAtEnd(position));
    await feed.close();
  });
});

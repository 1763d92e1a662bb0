import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import type { ReadRequest, ReadResult } from './backbone.ts';
import type { EventDraft } from './event.ts';
import { Feed } from './feed.ts';
import type { Position } from './position.ts';

const channel = { log: 'default/test', address: 'a' };

class CountingBackbone extends MemoryBackbone {
  reads = 0;

  override read(request: ReadRequest): Promise<ReadResult> {
    this.reads += 1;
    return super.read(request);
  }
}

function draft(id: string, bytes = 0): EventDraft {
  return { id, source: '/t', type: 't', extensions: {}, data: new Uint8Array(bytes), dataKind: 'binary' };
}

/** Everything up to the feed's position, and then waits for more: what somebody does who moves a cursor of his own. */
async function follow(feed: Feed, seen: string[], wanted: number): Promise<void> {
  let position: Position = feed.position;
  while (seen.length < wanted) {
    if (position === feed.position) await new Promise<void>((resolve) => feed.onNext(resolve));
    feed.behind.enter();
    const { events, position: reached } = await feed.behind.next(position);
    feed.behind.exit();
    seen.push(...events.map(({ id }) => id));
    position = reached;
  }
}

describe('a feed', () => {
  let backbone: CountingBackbone;
  let feed: Feed;

  beforeEach(async () => {
    backbone = new CountingBackbone();
    feed = await Feed.open(backbone, channel, () => assert.fail('nobody joins'));
  });
  afterEach(() => feed.close());

  test('hands those who wait for it what comes in, so that nobody reads it back', async () => {
    const seen: string[][] = [[], [], []];
    const following = seen.map((ids) => follow(feed, ids, 5));
    await backbone.publish(channel, [draft('1')]);
    await setImmediate();
    // Two batches in one turn, and one of several events.
    await Promise.all([backbone.publish(channel, [draft('2')]), backbone.publish(channel, [draft('3'), draft('4')])]);
    await backbone.publish(channel, [draft('5')]);
    await Promise.all(following);
    for (const ids of seen) assert.deepEqual(ids, ['1', '2', '3', '4', '5']);
    assert.equal(backbone.reads, 0);
  });

  test('lets them read back what is more than one read', async () => {
    const seen: string[] = [];
    const following = follow(feed, seen, 600);
    const ids = Array.from({ length: 600 }, (_, index) => `${index}`);
    await backbone.publish(
      channel,
      ids.map((id) => draft(id)),
    );
    await following;
    assert.deepEqual(seen, ids);
    assert.equal(backbone.reads, 2);
  });

  test('calls nobody any more once it is closed', async () => {
    let calls = 0;
    feed.onNext(() => (calls += 1));
    await backbone.publish(channel, [draft('1')]);
    await feed.close();
    await setImmediate();
    assert.equal(calls, 0);
  });
});

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import type { Channel, Consumer, ReadRequest, ReadResult, Receive } from './backbone.ts';
import { Event, type EventDraft, type WireFormat } from './event.ts';
import { Feed } from './feed.ts';
import type { FeedReader } from './group.ts';
import type { ReaderAccount } from './meter.ts';
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

/** Hands events over itself, to see what it is answered. */
class HandingBackbone extends MemoryBackbone {
  receive: Receive = () => assert.fail('nobody consumes');

  override async consume(channel: Channel, receive: Receive): Promise<Consumer> {
    this.receive = receive;
    return await super.consume(channel, receive);
  }
}

const nothing = (): void => undefined;
const words: WireFormat = { name: 'words', encode: ({ id }) => Buffer.from(id), encodeGap: () => Buffer.alloc(0) };

function readerOf(onEvents: (n: number) => void): FeedReader {
  const write = (_buffer: Buffer, n: number): boolean => {
    onEvents(n);
    return true;
  };
  return {
    sink: { format: words, buffered: 0, write, end: nothing },
    format: words,
    filter: undefined,
    governor: { allow: (n) => n, delivered: nothing, limited: () => undefined, outbox: undefined },
    account: { join: nothing, leave: nothing } as unknown as ReaderAccount,
    isLevel: true,
    group: undefined,
    seat: -1,
    changes: undefined,
    knows: () => true,
    take: nothing,
    left: nothing,
    block: nothing,
    fail: (error) => assert.fail(error as Error),
  };
}

describe('a feed whose readers are served more slowly than events come in', () => {
  test('lets the log wait until half of what waits here has gone out, and no longer than they are there', async () => {
    const backbone = new HandingBackbone();
    const feed = await Feed.open(backbone, channel, () => ({ charge: nothing }));
    let seq = 0;
    const hand = (count: number): void | Promise<void> => {
      const events = Array.from({ length: count }, () => new Event(draft('e'), 'a', `memory-${(seq += 1)}` as Position, 0));
      return backbone.receive(events, events.at(-1)!.position);
    };
    let written = 0;
    const reader = readerOf((n) => (written += n));
    feed.join(reader);
    for (let batch = 0; batch < 3; batch += 1) assert.equal(hand(10_000), undefined);
    const room = hand(10_000);
    assert.ok(room instanceof Promise);
    await room;
    assert.ok(written >= 40_000 - 32_768 / 2 && written < 40_000, `${written} written`);
    const waiting = hand(40_000);
    feed.leave(reader);
    await waiting;
    assert.equal(hand(100_000), undefined, 'nobody is there');
    await feed.close();
  });
});

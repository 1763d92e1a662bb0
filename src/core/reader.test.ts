import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import { until } from '../testing/until.ts';
import type { Sink } from './entrypoint.ts';
import { GatewayError } from './errors.ts';
import type { EventDraft, WireFormat } from './event.ts';
import { Feed } from './feed.ts';
import type { Governor } from './group.ts';
import type { ReaderAccount } from './meter.ts';
import type { OutboxBound } from './policy.ts';
import type { Position } from './position.ts';
import { LiveReader } from './reader.ts';
import { Turns } from './turns.ts';

const channel = { log: 'default/test', address: 'a' };
const nothing = (): void => undefined;
const words: WireFormat = {
  name: 'words',
  encode: ({ id }) => Buffer.from(`${id} `),
  encodeGap: ({ after, upTo, events }) => Buffer.from(`gap(${after},${upTo},${events}) `),
};

function draft(id: string): EventDraft {
  return { id, source: '/t', type: 't', extensions: {}, data: Buffer.alloc(1), dataKind: 'binary' };
}

function accountAt(position: Position): ReaderAccount {
  const plain = { charge: nothing, chargeLate: nothing, takeBack: nothing, join: nothing, leave: nothing, drop: nothing };
  return { id: 'r', cursor: position, charged: position, ...plain, confirm: nothing, state: nothing, close: nothing };
}

/** A client's socket that is full after each write until the client reads. */
class SmallSocket implements Sink {
  readonly format = words;
  buffered = 0;
  text = '';
  isRoomy = true;
  /** Events that came though it had said that it is full. */
  forced = 0;

  write(buffer: Buffer, n: number): boolean {
    if (this.buffered > 0) this.forced += n;
    this.text += buffer.toString();
    if (!this.isRoomy) this.buffered += buffer.length;
    return this.isRoomy;
  }

  end(reason: GatewayError): void {
    assert.fail(reason);
  }
}

/** One reader, whose limit has windows that begin when the test says so. */
class World {
  readonly backbone = new MemoryBackbone();
  readonly socket = new SmallSocket();
  readonly feed: Feed;
  readonly reader: LiveReader;
  #left = Infinity;
  #held: (() => void) | undefined;

  private constructor(feed: Feed, backbone: MemoryBackbone) {
    this.feed = feed;
    this.backbone = backbone;
    this.reader = new LiveReader({
      feed,
      backbone,
      account: accountAt(feed.position),
      sink: this.socket,
      format: words,
      filter: undefined,
      governor: this.governor(undefined),
      turns: new Turns(),
      schedule: (_at, callback) => {
        this.#held = callback;
        return nothing;
      },
      onLimited: nothing,
      onBug: (error) => assert.fail(error as Error),
      onClosed: nothing,
    });
    this.reader.start();
  }

  static async open(): Promise<World> {
    const backbone = new MemoryBackbone();
    return new World(await Feed.open(backbone, channel, () => ({ charge: nothing })), backbone);
  }

  governor(outbox: OutboxBound | undefined): Governor {
    return {
      outbox,
      // Without rest between flushes, so that nothing depends on the time.
      flush: { maxDelay: 0, maxBytes: 1_000_000, maxEvents: 1000 },
      allow: (n) => Math.min(n, this.#left),
      delivered: (n) => void (this.#left -= n),
      limited: () => ({ error: new GatewayError('LIMIT_REACHED', 'enough'), action: 'pause', until: 1 }),
    };
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** A window of the limit begins. */
  window(quota: number): void {
    this.#left = quota;
    const go = this.#held;
    this.#held = undefined;
    go?.();
  }

  async publish(...ids: readonly string[]): Promise<void> {
    await this.backbone.publish(channel, ids.map(draft));
    await turns();
  }

  drain(): void {
    this.socket.buffered = 0;
    this.reader.drained();
  }

  async close(): Promise<void> {
    this.reader.close();
    await this.feed.close();
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 6; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('a reader', () => {
  it('whose socket is full gets nothing more because a window of its limit begins', async () => {
    const world = await World.open();
    const { socket } = world;
    socket.isRoomy = false;
    world.window(2);
    await world.publish('1', '2', '3', '4', '5', '6');
    assert.equal(socket.text, '1 2 ');
    for (let window = 0; window < 5; window += 1) {
      world.window(2);
      await turns();
    }
    assert.equal(socket.text, '1 2 ');
    world.drain();
    await turns();
    assert.equal(socket.text, '1 2 3 4 ');
    world.drain();
    socket.isRoomy = true;
    await until(
      async () => world.isHeld,
      () => 'no limit holds it',
    );
    world.window(2);
    await turns();
    assert.equal(socket.text, '1 2 3 4 5 6 ');
    assert.equal(socket.forced, 0);
    await world.close();
  });

  it('is told what was dropped before anything else also where its plan pauses it meanwhile', async () => {
    const world = await World.open();
    const { socket, reader } = world;
    const bound = { maxBytes: undefined, maxEvents: 2 };
    reader.govern(world.governor({ ...bound, overflow: 'drop-oldest' }));
    await turns();
    socket.isRoomy = false;
    await world.publish('1');
    const first = reader.position;
    await world.publish('2', '3', '4', '5');
    const third = reader.position;
    reader.govern(world.governor({ ...bound, overflow: 'pause' }));
    await world.publish('6');
    assert.equal(socket.text, '1 ');
    socket.isRoomy = true;
    world.drain();
    await turns();
    assert.equal(socket.text, `1 gap(${first},${third},2) 4 5 6 `);
    await world.close();
  });
});

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import { until } from '../testing/until.ts';
import type { Filter } from './batch.ts';
import { Newest, type Conflation } from './conflation.ts';
import { Event, type EventDraft, type WireFormat } from './event.ts';
import { Feed } from './feed.ts';
import type { Governor } from './group.ts';
import type { Batch, ReaderAccount, Tally } from './meter.ts';
import type { Position } from './position.ts';
import { LiveReader } from './reader.ts';
import { Turns } from './turns.ts';

const channel = { log: 'default/test', address: 'a' };
const bySubject = { keyOf: ({ subject }: Event) => subject };

function draft(id: string, subject?: string, bytes = 1): EventDraft {
  return { id, source: '/t', type: 't', subject, extensions: {}, data: Buffer.alloc(bytes), dataKind: 'binary' };
}

function events(...of: readonly (readonly [string, string?])[]): readonly Event[] {
  return of.map(([id, subject], index) => new Event(draft(id, subject), 'a', `${index}` as Position, 0));
}

function idsOf(of: readonly Event[]): readonly string[] {
  return of.map(({ id }) => id);
}

describe('the newest of each key', () => {
  it('stay in their order with all that have no key, counted in events and bytes as they come and go', () => {
    const newest = new Newest(bySubject);
    const added = events(['1', 'a'], ['2', 'b'], ['3', 'a'], ['4']).map((event) => newest.add(event));
    assert.deepEqual(added, [false, false, true, false]);
    assert.deepEqual([newest.size, newest.bytes], [3, 3]);
    assert.deepEqual(idsOf(newest.take()), ['2', '3', '4']);
    assert.deepEqual([newest.size, newest.bytes, newest.take().length], [0, 0, 0]);
  });
});

/** Readers of one conflated feed, what each was written, and what all were charged. */
class World {
  readonly backbone = new MemoryBackbone();
  readonly charged: Batch[] = [];
  encoded = 0;
  #feed: Promise<Feed> | undefined;
  readonly format: WireFormat = {
    name: 'lines',
    encode: ({ id }) => {
      this.encoded += 1;
      return Buffer.from(`${id} `);
    },
    encodeGap: () => Buffer.alloc(0),
  };

  open(): Promise<Feed> {
    const tally: Tally = { charge: (batch) => void this.charged.push(batch) };
    this.#feed ??= Feed.open(this.backbone, channel, () => tally);
    return this.#feed;
  }

  async read(conflation: Conflation, from?: Position): Promise<{ readonly reader: LiveReader; readonly writes: string[] }> {
    const feed = await this.open();
    const writes: string[] = [];
    const write = (buffer: Buffer): boolean => {
      writes.push(buffer.toString().trim());
      return true;
    };
    const filter: Filter = { key: `${conflation.interval}`, test: ({ id }) => !id.startsWith('x'), conflation };
    const reader = new LiveReader({
      feed,
      backbone: this.backbone,
      account: accountAt(from ?? feed.position),
      sink: { format: this.format, buffered: 0, write, end: () => undefined },
      format: this.format,
      filter,
      governor,
      turns: new Turns(),
      schedule: () => () => undefined,
      onLimited: () => undefined,
      onBug: (error) => assert.fail(error as Error),
      onClosed: () => undefined,
    });
    reader.start();
    return { reader, writes };
  }

  async publish(...of: readonly EventDraft[]): Promise<void> {
    await this.backbone.publish(channel, of);
    await turns();
  }
}

/** As many turns of the loop as it takes until what was published is written. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const governor: Governor = { allow: (n) => n, delivered: () => undefined, limited: () => undefined, outbox: undefined };

function accountAt(position: Position): ReaderAccount {
  const nothing = (): void => undefined;
  return {
    id: 'r',
    cursor: position,
    charged: position,
    charge: nothing,
    chargeLate: nothing,
    takeBack: nothing,
    join: nothing,
    leave: nothing,
    drop: nothing,
    confirm: nothing,
    state: nothing,
    close: nothing,
  };
}

/** A flush takes no time, so that no lane rests after it. */
function standStill({ mock }: TestContext): void {
  mock.method(performance, 'now', () => 1000);
}

const long = { ...bySubject, interval: 3_600_000 };

describe('conflated readers', () => {
  it('get the first event at once, and after the interval the newest of each key, encoded once', async (context) => {
    let now = 1000;
    context.mock.method(performance, 'now', () => now);
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const world = new World();
    const conflation = { ...bySubject, interval: 80 };
    const readers = await Promise.all([1, 2, 3].map(() => world.read(conflation)));
    const [{ writes, reader }] = readers as [(typeof readers)[0]];
    await world.publish(draft('1', 'a'));
    assert.deepEqual(writes, ['1']);
    const before = reader.position;
    await world.publish(draft('2', 'a'), draft('3', 'b'));
    await world.publish(draft('4', 'a'), draft('x', 'a'));
    assert.deepEqual(writes, ['1']);
    assert.equal(reader.position, before, 'nothing that waits is passed');
    now += 80;
    context.mock.timers.tick(80);
    await turns();
    for (const each of readers) assert.deepEqual(each.writes, ['1', '3 4']);
    assert.equal(reader.position, (await world.open()).position);
    assert.equal(world.encoded, 3);
    assert.deepEqual(
      world.charged.map((batch) => [batch.events.length, batch.filtered]),
      [
        [1, 0],
        [2, 2],
      ],
    );
    for (const each of readers) each.reader.close();
    await (await world.open()).close();
  });

  it('move on past what the filter takes out', async (context) => {
    standStill(context);
    const world = new World();
    const { reader, writes } = await world.read(long);
    await world.publish(draft('x1', 'a'));
    assert.equal(reader.position, (await world.open()).position);
    await world.publish(draft('1', 'a'));
    assert.deepEqual(writes, ['1']);
    reader.close();
    await (await world.open()).close();
  });

  it('who are behind get the newest of each key of all they missed', async () => {
    const world = new World();
    const start = (await world.open()).position;
    await world.backbone.publish(
      channel,
      Array.from({ length: 2000 }, (_, n) => draft(`${n}`, n === 7 ? 'rare' : `s${n % 3}`)),
    );
    const { reader, writes } = await world.read(long, start);
    await until(
      async () => reader.position === (await world.open()).position,
      () => 'it did not catch up',
    );
    assert.deepEqual(writes, ['7 1997 1998 1999']);
    await world.backbone.publish(
      channel,
      Array.from({ length: 10_600 }, (_, n) => draft(`many${n}`, `many${n}`)),
    );
    const other = await world.read(long, start);
    await until(
      async () => other.reader.position === (await world.open()).position,
      () => 'it did not catch up with many keys',
    );
    assert.deepEqual(
      other.writes.map((write) => write.split(' ').length),
      [10_292, 312],
      'what is gathered has a bound',
    );
    reader.close();
    other.reader.close();
    await (await world.open()).close();
  });

  it('do not wait for the interval when too much waits', async (context) => {
    standStill(context);
    const world = new World();
    const { reader, writes } = await world.read(long);
    await world.publish(draft('first', 'a'));
    await world.publish(draft('large', 'b', 4 * 1024 * 1024));
    assert.deepEqual(writes, ['first', 'large']);
    await world.publish(draft('small', 'b'));
    assert.equal(writes.length, 2);
    await world.publish(...Array.from({ length: 10_000 }, (_, n) => draft(`${n}`, `s${n}`)));
    for (let looks = 0; writes.at(-1)?.endsWith('9999') !== true; looks += 1) {
      assert.ok(looks < 100, 'what was too many did not come');
      await turns();
    }
    assert.match(writes[2] as string, /^small 0 1 /);
    reader.close();
    await (await world.open()).close();
  });

  it('who leave while something waits begin before it when they come back; who come get nothing twice', async (context) => {
    standStill(context);
    const world = new World();
    const first = await world.read(long);
    await world.publish(draft('1', 'a'));
    const place = first.reader.position;
    await world.publish(draft('2', 'b'));
    const second = await world.read(long);
    await world.publish(draft('3', 'c'));
    first.reader.close();
    assert.equal(first.reader.position, place);
    await world.publish(draft('large', 'd', 4 * 1024 * 1024));
    assert.deepEqual(first.writes, ['1']);
    assert.equal(second.writes.join(' '), '3 large');
    second.reader.close();
    await (await world.open()).close();
  });

  it('who come back to a channel where events never stop come level, and from then on keep to the interval', async () => {
    const world = new World();
    const start = (await world.open()).position;
    await world.publish(draft('old', 'a'));
    let isOver = false;
    let published = 0;
    const publishing = (async () => {
      for (; !isOver; published += 1) {
        void world.backbone.publish(channel, [draft(`${published}`, 'a')]);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const { reader, writes } = await world.read({ ...bySubject, interval: 60_000 }, start);
    await until(
      async () => writes.length > 0,
      () => 'it was given nothing while events went on',
    );
    const given = writes.length;
    const upTo = published + 200;
    await until(
      async () => published > upTo,
      () => 'publishing stopped',
    );
    assert.ok(writes.length <= given + 3, `${writes.length - given} deliveries within an interval`);
    isOver = true;
    await publishing;
    reader.close();
    await (await world.open()).close();
  });
});

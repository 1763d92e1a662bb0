import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Event, type WireFormat } from './event.ts';
import type { FeedReader, Governor, Group } from './group.ts';
import { Lane } from './lane.ts';
import type { Batch, ReaderAccount, Tally } from './meter.ts';
import type { FlushBound } from './policy.ts';
import type { Position } from './position.ts';

const lines: WireFormat = {
  name: 'lines',
  encode: ({ id }) => Buffer.from(`${id}\n`),
  encodeGap: () => Buffer.alloc(0),
};

/** A reader that writes down what it is given, and how. */
class Recorder implements FeedReader {
  readonly format = lines;
  readonly filter = undefined;
  readonly governor: Governor;
  readonly written: string[] = [];
  readonly alone: string[] = [];
  readonly account: ReaderAccount;
  joined = 0;
  isLevel = true;
  isFull = false;
  isBroken = false;
  failure: unknown;
  group: Group | undefined = undefined;
  seat = -1;
  changes = undefined;
  at: Position | undefined;
  onWrite: () => void = () => undefined;

  constructor(governor: Governor) {
    this.governor = governor;
    this.account = { join: () => (this.joined += 1), leave: () => (this.joined -= 1) } as unknown as ReaderAccount;
  }

  readonly sink = {
    format: lines,
    buffered: 0,
    write: (buffer: Buffer): boolean => {
      if (this.isBroken) throw new Error('broken');
      this.written.push(buffer.toString());
      this.onWrite();
      return !this.isFull;
    },
    end: () => undefined,
  };

  take(_batch: Batch, buffer: Buffer): void {
    this.alone.push(buffer.toString());
  }

  knows(): boolean {
    return true;
  }

  left(position: Position): void {
    this.at = position;
  }

  block(): void {
    this.isLevel = false;
    lane.single(this);
  }

  fail(error: unknown): void {
    this.failure = error;
    lane.remove(this);
  }
}

class Allowance implements Governor {
  readonly outbox = undefined;
  left = Infinity;
  asked = 0;

  allow(n: number): number {
    this.asked += 1;
    return Math.min(n, this.left);
  }

  delivered(n: number): void {
    this.left -= n;
  }

  limited(): undefined {
    return undefined;
  }
}

let lane: Lane;
let charged: Batch[];
let next = 0;

function open(bound: Partial<FlushBound> = {}): void {
  charged = [];
  const tally: Tally = { charge: (batch) => void charged.push(batch) };
  lane = new Lane({ maxDelay: 0, maxBytes: 1_000_000, maxEvents: 1000, ...bound }, '0' as Position, () => tally);
}

function publish(...ids: string[]): void {
  const events = ids.map((id) => {
    next += 1;
    const draft = { id, source: '/t', type: 't', extensions: {}, data: Buffer.from('123'), dataKind: 'json' as const };
    return new Event(draft, 'a', `${next}` as Position, 0);
  });
  lane.receive(events, `${next}` as Position);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a lane', () => {
  it('flushes what one turn brought as one buffer, asking and charging once for all readers of a subscription', async () => {
    open();
    const governor = new Allowance();
    const readers = [new Recorder(governor), new Recorder(governor), new Recorder(governor)];
    for (const reader of readers) lane.add(reader);
    publish('a', 'b');
    publish('c');
    await turn();
    for (const { written, alone, joined } of readers) assert.deepEqual([written, alone, joined], [['a\nb\nc\n'], [], 1]);
    assert.equal(governor.asked, 1);
    assert.equal(charged.length, 1);
    assert.equal(lane.position, `${next}`);
  });

  it('serves each by itself where a limit does not let all have it, and together again afterwards', async () => {
    open();
    const governor = new Allowance();
    const readers = [new Recorder(governor), new Recorder(governor)];
    for (const reader of readers) lane.add(reader);
    governor.left = 1;
    publish('a');
    await turn();
    for (const { written, alone, joined } of readers) assert.deepEqual([written, alone, joined], [[], ['a\n'], 0]);
    governor.left = Infinity;
    publish('b');
    await turn();
    for (const { written } of readers) assert.deepEqual(written, ['b\n']);
  });

  it('tells a reader that leaves how far it came, and hands a full one each flush by itself', async () => {
    open();
    const governor = new Allowance();
    const [full, other] = [new Recorder(governor), new Recorder(governor)];
    lane.add(full);
    lane.add(other);
    full.isFull = true;
    publish('a');
    await turn();
    assert.deepEqual([full.at, full.group, full.joined], [lane.position, undefined, 0]);
    publish('b');
    await turn();
    assert.deepEqual([full.written, full.alone], [['a\n'], ['b\n']]);
    assert.deepEqual(other.written, ['a\n', 'b\n']);
    lane.remove(other);
    assert.equal(other.at, lane.position);
    lane.remove(full);
    assert.ok(lane.isEmpty);
  });

  it('goes on with the others when one is broken, or leaves in the middle of a flush', async () => {
    open();
    const governor = new Allowance();
    const readers = Array.from({ length: 6 }, () => new Recorder(governor));
    const [first, second, third, fourth, ...rest] = readers as [Recorder, Recorder, Recorder, Recorder, ...Recorder[]];
    for (const reader of readers) lane.add(reader);
    second.isBroken = true;
    third.onWrite = () => {
      lane.remove(third);
      lane.remove(fourth);
      lane.remove(first);
      third.onWrite = () => undefined;
    };
    publish('a');
    await turn();
    publish('b');
    await turn();
    assert.match(String(second.failure), /broken/);
    assert.deepEqual([first.written, third.written, fourth.written], [['a\n'], ['a\n'], []]);
    for (const { written } of rest) assert.deepEqual(written, ['a\n', 'b\n']);
  });

  it('never writes more events or bytes at once than the plan says', async () => {
    open({ maxEvents: 2 });
    const reader = new Recorder(new Allowance());
    lane.add(reader);
    publish('a', 'b', 'c', 'd', 'e');
    for (let turns = 0; turns < 5; turns += 1) await turn();
    assert.deepEqual(reader.written, ['a\nb\n', 'c\nd\n', 'e\n']);
    open({ maxBytes: 7 });
    const other = new Recorder(new Allowance());
    lane.add(other);
    publish('a', 'b', 'c');
    for (let turns = 0; turns < 5; turns += 1) await turn();
    assert.deepEqual(other.written, ['a\nb\n', 'c\n']);
  });

  it('rests after a flush in proportion to what that took, at most as long as the plan lets it, unless it is full', async (context) => {
    let now = 1000;
    context.mock.method(performance, 'now', () => now);
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const pass = async (milliseconds: number): Promise<void> => {
      now += milliseconds;
      context.mock.timers.tick(milliseconds);
      await turn();
    };
    open({ maxDelay: 20, maxEvents: 4 });
    const reader = new Recorder(new Allowance());
    lane.add(reader);
    const takeFor = (milliseconds: number): void => {
      reader.onWrite = () => {
        now += milliseconds;
        reader.onWrite = () => undefined;
      };
    };
    takeFor(8);
    publish('a');
    await turn();
    publish('b');
    await pass(11);
    publish('c');
    await turn();
    assert.deepEqual(reader.written, ['a\n']);
    takeFor(40);
    await pass(1);
    assert.deepEqual(reader.written, ['a\n', 'b\nc\n']);
    publish('d');
    await pass(19);
    assert.equal(reader.written.length, 2);
    takeFor(40);
    await pass(1);
    assert.equal(reader.written.length, 3);
    publish('e', 'f', 'g', 'h');
    await turn();
    assert.equal(reader.written.length, 4, 'a full lane does not rest');
  });
});

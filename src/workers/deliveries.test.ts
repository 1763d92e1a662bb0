import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Sink } from '../core/entrypoint.ts';
import { CommonPace } from './common-pace.ts';
import { DeliveryWriter } from './delivery-writer.ts';
import type { Deliveries } from './messages.ts';
import { Outgoing } from './outgoing.ts';
import { SinkBoard } from './sink-board.ts';
import { randomOf } from '../testing/seeded-random.ts';

const highWaterMark = 64 * 1024;

/** A client's socket: takes everything, says when it is full, and empties as the test wants. */
class Socket implements Sink {
  readonly format = { name: 'test', encode: () => Buffer.alloc(0), encodeGap: () => Buffer.alloc(0) };
  readonly written: Buffer[] = [];
  buffered = 0;
  isFull = false;

  write(buffer: Buffer): boolean {
    this.written.push(buffer);
    this.buffered += buffer.length;
    if (this.buffered >= highWaterMark) this.isFull = true;
    return !this.isFull;
  }

  end(): void {}

  /** True: it was full and is empty. */
  drain(bytes: number): boolean {
    this.buffered -= Math.min(bytes, this.buffered);
    if (!this.isFull || this.buffered > 0) return false;
    this.isFull = false;
    return true;
  }

  get text(): string {
    return Buffer.concat(this.written).toString('latin1');
  }
}

/** Both ends of a link, with what lies between under the test's control. */
class Link {
  readonly outgoing: Outgoing;
  readonly writer: DeliveryWriter;
  readonly sockets: readonly Socket[];
  /** Slots that were told to hold back. */
  readonly full = new Set<number>();
  readonly onWay: Deliveries[] = [];
  /** Memory of this worker and another. */
  readonly pace = CommonPace.memoryFor(2);
  readonly flush = { maxDelay: 5, maxBytes: 256 * 1024, maxEvents: 3 };

  constructor(sinks: number) {
    const board = new SinkBoard();
    this.outgoing = new Outgoing(board, { schedule: () => undefined, post: () => this.post() });
    this.writer = new DeliveryWriter({
      board: new SinkBoard(board.memory),
      pace: new CommonPace(this.pace, 0),
      onRoom: (slots) => {
        for (const slot of slots) this.full.delete(slot);
      },
      onBug: (error) => assert.fail(String(error)),
    });
    this.sockets = Array.from({ length: sinks }, () => new Socket());
    for (const [slot, socket] of this.sockets.entries()) this.writer.open(slot, socket);
  }

  hand(slot: number, buffer: Buffer): boolean {
    const hasRoom = this.outgoing.hand({ slot, flush: this.flush }, buffer, 1);
    if (!hasRoom) this.full.add(slot);
    return hasRoom;
  }

  post(): void {
    const taken = this.outgoing.take();
    if (taken !== undefined) this.onWay.push(structuredClone(taken.message, { transfer: taken.transfer }));
  }

  arrive(): void {
    const message = this.onWay.shift();
    if (message !== undefined) this.writer.take(message);
  }

  drain(slot: number, bytes: number): void {
    if (this.sockets[slot]?.drain(bytes) === true) this.writer.drained(slot);
  }

  settle(): void {
    this.post();
    while (this.onWay.length > 0) this.arrive();
    this.writer.write();
    for (const slot of this.sockets.keys()) this.drain(slot, Infinity);
  }
}

describe('deliveries to a worker', () => {
  test('reach every sink whole and in order, and whoever was told to hold back is told of room', (t) => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    t.diagnostic(`seed ${seed}`);
    const random = randomOf(seed);
    const up = (to: number): number => Math.floor(random() * to);
    for (let round = 0; round < 30; round += 1) {
      const count = 1 + up(12);
      const link = new Link(count);
      const expected = Array.from({ length: count }, () => '');
      let events = 0;
      const some = (): number[] => Array.from({ length: count }, (_, slot) => slot).filter(() => random() < 0.7);
      const steps: (() => void)[] = [
        () => {
          events += 1;
          const buffer = Buffer.from(`${events};`.padEnd(1 + up(random() < 0.1 ? 90_000 : 300), '.'), 'latin1');
          for (const slot of random() < 0.5 ? [...expected.keys()] : some()) {
            // A gap is told also to who is full.
            if (link.full.has(slot) && random() < 0.95) continue;
            link.hand(slot, buffer);
            expected[slot] += buffer.toString('latin1');
          }
        },
        () => link.post(),
        () => link.arrive(),
        () => link.writer.write(),
        () => link.drain(up(count), up(2) === 0 ? Infinity : up(70_000)),
      ];
      for (let step = 0; step < 400; step += 1) (steps[up(steps.length)] as () => void)();
      for (let step = 0; step < 3; step += 1) link.settle();
      for (const [slot, socket] of link.sockets.entries()) {
        assert.ok(socket.text === expected[slot], `sink ${slot} of ${count} got something else in round ${round}`);
        assert.ok(link.outgoing.buffered(slot) < highWaterMark, `${link.outgoing.buffered(slot)} bytes are said to wait`);
      }
      assert.deepEqual([...link.full], []);
      assert.equal(link.outgoing.inFlight, 0);
    }
  });

  test('cross once for all sinks that are handed the same buffer', () => {
    const link = new Link(1000);
    const buffer = Buffer.alloc(500, 'x');
    for (let slot = 0; slot < 1000; slot += 1) link.hand(slot, buffer);
    link.post();
    const [message] = link.onWay;
    assert.deepEqual([message?.slabs.length, message?.bytes, message?.groups.length, message?.members.length], [1, 500, 5, 1000]);
  });

  test('that come while a worker is behind are joined into one write', () => {
    const link = new Link(3);
    for (const text of ['a', 'b', 'c']) {
      const buffer = Buffer.from(text);
      for (let slot = 0; slot < 3; slot += 1) link.hand(slot, buffer);
      link.post();
      link.arrive();
    }
    link.writer.write();
    assert.deepEqual(
      link.sockets.map(({ written }) => written.map(String)),
      [['abc'], ['abc'], ['abc']],
    );
  });

  test('rest for as long as the slowest worker takes, so that what clients send in answer shares a write', async (t) => {
    let now = 1000;
    t.mock.method(process.hrtime, 'bigint', () => BigInt(now) * 1_000_000n);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const pass = async (milliseconds: number): Promise<void> => {
      now += milliseconds;
      t.mock.timers.tick(milliseconds);
      await setImmediate();
    };
    const link = new Link(1);
    const send = (text: string): void => {
      link.hand(0, Buffer.from(text));
      link.post();
      link.arrive();
    };
    send('a');
    await pass(0);
    assert.deepEqual(link.sockets[0]?.written.map(String), ['a']);
    new CommonPace(link.pace, 1).report(2, now);
    send('b');
    await pass(1);
    send('c');
    await pass(1);
    assert.deepEqual(link.sockets[0]?.written.map(String), ['a'], 'it rested less than the other took');
    await pass(1);
    assert.deepEqual(link.sockets[0]?.written.map(String), ['a', 'bc']);
  });

  test('are joined no further than the plan lets them', () => {
    const link = new Link(1);
    for (const text of ['a', 'b', 'c', 'd', 'e']) {
      link.hand(0, Buffer.from(text));
      link.post();
      link.arrive();
    }
    link.writer.write();
    assert.deepEqual(link.sockets[0]?.written.map(String), ['abc', 'de']);
  });

  test('are not joined past what was meant for one of the sinks alone', () => {
    const link = new Link(2);
    const [both, one, again] = ['a', 'b', 'c'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];
    for (const [slot, buffer] of [
      [0, both],
      [1, both],
      [1, one],
      [0, again],
      [1, again],
    ] as const)
      link.hand(slot, buffer);
    link.settle();
    assert.deepEqual(
      link.sockets.map(({ text }) => text),
      ['ac', 'abc'],
    );
  });

  test('hold every sink back while too much is under way, until the worker has dealt with it', () => {
    const link = new Link(2);
    let handed = 0;
    while (link.hand(0, Buffer.alloc(100_000))) {
      handed += 100_000;
      link.post();
      assert.ok(handed < 6 * 1024 * 1024, 'nobody held it back');
    }
    assert.ok(handed > 3 * 1024 * 1024, `held back after ${handed} bytes`);
    assert.equal(link.hand(1, Buffer.alloc(10)), false, 'a sink without anything of its own waits as well');
    link.settle();
    assert.deepEqual([...link.full], []);
    assert.equal(link.hand(1, Buffer.alloc(10)), true);
  });

  test('hold back a sink whose socket is full and no other', () => {
    const link = new Link(2);
    link.hand(0, Buffer.alloc(70_000));
    link.post();
    link.arrive();
    link.writer.write();
    assert.deepEqual([link.hand(0, Buffer.alloc(1)), link.hand(1, Buffer.alloc(1))], [false, true]);
    link.settle();
    assert.equal(link.hand(0, Buffer.alloc(1)), true);
  });

  test('of a slow socket keep no more alive than their own bytes', () => {
    const link = new Link(2);
    link.hand(0, Buffer.alloc(10));
    link.hand(1, Buffer.alloc(30_000));
    link.post();
    link.arrive();
    link.writer.write();
    link.hand(0, Buffer.alloc(20));
    link.hand(1, Buffer.alloc(30_000));
    link.post();
    link.arrive();
    link.writer.write();
    const late = link.sockets[0]?.written[1];
    assert.ok(late !== undefined && late.buffer.byteLength < 16_384, `20 bytes hold on to ${late?.buffer.byteLength}`);
  });

  test('of a sink that is closed are forgotten', () => {
    const link = new Link(2);
    for (let slot = 0; slot < 2; slot += 1) link.hand(slot, Buffer.from('late'));
    link.writer.close(0);
    link.settle();
    assert.deepEqual(
      link.sockets.map(({ text }) => text),
      ['', 'late'],
    );
  });
});

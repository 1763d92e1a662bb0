import assert from 'node:assert/strict';
import type { Backbone } from '../core/backbone.ts';
import type { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { ids, numbered, readAll } from './backbone-events.ts';

/** Names one behaviour and shows it on a log of its own. */
export type BackboneTest = (title: string, run: (backbone: Backbone, log: string) => Promise<void>) => void;

/** What a consumer was given, and a way to wait for it. */
class Taken {
  readonly events: Event[] = [];
  positions: Position[] = [];
  #waiting: (() => void) | undefined;
  #count = 0;

  take(events: readonly Event[], position: Position): void {
    this.events.push(...events);
    this.positions.push(position);
    if (this.events.length >= this.#count) this.#waiting?.();
  }

  async until(count: number): Promise<void> {
    this.#count = count;
    if (this.events.length < count) await new Promise<void>((resolve) => (this.#waiting = resolve));
  }
}

/** What a consumer of live events may rely on. */
export function live(test: BackboneTest): void {
  test('gives a consumer what is published after it began, in order, and nothing else', async (backbone, log) => {
    const channel = { log, address: 'orders/1' };
    await backbone.publish(channel, numbered(3, 'old'));
    const [exact, pattern, other] = [new Taken(), new Taken(), new Taken()];
    const consumer = await backbone.consume(channel, (events, position) => exact.take(events, position));
    assert.equal(consumer.position, await backbone.locate(channel, { at: 'latest' }));
    await backbone.consume({ log, address: 'orders/*' }, (events, position) => pattern.take(events, position));
    await backbone.consume({ log, address: 'bills/*' }, (events, position) => other.take(events, position));
    await Promise.all([backbone.publish(channel, numbered(4, 'a')), backbone.publish({ log, address: 'orders/2' }, numbered(2, 'b'))]);
    await backbone.publish(channel, numbered(2, 'c'));
    await Promise.all([exact.until(6), pattern.until(8)]);
    assert.deepEqual(ids(exact.events), ['a0', 'a1', 'a2', 'a3', 'c0', 'c1']);
    assert.deepEqual(
      pattern.events.map(({ position }) => position),
      (await readAll(backbone, { log, address: 'orders/*' }, consumer.position)).map(({ position }) => position),
    );
    assert.deepEqual(other.events, []);
  });

  test('gives batches that can be read again from their positions', async (backbone, log) => {
    const channel = { log, address: '*' };
    const taken = new Taken();
    const batches: (readonly Event[])[] = [];
    const consumer = await backbone.consume(channel, (events, position) => {
      batches.push(events);
      taken.take(events, position);
    });
    for (let round = 0; round < 5; round++)
      await Promise.all(['a', 'b', 'c'].map((address) => backbone.publish({ log, address }, numbered(2, `${address}${round}`))));
    await taken.until(30);
    let after = consumer.position;
    for (const [index, batch] of batches.entries()) {
      const until = taken.positions[index]!;
      const again = await backbone.read({ channel, after, until, limit: 1000 });
      assert.deepEqual(
        again.events.map(({ id, position, acceptedAt }) => [id, position, acceptedAt]),
        batch.map(({ id, position, acceptedAt }) => [id, position, acceptedAt]),
      );
      assert.equal(again.position, until);
      after = until;
    }
  });

  test('gives nothing to a consumer that was closed', async (backbone, log) => {
    const channel = { log, address: 'a' };
    const [closed, open] = [new Taken(), new Taken()];
    const consumer = await backbone.consume(channel, (events, position) => closed.take(events, position));
    await backbone.consume(channel, (events, position) => open.take(events, position));
    await consumer.close();
    await consumer.close();
    await backbone.publish(channel, numbered(3));
    await open.until(3);
    assert.deepEqual(closed.events, []);
  });
}

/** What becomes of a consumer that is slow, and of the health of the whole. */
export function holdingBack(test: BackboneTest): void {
  test('waits for a consumer that answers with a promise, and loses nothing however long that takes', async (backbone, log) => {
    const channel = { log, address: 'a' };
    const [slow, swift] = [new Taken(), new Taken()];
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let inside = 0;
    await backbone.consume(channel, async (events, position) => {
      assert.equal(++inside, 1, 'one batch at a time');
      await held;
      inside--;
      slow.take(events, position);
    });
    await backbone.consume(channel, (events, position) => swift.take(events, position));
    for (let round = 0; round < 20; round++) await backbone.publish(channel, numbered(250, `${round}-`));
    await swift.until(5000);
    assert.equal(slow.events.length, 0);
    release();
    await slow.until(5000);
    await backbone.publish(channel, numbered(2, 'after'));
    await slow.until(5002);
    assert.deepEqual(ids(slow.events), ids(await readAll(backbone, channel)));
  });

  test('says that it is up, how long it took, and since when', async (backbone) => {
    const before = Date.now() + 60_000;
    const first = await backbone.check(AbortSignal.timeout(30_000));
    const second = await backbone.check(AbortSignal.timeout(30_000));
    assert.equal(first.state, 'up');
    assert.ok(first.latency !== undefined && first.latency >= 0 && first.since < before);
    assert.equal(second.since, first.since);
  });
}

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Event, type WireFormat } from './event.ts';
import type { Batch } from './meter.ts';
import { Outbox } from './outbox.ts';
import type { OutboxBound } from './policy.ts';
import type { Position } from './position.ts';

const format: WireFormat = { name: 'ten', encode: () => Buffer.alloc(10), encodeGap: () => Buffer.alloc(0) };

function batch(from: number, count: number, subjectOf = (place: number) => `s${place}`): Batch {
  const events = Array.from({ length: count }, (_, index) => {
    const place = from + index;
    const draft = {
      id: `${place}`,
      source: '/t',
      type: 't',
      subject: subjectOf(place),
      extensions: {},
      data: undefined,
      dataKind: 'json' as const,
    };
    return new Event(draft, 'a', `p-${place}` as Position, 0);
  });
  return { events, bytes: 0, position: `p-${from + count - 1}` as Position, filtered: 0 };
}

function outbox(bound: Partial<OutboxBound>): Outbox {
  return new Outbox(format, { maxBytes: undefined, maxEvents: undefined, overflow: 'drop-oldest', ...bound });
}

/** Everything that waits, in order. */
function drain(box: Outbox): { ids: string[]; conflated: number; position: Position | undefined } {
  const ids: string[] = [];
  let conflated = 0;
  let position: Position | undefined;
  for (let next = box.take(1); next !== undefined; next = box.take(1)) {
    ids.push(...next.events.map(({ id }) => id));
    conflated += next.conflated ?? 0;
    position = next.position;
  }
  return { ids, conflated, position };
}

describe('outbox', () => {
  test('gives back what was added, in pieces of about the size asked for', () => {
    const box = outbox({});
    box.add(batch(1, 5));
    assert.deepEqual(
      box.take(25)?.events.map(({ id }) => id),
      ['1', '2', '3'],
    );
    assert.equal(box.bytes, 20);
    assert.deepEqual(drain(box), { ids: ['4', '5'], conflated: 0, position: 'p-5' });
    assert.ok(box.isEmpty);
  });

  test('drops the oldest until the bound holds, and says up to where', () => {
    const box = outbox({ maxBytes: 30 });
    box.add(batch(1, 2));
    box.add(batch(3, 4));
    assert.ok(box.isOver());
    assert.deepEqual(box.dropOldest(), { events: 3, upTo: 'p-3' });
    assert.deepEqual(drain(box).ids, ['4', '5', '6']);
  });

  test('keeps the newest event even where it alone passes the bound', () => {
    const box = outbox({ maxBytes: 5 });
    box.add(batch(1, 3));
    assert.deepEqual(box.dropOldest(), { events: 2, upTo: 'p-2' });
    assert.deepEqual(drain(box).ids, ['3']);
  });

  test('conflates to the newest of each key, and counts each given up once', () => {
    const box = outbox({ maxEvents: 4, overflow: 'conflate' });
    box.add(batch(1, 6, (place) => `s${place % 3}`));
    box.add(batch(7, 2, (place) => `s${place % 3}`));
    box.conflate(({ subject }) => subject ?? '');
    assert.ok(!box.isOver());
    assert.deepEqual(drain(box), { ids: ['6', '7', '8'], conflated: 5, position: 'p-8' });
  });

  test('does not grow with flushes that a filter emptied', () => {
    const box = outbox({});
    box.add(batch(1, 1));
    for (let place = 2; place < 1000; place += 1) box.add({ events: [], bytes: 0, position: `p-${place}` as Position, filtered: 3 });
    const only = box.take(100);
    assert.equal(only?.position, 'p-999');
    assert.equal(only?.filtered, 2994);
    assert.ok(box.isEmpty);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { draft } from '../testing/backbone-events.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import { DeliveryWindow } from './delivery-window.ts';
import { Delivery, newItem } from './delivery.ts';
import type { Order } from './key-order.ts';

/** What one endpoint's reader has read, by ids that begin with their keys. */
function reading(order: Order, ids: readonly string[]) {
  const window = new DeliveryWindow('p0' as Position);
  const queue = new DeliveryQueue(order);
  for (const [index, id] of ids.entries()) {
    const event = new Event({ ...draft(id), subject: id[0] }, 'created', `p${index + 1}` as Position, index);
    assert.ok(queue.admit(new Delivery([newItem(window.add(event, false))])));
  }
  return { window, queue };
}

/** The next first attempt fails; there will be another. */
function fail(queue: DeliveryQueue): Delivery {
  const delivery = take(queue, 'first');
  delivery.dueAt = 100;
  queue.park(delivery);
  for (const { place } of delivery.items) if (place !== undefined) place.state = 'owed';
  delivery.isOwed = true;
  return delivery;
}

function take(queue: DeliveryQueue, lane: 'first' | 'retry'): Delivery {
  const delivery = queue.take(lane, 100);
  assert.ok(delivery !== undefined);
  return delivery;
}

function settle(queue: DeliveryQueue, delivery: Delivery): void {
  for (const { place } of delivery.items) if (place !== undefined) place.state = 'delivered';
  queue.settle(delivery);
}

function oldest({ oldestOpen }: DeliveryWindow): string | undefined {
  return oldestOpen?.id;
}

describe('the oldest event that was not tried', () => {
  test('is not one that waits for another of its key, but the first of another key that does not', () => {
    const { window, queue } = reading('per-key', ['a1', 'a2', 'b1', 'b2']);
    assert.equal(oldest(window), 'a1');
    const failed = fail(queue);
    assert.equal(oldest(window), 'b1');
    settle(queue, take(queue, 'first'));
    assert.equal(oldest(window), 'b2', 'nothing is before it any more');
    settle(queue, take(queue, 'first'));
    assert.equal(oldest(window), undefined);
    assert.equal(take(queue, 'retry'), failed);
    assert.equal(oldest(window), undefined, 'while the one before it is tried again, too');
    settle(queue, failed);
    assert.equal(oldest(window), 'a2');
  });

  test('is none where the order is strict and the first failed, and any where there is no order', () => {
    const strict = reading('strict', ['a1', 'b1']);
    fail(strict.queue);
    assert.equal(oldest(strict.window), undefined);
    const none = reading('none', ['a1', 'a2']);
    fail(none.queue);
    assert.equal(oldest(none.window), 'a2');
  });

  test('is a part of several that were taken apart only when it is the first of its key', () => {
    const { window, queue } = reading('strict', ['a1']);
    const more = window.add(new Event(draft('a2'), 'created', 'p9' as Position, 9), false);
    const [first] = take(queue, 'first').items;
    assert.ok(first !== undefined);
    const both = new Delivery([first, newItem(more)]);
    const other = new DeliveryQueue('strict');
    assert.ok(other.admit(both));
    assert.equal(take(other, 'first'), both);
    other.replace(both, [both.part([first], 0), both.part(both.items.slice(1), 0)]);
    assert.deepEqual([first.place?.isBehind, more.isBehind], [false, true]);
    settle(other, take(other, 'first'));
    assert.equal(oldest(window), 'a2');
  });
});

describe('what an earlier run has left', () => {
  test('keeps its place before what comes after it, however many keys wait for a retry', () => {
    const owed = Array.from({ length: 1_100 }, (_, index) => `k${index}`);
    const queue = new DeliveryQueue('per-key');
    const delivery = (key: string, at: number): Delivery => {
      const event = new Event({ ...draft(`${key} ${at}`), subject: key }, 'created', `p${at}` as Position, at);
      return new Delivery([newItem(new DeliveryWindow('p0' as Position).add(event, false))]);
    };
    for (const [index, key] of owed.entries()) {
      const restored = delivery(key, index);
      restored.isOwed = true;
      restored.dueAt = index < 200 ? 0 : 1_000;
      queue.restore(restored);
    }
    for (let n = 0; n < 200; n += 1) queue.settle(take(queue, 'retry'));
    assert.ok(queue.admit(delivery('k1099', 2_000)));
    assert.deepEqual(queue.count(100), { first: 0, retry: 0 });
  });
});

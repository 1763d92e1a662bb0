import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OutgoingFailure } from './outgoing-failure.ts';
import { Slots } from './slots.ts';

const never = new AbortController().signal;

describe('slots', () => {
  test('are given to those who wait in the order in which they came, and never twice', async () => {
    const slots = new Slots({ slots: 2, maxWaiting: 10, full: 'Full.' });
    const order: number[] = [];
    const all = Array.from({ length: 6 }, async (_, index) => {
      await slots.take(never);
      order.push(index);
      assert.ok(slots.taken <= 2);
      await Promise.resolve();
      slots.give();
    });
    await Promise.all(all);
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
    assert.equal(slots.taken, 0);
  });

  test('refuse when too many wait', async () => {
    const slots = new Slots({ slots: 1, maxWaiting: 1, full: 'Full.' });
    await slots.take(never);
    const second = slots.take(never);
    await assert.rejects(slots.take(never), { class: 'overloaded', message: 'Full.' });
    slots.give();
    await second;
    assert.equal(slots.taken, 1);
  });

  test('are not given to who has left', async () => {
    const slots = new Slots({ slots: 1, maxWaiting: 2, full: 'Full.' });
    await slots.take(never);
    const controller = new AbortController();
    const left = assert.rejects(slots.take(controller.signal), { class: 'timeout' });
    const stays = slots.take(never);
    controller.abort(new OutgoingFailure('timeout', 'late'));
    await left;
    slots.give();
    await stays;
    slots.give();
    assert.equal(slots.taken, 0);
    await assert.rejects(slots.take(controller.signal), { class: 'timeout' });
    assert.equal(slots.taken, 0);
  });
});

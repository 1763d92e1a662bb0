import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { DeliveryCollector } from './delivery-collector.ts';
import type { Place } from './delivery-window.ts';
import type { Delivery } from './delivery.ts';
import type { OwedDelivery } from './owed-delivery.ts';
import { noTries } from './retry-schedule.ts';

function placeOf(n: number): Place {
  const draft = { id: `e${n}`, source: '/s', type: 't', extensions: {}, data: undefined, dataKind: 'json' } as const;
  return { event: new Event(draft, 'a', `p${n}` as Position, 0), isBilled: false, state: 'open', isPassed: false, isBehind: false };
}

function owedOf(n: number, batch: string | undefined): OwedDelivery {
  const named = { endpoint: 'end_1', tenant: 'default', position: `p${n}` as Position, eventId: `e${n}`, eventType: 't', key: undefined };
  return { ...named, state: 'waiting', reason: 'timeout', attempts: n, tries: noTries, dueAt: 100 - n, isBilled: false, batch };
}

const idsOf = (deliveries: readonly Delivery[]): string[][] => deliveries.map(({ items }) => items.map(({ eventId }) => eventId));

describe('what is gathered into deliveries', () => {
  it('is one event each where nothing else is wanted', () => {
    const collector = new DeliveryCollector(undefined, () => 0);
    assert.deepEqual(idsOf([...collector.add(placeOf(1), 0), ...collector.add(placeOf(2), 0)]), [['e1'], ['e2']]);
    assert.equal(collector.closesAt, Infinity);
  });

  it('goes when it has as many events or bytes as it may, or has waited', () => {
    let now = 1000;
    const collector = new DeliveryCollector({ events: 3, bytes: 100, wait: 50 }, () => now);
    assert.deepEqual(idsOf([...collector.add(placeOf(1), 10), ...collector.add(placeOf(2), 10)]), []);
    assert.equal(collector.closesAt, 1050);
    assert.deepEqual(idsOf(collector.add(placeOf(3), 10)), [['e1', 'e2', 'e3']]);
    now = 2000;
    assert.deepEqual(idsOf(collector.add(placeOf(4), 60)), []);
    assert.deepEqual(idsOf(collector.add(placeOf(5), 60)), [['e4']], 'it would be too much with the next');
    assert.deepEqual(idsOf(collector.add(placeOf(6), 500)), [['e5'], ['e6']], 'a larger one goes alone');
    assert.deepEqual([idsOf(collector.close()), collector.closesAt], [[], Infinity]);
  });

  it('is what failed together, again together and with what it has used up', () => {
    const collector = new DeliveryCollector({ events: 10, bytes: 1000, wait: 50 }, () => 7);
    collector.add(placeOf(1), 1);
    assert.deepEqual(idsOf(collector.addOwed(owedOf(2, 'b'), placeOf(2), 2)), [['e1']]);
    const [together] = collector.addOwed(owedOf(3, 'b'), placeOf(3), 1);
    assert.deepEqual(idsOf(together === undefined ? [] : [together]), [['e2', 'e3']]);
    assert.deepEqual([together?.attempts, together?.dueAt, together?.reason, together?.isOwed], [3, 97, 'timeout', true]);
    assert.deepEqual(idsOf(collector.addOwed(owedOf(4, undefined), placeOf(4), 1)), [['e4']]);
  });

  const seed = Date.now() & 0x7fff_ffff;
  it(`is everything, once and in its order, within the bounds (seed ${seed})`, () => {
    const step = fc.record({
      kind: fc.constantFrom('new', 'new', 'new', 'owed', 'alone', 'time'),
      bytes: fc.nat({ max: 60 }),
      group: fc.constantFrom(1, 2, 3),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (steps, events) => {
        let now = 0;
        const bound = { events, bytes: 100, wait: 20 };
        const collector = new DeliveryCollector(bound, () => now);
        const out: Delivery[] = [];
        const sizes = new Map<string, number>();
        const groups: string[][] = [];
        let n = 0;
        for (const [index, { kind, bytes, group }] of steps.entries()) {
          if (kind === 'time') {
            now += 9;
            if (collector.closesAt <= now) out.push(...collector.close());
          } else if (kind === 'new') {
            sizes.set(`e${n}`, bytes);
            out.push(...collector.add(placeOf(n), bytes));
            n += 1;
          } else {
            const size = kind === 'alone' ? 1 : group;
            const batch = kind === 'alone' ? undefined : `b${index}`;
            groups.push(Array.from({ length: size }, (_, part) => `e${n + part}`));
            for (let left = size; left > 0; left -= 1, n += 1) out.push(...collector.addOwed(owedOf(n, batch), placeOf(n), left));
          }
          assert.ok(collector.closesAt === Infinity || collector.closesAt <= now + bound.wait);
        }
        out.push(...collector.close());
        assert.deepEqual(
          idsOf(out).flat(),
          Array.from({ length: n }, (_, each) => `e${each}`),
        );
        for (const { items, isOwed } of out) {
          const ids = items.map(({ eventId }) => eventId);
          if (isOwed) assert.ok(groups.some((group) => group.join() === ids.join()));
          else {
            assert.ok(ids.length <= events);
            assert.ok(ids.length === 1 || ids.reduce((sum, id) => sum + (sizes.get(id) ?? 0), 0) <= bound.bytes);
          }
        }
      }),
      { seed, numRuns: 300 },
    );
  });
});

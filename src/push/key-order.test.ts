import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { KeyOrder } from './key-order.ts';
import type { Admission, Order } from './key-order.ts';

interface Delivery {
  readonly name: string;
}

/** Admits `a1 b1 a2`: the letter is the key, `-` none. */
function admitAll(
  order: KeyOrder<Delivery>,
  names: string,
): { readonly said: readonly Admission[]; readonly deliveries: Record<string, Delivery> } {
  const deliveries: Record<string, Delivery> = {};
  const said = names.split(' ').map((name) => {
    deliveries[name] = { name };
    return order.admit(deliveries[name], name.startsWith('-') ? undefined : name.slice(0, 1));
  });
  return { said, deliveries };
}

describe('the order of an endpoint', () => {
  const table: readonly (readonly [Order, string, string])[] = [
    ['none', 'a1 a2 a3 b1', 'send send send send'],
    ['per-key', 'a1 a2 a3 b1', 'send behind behind send'],
    ['per-key', '-1 -2 a1 -3', 'send send send send'],
    ['strict', 'a1 a2 b1 -1', 'send behind behind behind'],
  ];
  for (const [order, names, said] of table) {
    it(`${order}: of ${names} says ${said}`, () => assert.equal(admitAll(new KeyOrder(order), names).said.join(' '), said));
  }

  it('gives out the next of a key when the one before is done', () => {
    const order = new KeyOrder<Delivery>('per-key');
    const { deliveries } = admitAll(order, 'a1 a2 b1 a3 b2');
    assert.equal(order.waitingDeliveries, 3);
    assert.equal(order.settle(deliveries['a1']!), deliveries['a2']);
    assert.equal(order.settle(deliveries['b1']!), deliveries['b2']);
    assert.equal(order.settle(deliveries['a2']!), deliveries['a3']);
    assert.equal(order.settle(deliveries['a3']!), undefined);
    assert.equal(order.waitingDeliveries, 0);
    assert.equal(admitAll(order, 'a4').said[0], 'send');
  });

  it('lets nobody pass one that waits for its retry', () => {
    const order = new KeyOrder<Delivery>('per-key');
    const { deliveries } = admitAll(order, 'a1 a2');
    order.park(deliveries['a1']!);
    order.park(deliveries['a1']!);
    assert.equal(order.parkedKeys, 1);
    assert.deepEqual(admitAll(order, 'a3 b1').said, ['behind', 'send']);
    order.resume(deliveries['a1']!);
    assert.equal(order.parkedKeys, 0);
    assert.equal(admitAll(order, 'a4').said[0], 'behind');
    order.park(deliveries['a1']!);
    assert.equal(order.settle(deliveries['a1']!), deliveries['a2']);
    assert.equal(order.parkedKeys, 0, 'a dead letter waits for no retry');
  });

  it('takes no more while too many keys wait for a retry', () => {
    const order = new KeyOrder<Delivery>('per-key', { maxParkedKeys: 2 });
    const { deliveries } = admitAll(order, 'a1 b1');
    order.park(deliveries['a1']!);
    order.park(deliveries['b1']!);
    assert.deepEqual(admitAll(order, 'a2 c1').said, ['too-many-keys-parked', 'too-many-keys-parked']);
    assert.deepEqual(admitAll(order, '-1').said, ['send']);
    order.resume(deliveries['a1']!);
    order.settle(deliveries['a1']!);
    assert.deepEqual(admitAll(order, 'a2 c1').said, ['send', 'send']);
  });

  it('takes no more behind others while too many wait', () => {
    const order = new KeyOrder<Delivery>('strict', { maxWaitingDeliveries: 2 });
    const { said, deliveries } = admitAll(order, 'a1 a2 a3 a4');
    assert.deepEqual(said, ['send', 'behind', 'behind', 'too-many-waiting']);
    order.settle(deliveries['a1']!);
    assert.deepEqual(admitAll(order, 'a5 a6').said, ['behind', 'too-many-waiting']);
  });

  it('knows nothing of what it was not given, or is done', () => {
    const order = new KeyOrder<Delivery>('per-key');
    const { deliveries } = admitAll(order, 'a1');
    order.settle(deliveries['a1']!);
    order.park(deliveries['a1']!);
    order.resume(deliveries['a1']!);
    assert.equal(order.settle(deliveries['a1']!), undefined);
    assert.equal(order.parkedKeys, 0);
  });

  const seed = Date.now() & 0x7fff_ffff;
  for (const kind of ['per-key', 'strict'] as const) {
    it(`${kind}: nothing overtakes, and nothing is forgotten (seed ${seed})`, () => {
      const step = fc.record({
        op: fc.constantFrom('admit', 'admit', 'park', 'resume', 'settle'),
        key: fc.constantFrom('a', 'b', 'c', undefined),
        pick: fc.nat(),
      });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
          const order = new KeyOrder<Delivery & { key: string | undefined }>(kind, { maxParkedKeys: 2, maxWaitingDeliveries: 5 });
          const line = (key: string | undefined): string | undefined => (kind === 'strict' ? 'all' : key);
          /** Taken and not done, in the order of the log; the first of each line may be under way. */
          let open: { name: string; key: string | undefined }[] = [];
          const underWay = new Set<Delivery>();
          for (const [index, { op, key, pick }] of steps.entries()) {
            const picked = [...underWay][pick % Math.max(1, underWay.size)] as (typeof open)[number] | undefined;
            if (op === 'admit') {
              const delivery = { name: `d${index}`, key };
              const said = order.admit(delivery, key);
              if (said === 'send') underWay.add(delivery);
              if (said === 'send' || said === 'behind') open.push(delivery);
            } else if (picked !== undefined && op === 'park') order.park(picked);
            else if (picked !== undefined && op === 'resume') order.resume(picked);
            else if (picked !== undefined && op === 'settle') {
              underWay.delete(picked);
              open = open.filter((one) => one !== picked);
              const next = order.settle(picked);
              if (next !== undefined) underWay.add(next);
            }
            for (const one of open) {
              const before = open
                .slice(0, open.indexOf(one))
                .some((other) => line(other.key) === line(one.key) && line(one.key) !== undefined);
              assert.equal(underWay.has(one), !before);
            }
            assert.ok(order.waitingDeliveries <= 5);
            assert.equal(order.waitingDeliveries, open.length - underWay.size);
          }
        }),
        { seed, numRuns: 200 },
      );
    });
  }
});

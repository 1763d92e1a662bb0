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
    return order.admit(deliveries[name], [name.startsWith('-') ? undefined : name.slice(0, 1)]);
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
    assert.deepEqual(order.settle(deliveries['a1']!), [deliveries['a2']]);
    assert.deepEqual(order.settle(deliveries['b1']!), [deliveries['b2']]);
    assert.deepEqual(order.settle(deliveries['a2']!), [deliveries['a3']]);
    assert.deepEqual(order.settle(deliveries['a3']!), []);
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
    assert.deepEqual(order.settle(deliveries['a1']!), [deliveries['a2']]);
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
    assert.deepEqual(order.settle(deliveries['a1']!), []);
    assert.equal(order.parkedKeys, 0);
  });

  it('lets one with several keys wait for the first of each, and those of each wait for it', () => {
    const order = new KeyOrder<Delivery>('per-key');
    const { deliveries } = admitAll(order, 'a1 b1');
    const both = { name: 'both' };
    assert.equal(order.admit(both, ['a', 'b', 'a', undefined]), 'behind');
    assert.deepEqual(admitAll(order, 'a2 b2 c1').said, ['behind', 'behind', 'send']);
    assert.deepEqual(order.settle(deliveries['a1']!), []);
    assert.deepEqual(order.settle(deliveries['b1']!), [both]);
    order.park(both);
    assert.equal(order.parkedKeys, 2);
    assert.deepEqual(
      order.settle(both).map(({ name }) => name),
      ['a2', 'b2'],
    );
    assert.deepEqual([order.parkedKeys, order.waitingDeliveries], [0, 0]);
  });

  it('gives the parts of one its place', () => {
    const order = new KeyOrder<Delivery>('per-key');
    const whole = { name: 'whole' };
    order.admit(whole, ['a', 'b', 'c']);
    admitAll(order, 'a2 c2');
    const [first, second] = [{ name: 'first' }, { name: 'second' }];
    const free = order.replace(whole, [
      [first, ['a', 'b']],
      [second, ['b', 'c']],
    ]);
    assert.deepEqual(free, [first]);
    assert.equal(order.waitingDeliveries, 3);
    assert.deepEqual(
      order.settle(first).map(({ name }) => name),
      ['a2', 'second'],
    );
    assert.deepEqual(
      order.settle(second).map(({ name }) => name),
      ['c2'],
    );
    const unordered = new KeyOrder<Delivery>('none');
    unordered.admit(whole, ['a']);
    assert.deepEqual(
      unordered.replace(whole, [
        [first, ['a']],
        [second, ['a']],
      ]),
      [first, second],
    );
  });

  const seed = Date.now() & 0x7fff_ffff;
  for (const kind of ['per-key', 'strict'] as const) {
    it(`${kind}: nothing overtakes, and nothing is forgotten (seed ${seed})`, () => {
      const step = fc.record({
        op: fc.constantFrom('admit', 'admit', 'park', 'resume', 'settle', 'split'),
        keys: fc.array(fc.constantFrom('a', 'b', 'c', undefined), { minLength: 1, maxLength: 4 }),
        pick: fc.nat(),
      });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
          interface Keyed extends Delivery {
            readonly keys: readonly (string | undefined)[];
          }
          const order = new KeyOrder<Keyed>(kind, { maxParkedKeys: 4, maxWaitingDeliveries: 5 });
          const lines = ({ keys }: Keyed): Set<string> => new Set(kind === 'strict' ? ['all'] : keys.filter((key) => key !== undefined));
          /** Taken and not done, in the order of the log; the first of each line may be under way. */
          let open: Keyed[] = [];
          const underWay = new Set<Keyed>();
          for (const [index, { op, keys, pick }] of steps.entries()) {
            const picked = [...underWay][pick % Math.max(1, underWay.size)];
            if (op === 'admit') {
              const delivery = { name: `d${index}`, keys };
              const said = order.admit(delivery, keys);
              if (said === 'send') underWay.add(delivery);
              if (said === 'send' || said === 'behind') open.push(delivery);
              if (said === 'too-many-waiting') assert.equal(order.waitingDeliveries >= 5, true);
            } else if (picked !== undefined && op === 'park') order.park(picked);
            else if (picked !== undefined && op === 'resume') order.resume(picked);
            else if (picked !== undefined) {
              const middle = Math.ceil(picked.keys.length / 2);
              const halves = [picked.keys.slice(0, middle), picked.keys.slice(middle)];
              const parts = op === 'settle' ? [] : halves.map((some, half): Keyed => ({ name: `${picked.name}.${half}`, keys: some }));
              underWay.delete(picked);
              open = open.flatMap((one) => (one === picked ? parts : [one]));
              for (const next of order.replace(
                picked,
                parts.map((part) => [part, part.keys]),
              ))
                underWay.add(next);
            }
            for (const [place, one] of open.entries()) {
              const before = open.slice(0, place).some((other) => [...lines(other)].some((line) => lines(one).has(line)));
              assert.equal(underWay.has(one), !before);
            }
            assert.equal(order.waitingDeliveries, open.length - underWay.size);
          }
        }),
        { seed, numRuns: 200 },
      );
    });
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ManualTime } from '../testing/manual-time.ts';
import { FairRing } from './fair-ring.ts';
import type { Slot } from './fair-ring.ts';
import { lanes, laneShares } from './lane-turns.ts';
import type { Lane } from './lane-turns.ts';

interface Endpoint {
  readonly name: string;
}

type Ready = Partial<Record<Lane, number>>;

class World {
  readonly time = new ManualTime();
  readonly ring: FairRing<Endpoint>;

  constructor(options: ConstructorParameters<typeof FairRing>[1]) {
    this.ring = new FairRing(this.time, options);
  }

  /** Releases slots after so many milliseconds. */
  release(milliseconds: number, ...slots: readonly Slot<Endpoint>[]): void {
    this.time.advance(milliseconds);
    for (const slot of slots) this.ring.release(slot);
  }

  endpoint(name: string, tenant: string, ready: Ready = {}, window = 32): Endpoint {
    const endpoint = { name };
    this.ring.add(endpoint, tenant);
    this.ring.offer(endpoint, ready, window);
    return endpoint;
  }

  /** Takes until there is nothing to take, at most so many. */
  take(most = Infinity): Slot<Endpoint>[] {
    const slots: Slot<Endpoint>[] = [];
    while (slots.length < most) {
      const slot = this.ring.take();
      if (slot === undefined) break;
      slots.push(slot);
    }
    return slots;
  }
}

const names = (slots: readonly Slot<Endpoint>[]): readonly string[] => slots.map(({ endpoint }) => endpoint.name);
const inLane = (slots: readonly Slot<Endpoint>[], lane: Lane): number => slots.filter((slot) => slot.lane === lane).length;
const withoutCaps = { endpointShare: 1, tenantShare: 1 };

describe('the ring of endpoints', () => {
  it('gives nothing when nobody has anything ready', () => {
    const { ring } = new World({});
    assert.equal(ring.take(), undefined);
  });

  it('goes round the endpoints, and round the tenants first', () => {
    const world = new World({ maxSlots: 100, ...withoutCaps });
    for (const name of ['a1', 'a2', 'a3']) world.endpoint(name, 'a', { first: 9 });
    world.endpoint('b1', 'b', { first: 9 });
    assert.deepEqual(names(world.take(8)), ['a1', 'b1', 'a2', 'b1', 'a3', 'b1', 'a1', 'b1']);
  });

  it('gives an endpoint what it has ready, and no more than its window', () => {
    const world = new World({ maxSlots: 100, ...withoutCaps });
    const endpoint = world.endpoint('a', 't', { first: 5, retry: 5 }, 4);
    const slots = world.take();
    assert.equal(slots.length, 4);
    world.release(10, ...slots);
    world.ring.offer(endpoint, { first: 1 }, 4);
    assert.equal(world.take().length, 1);
  });

  it('passes over who was paused, has an open breaker or was removed', () => {
    const world = new World({ maxSlots: 100, ...withoutCaps });
    const paused = world.endpoint('paused', 't', { first: 9 });
    const removed = world.endpoint('removed', 't', { first: 9 });
    world.endpoint('other', 't', { first: 2 });
    const held = world.take(3);
    world.ring.offer(paused, {}, 32);
    world.ring.remove(removed);
    world.ring.remove(removed);
    assert.deepEqual(names(world.take()), ['other']);
    world.release(5, ...held);
    assert.equal(world.ring.held, 1);
    assert.equal(world.ring.take(), undefined);
  });

  it('serves ten thousand endpoints once before any of them twice', () => {
    const world = new World({});
    for (let index = 0; index < 10_000; index += 1) world.endpoint(`e${index}`, 't', { first: 2 });
    const served = new Set<string>();
    for (let index = 0; index < 10_000; index += 1) {
      const [slot] = world.take(1);
      assert.ok(slot !== undefined);
      served.add(slot.endpoint.name);
      world.release(10, slot);
    }
    assert.equal(served.size, 10_000);
  });

  it('does not give a slot back twice, nor one of its own making', () => {
    const world = new World({});
    world.endpoint('a', 't', { first: 1 });
    const [slot] = world.take();
    assert.ok(slot !== undefined);
    world.release(1, slot);
    assert.throws(() => world.release(1, slot), /not held/);
    assert.throws(() => world.ring.release({ endpoint: slot.endpoint, lane: 'first' }), /not held/);
    assert.equal(world.ring.held, 0);
  });

  it('knows its endpoints', () => {
    const world = new World({});
    const endpoint = world.endpoint('a', 't');
    assert.throws(() => world.ring.add(endpoint, 't'), /twice/);
    assert.throws(() => world.ring.offer({ name: 'b' }, { first: 1 }, 1), /not in the ring/);
  });
});

describe('shares of the slots', () => {
  it('an endpoint has a twentieth while others wait', () => {
    const world = new World({ maxSlots: 1_000, tenantShare: 1 });
    for (let index = 0; index < 40; index += 1) world.endpoint(`e${index}`, 't', { first: 1_000 }, 1_000);
    const counts = Map.groupBy(world.take(), ({ endpoint }) => endpoint.name);
    assert.deepEqual(
      [...counts.values()].map(({ length }) => length),
      Array.from({ length: 40 }, () => 25),
    );
  });

  it('an endpoint alone leaves an eighth for who comes later', () => {
    const world = new World({ maxSlots: 1_000, tenantShare: 1 });
    world.endpoint('greedy', 't', { first: 1_000 }, 1_000);
    assert.equal(world.take().length, 875);
    world.endpoint('late', 't', { first: 60 }, 1_000);
    assert.deepEqual(
      names(world.take()),
      Array.from({ length: 50 }, () => 'late'),
    );
  });

  it('a tenant has a quarter while others wait', () => {
    const world = new World({ maxSlots: 1_000 });
    for (let index = 0; index < 200; index += 1) world.endpoint(`e${index}`, 'big', { first: 1_000 });
    assert.equal(world.take().length, 938, 'alone it has nearly all');
    for (let index = 0; index < 4; index += 1) world.endpoint(`n${index}`, 'small', { first: 20 });
    assert.equal(world.take().filter(({ endpoint }) => endpoint.name.startsWith('n')).length, 62, 'who comes later finds some free');
  });

  it('retries have a quarter and replay a sixteenth while first attempts wait', () => {
    const world = new World({ maxSlots: 64, ...withoutCaps });
    for (let index = 0; index < 8; index += 1) world.endpoint(`e${index}`, `t${index % 3}`, { first: 100, retry: 100, replay: 100 }, 64);
    let slots = world.take();
    for (let step = 0; step < 200; step += 1) {
      const done = slots.find(({ lane }) => lane === 'first');
      assert.ok(done !== undefined);
      world.release(50, done);
      slots = [...slots.filter((slot) => slot !== done), ...world.take()];
    }
    assert.deepEqual(
      lanes.map((lane) => inLane(slots, lane)),
      [44, 16, 4],
    );
  });

  it('retries alone leave an eighth of the slots for first attempts', () => {
    const world = new World({ maxSlots: 64, ...withoutCaps });
    const endpoint = world.endpoint('a', 't', { retry: 100 }, 64);
    assert.equal(world.take().length, 56);
    world.ring.offer(endpoint, { first: 100, retry: 100 }, 64);
    const slots = world.take();
    assert.deepEqual([slots.length, inLane(slots, 'first')], [8, 8]);
  });

  it('replay goes on beside more first attempts than there are slots', () => {
    const world = new World({ maxSlots: 16, ...withoutCaps });
    const live = world.endpoint('live', 't', { first: 10_000 }, 16);
    world.endpoint('again', 'u', { replay: 10 }, 16);
    let replayed = 0;
    const slots = world.take();
    for (let step = 0; step < 400; step += 1) {
      const slot = slots.shift();
      assert.ok(slot !== undefined);
      if (slot.lane === 'replay') replayed += 1;
      world.release(50, slot);
      slots.push(...world.take());
      world.ring.offer(live, { first: 10_000 }, 16);
    }
    assert.equal(replayed, 10);
  });
});

describe('E3: whatever is offered, taken, released and removed', () => {
  const seed = Date.now() & 0x7fff_ffff;
  const count = fc.nat(6);
  const share = fc.constantFrom(0.1, 0.2, 0.3, 0.5, 1);
  const step = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        op: fc.constant('offer' as const),
        pick: fc.nat(7),
        first: count,
        retry: count,
        replay: count,
        window: fc.nat(8),
      }),
    },
    { weight: 4, arbitrary: fc.record({ op: fc.constant('take' as const), times: fc.nat(8) }) },
    {
      weight: 4,
      arbitrary: fc.record({ op: fc.constant('release' as const), pick: fc.nat(), passes: fc.integer({ min: -1_000, max: 29_000 }) }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('remove' as const), pick: fc.nat(7) }) },
  );

  interface Known {
    readonly endpoint: Endpoint;
    readonly tenant: string;
    ready: Record<Lane, number>;
    window: number;
  }

  it(`no slot goes to who is over a share while another waits within his, and none stays free without reason (seed ${seed})`, () => {
    fc.assert(
      fc.property(
        fc.array(step, { size: 'large', maxLength: 120 }),
        fc.integer({ min: 1, max: 40 }),
        share,
        share,
        (steps, maxSlots, endpointShare, tenantShare) => {
          const time = new ManualTime();
          const ring = new FairRing<Endpoint>(time, { maxSlots, endpointShare, tenantShare });
          let known: Known[] = Array.from({ length: 8 }, (_, index) => ({
            endpoint: { name: `e${index}` },
            tenant: `t${index % 3}`,
            ready: { first: 0, retry: 0, replay: 0 },
            window: 0,
          }));
          const tenants = new Map(known.map(({ endpoint, tenant }) => [endpoint, tenant]));
          for (const { endpoint, tenant } of known) ring.add(endpoint, tenant);
          const slots: Slot<Endpoint>[] = [];
          const heldBy = (isOne: (slot: Slot<Endpoint>) => boolean): number => slots.filter(isOne).length;
          const cap = (share: number): number => Math.max(1, Math.floor(maxSlots * share));
          const excessOf = (endpoint: Endpoint, lane: Lane): number => {
            const isOver =
              heldBy((slot) => slot.lane === lane) >= cap(laneShares[lane]) ||
              heldBy((slot) => slot.endpoint === endpoint) >= cap(endpointShare);
            if (isOver) return 2;
            return heldBy((slot) => tenants.get(slot.endpoint) === tenants.get(endpoint)) >= cap(tenantShare) ? 1 : 0;
          };
          const takeOne = (): boolean => {
            const waiting = known.flatMap(({ endpoint, ready, window }) =>
              heldBy((slot) => slot.endpoint === endpoint) < window
                ? lanes.filter((lane) => ready[lane] > 0).map((lane) => excessOf(endpoint, lane))
                : [],
            );
            const least = Math.min(...waiting);
            const most = maxSlots - [0, Math.floor(maxSlots / 16), Math.floor(maxSlots / 8)][least === Infinity ? 0 : least]!;
            const slot = ring.take();
            assert.equal(slot !== undefined, least < Infinity && slots.length < most);
            if (slot === undefined) return false;
            const one = known.find(({ endpoint }) => endpoint === slot.endpoint);
            assert.ok(one !== undefined && one.ready[slot.lane] > 0 && heldBy(({ endpoint }) => endpoint === one.endpoint) < one.window);
            assert.equal(excessOf(slot.endpoint, slot.lane), least);
            one.ready[slot.lane] -= 1;
            slots.push(slot);
            return true;
          };
          for (const one of steps) {
            if (one.op === 'take') for (let left = one.times; left > 0 && takeOne(); left -= 1);
            else if (one.op === 'release') {
              const [slot] = slots.splice(slots.length === 0 ? 0 : one.pick % slots.length, 1);
              time.advance(one.passes);
              if (slot !== undefined) ring.release(slot);
            } else {
              const picked = known.find(({ endpoint }) => endpoint.name === `e${one.pick}`);
              if (picked === undefined) continue;
              if (one.op === 'remove') {
                ring.remove(picked.endpoint);
                known = known.filter((other) => other !== picked);
              } else {
                picked.ready = { first: one.first, retry: one.retry, replay: one.replay };
                picked.window = one.window;
                ring.offer(picked.endpoint, picked.ready, one.window);
              }
            }
            assert.equal(ring.held, slots.length);
          }
        },
      ),
      { seed, numRuns: 300 },
    );
  });
});

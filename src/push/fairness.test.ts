import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairRing } from './fair-ring.ts';
import type { Slot } from './fair-ring.ts';

interface Endpoint {
  readonly tenant: string;
  /** How long its attempts take, in milliseconds, one after the other and then again. */
  readonly takes: readonly number[];
  readonly window: number;
}

interface Had {
  slotMilliseconds: number;
  attempts: number;
  /** Milliseconds without any slot, at most. */
  longestWait: number;
}

/** Lets endpoints that always have more share the slots for a while, in time of its own. */
function share(endpoints: readonly Endpoint[], options: ConstructorParameters<typeof FairRing>[1], milliseconds: number): readonly Had[] {
  const clock = { time: 0, now: (): number => clock.time };
  const ring = new FairRing<Endpoint>(clock, { endpointShare: 1, tenantShare: 1, ...options });
  const had = new Map(
    endpoints.map((endpoint) => [endpoint, { slotMilliseconds: 0, attempts: 0, longestWait: 0, underWay: 0, lastAt: 0 }]),
  );
  const offer = (endpoint: Endpoint): void => ring.offer(endpoint, { first: 1_000 }, endpoint.window);
  for (const endpoint of endpoints) {
    ring.add(endpoint, endpoint.tenant);
    offer(endpoint);
  }
  const ending = new Map<number, Slot<Endpoint>[]>();
  for (let now = 0; now < milliseconds; now += 50) {
    clock.time = now;
    for (const slot of ending.get(now) ?? []) {
      ring.release(slot);
      const one = had.get(slot.endpoint)!;
      one.underWay -= 1;
      one.lastAt = now;
    }
    ending.delete(now);
    for (let slot = ring.take(); slot !== undefined; slot = ring.take()) {
      const { endpoint } = slot;
      const one = had.get(endpoint)!;
      if (one.underWay === 0) one.longestWait = Math.max(one.longestWait, now - one.lastAt);
      const takes = endpoint.takes[one.attempts % endpoint.takes.length]!;
      one.underWay += 1;
      one.attempts += 1;
      one.slotMilliseconds += Math.min(takes, milliseconds - now);
      const end = now + takes;
      ending.set(end, [...(ending.get(end) ?? []), slot]);
      offer(endpoint);
    }
  }
  for (const one of had.values()) if (one.underWay === 0) one.longestWait = Math.max(one.longestWait, milliseconds - one.lastAt);
  return [...had.values()];
}

const same = (count: number, endpoint: Endpoint): readonly Endpoint[] => Array.from({ length: count }, () => ({ ...endpoint }));

/** What a part of all slots over the time comes to, give or take what one endpoint may be ahead and has under way. */
function assertShare(had: readonly Had[], expected: number, tolerance: number): void {
  const total = had.reduce((sum, { slotMilliseconds }) => sum + slotMilliseconds, 0);
  assert.ok(Math.abs(total - expected) <= tolerance, `had ${total / 1_000} slot-seconds, ${expected / 1_000} is its share`);
}

describe('slots are shared by the time they are held', () => {
  it('an endpoint that takes 29 s for each attempt has no more of them than those that take half a second', () => {
    const slow = { tenant: 't', takes: [29_000], window: 32 };
    const all = [slow, ...same(9, { tenant: 't', takes: [500], window: 32 })];
    const had = share(all, { maxSlots: 20 }, 600_000);
    for (const one of had) assertShare([one], (20 * 600_000) / 10, 150_000);
    assert.ok(had[0]!.attempts < 50 && had[1]!.attempts > 2_000);
  });

  it('also when its attempts are quick nine times out of ten', () => {
    const mixed = { tenant: 't', takes: [...Array.from({ length: 9 }, () => 50), 29_000], window: 32 };
    const had = share([mixed, ...same(9, { tenant: 't', takes: [500], window: 32 })], { maxSlots: 20 }, 600_000);
    assertShare(had.slice(0, 1), (20 * 600_000) / 10, 200_000);
  });

  it('a tenant with forty endpoints has no more than one with a single endpoint', () => {
    const all = [...same(40, { tenant: 'many', takes: [1_000], window: 8 }), ...same(1, { tenant: 'one', takes: [1_000], window: 20 })];
    const had = share(all, { maxSlots: 20 }, 200_000);
    assertShare(had.slice(0, 40), (20 * 200_000) / 2, 130_000);
    assertShare(had.slice(40), (20 * 200_000) / 2, 130_000);
  });

  it('a tenant whose endpoints all hang has no more than the others', () => {
    const all = [
      ...same(30, { tenant: 'hanging', takes: [20_000], window: 4 }),
      ...same(10, { tenant: 'healthy', takes: [100], window: 32 }),
    ];
    const had = share(all, { maxSlots: 32 }, 400_000);
    assertShare(had.slice(30), (32 * 400_000) / 2, 32 * 20_000);
  });

  it('what one does not use the others have', () => {
    const all = [...same(1, { tenant: 'small', takes: [1_000], window: 2 }), ...same(2, { tenant: 'big', takes: [1_000], window: 32 })];
    const had = share(all, { maxSlots: 20 }, 100_000);
    assertShare(had.slice(0, 1), 2 * 100_000, 2_000);
    assertShare(had.slice(1), 18 * 100_000, 2_000);
  });
});

describe('who comes', () => {
  const ready = { first: 1_000 };
  const setUp = (): {
    clock: { time: number; now: () => number };
    ring: FairRing<{ name: string }>;
    serve: (times: number, takes: number) => string;
  } => {
    const clock = { time: 0, now: (): number => clock.time };
    const ring = new FairRing<{ name: string }>(clock, { maxSlots: 1, endpointShare: 1, tenantShare: 1 });
    const serve = (times: number, takes: number): string =>
      Array.from({ length: times }, () => {
        const slot = ring.take() ?? assert.fail('nobody is served');
        clock.time += takes;
        ring.release(slot);
        return slot.endpoint.name;
      }).join('');
    return { clock, ring, serve };
  };

  it('has not saved up what the others had before', () => {
    const { ring, serve } = setUp();
    const [a, b] = [{ name: 'a' }, { name: 'b' }];
    ring.add(a, 't');
    ring.add(b, 't');
    ring.offer(b, { first: 1 }, 32);
    ring.offer(a, ready, 32);
    serve(200, 1_000);
    ring.offer(b, ready, 32);
    const served = serve(40, 1_000);
    assert.ok(Math.abs(served.split('a').length - served.split('b').length) <= 8, served);
  });

  it('waits no longer for what it had before than the most it may be ahead', () => {
    const { ring, serve } = setUp();
    const [a, b] = [{ name: 'a' }, { name: 'b' }];
    ring.add(a, 't');
    ring.add(b, 't');
    ring.offer(a, ready, 32);
    serve(1, 3_600_000);
    ring.offer(b, ready, 32);
    assert.match(serve(140, 1_000), /^b{100,130}a/);
  });
});

describe('nobody waits for ever', () => {
  const seed = Date.now() & 0x7fff_ffff;
  it(`whatever the others take (seed ${seed})`, () => {
    const takes = fc.array(fc.constantFrom(500, 2_000, 10_000, 29_000), { minLength: 1, maxLength: 5 });
    const endpoint = fc.record({ tenant: fc.constantFrom('a', 'b', 'c'), takes, window: fc.integer({ min: 1, max: 32 }) });
    fc.assert(
      fc.property(
        fc.array(endpoint, { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 2, max: 8 }),
        fc.boolean(),
        (endpoints, maxSlots, hasCaps) => {
          const options = hasCaps ? { maxSlots, endpointShare: 0.2, tenantShare: 0.5 } : { maxSlots };
          // All may be ahead of the one that waits, at both levels, before it is its turn.
          const bound = Math.ceil((2 * endpoints.length * (120_000 + 29_000)) / maxSlots);
          for (const { longestWait } of share(endpoints, options, 2 * bound))
            assert.ok(longestWait <= bound, `waited ${longestWait} of at most ${bound} ms`);
        },
      ),
      { seed, numRuns: 12 },
    );
  });
});

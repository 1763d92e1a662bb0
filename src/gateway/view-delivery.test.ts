import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ViewRequest } from '../core/entrypoint.ts';
import type { Event } from '../core/event.ts';
import type { Overflow } from '../core/policy.ts';
import { same, ViewingWorld, type Lineage, type Step } from '../testing/viewing-world.ts';

const view: fc.Arbitrary<ViewRequest> = fc.record({
  fields: fc.constantFrom(undefined, undefined, 'n,kept,list.n'),
  sample: fc.constantFrom(undefined, undefined, '1/2'),
  conflate: fc.constantFrom(undefined, '1s'),
  delta: fc.constantFrom(undefined, 'patch'),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('publish' as const), subjects: fc.array(fc.nat(3), { minLength: 1, maxLength: 7 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      overflow: fc.constantFrom<Overflow>('pause', 'pause', 'drop-oldest', 'conflate'),
      view,
      filter: fc.constantFrom(undefined, undefined, 'data.even'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('stall' as const, 'stall' as const, 'read' as const, 'cut' as const), who: fc.nat(7) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('turns' as const), count: fc.nat(4) }) },
);

describe('delivery through a view', () => {
  test('ends with the newest value of everything, in order, and leaves out only what it may', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80, size: 'max' }), async (steps) => {
      const world = await ViewingWorld.open();
      for (const each of steps) await world.step(each);
      await world.settle();
      for (const lineage of world.lineages) {
        check(world, lineage);
        changes += lineage.memory.changes;
      }
    });
    let changes = 0;
    await fc.assert(property, { numRuns: 60, seed: Number(process.env['SEED'] ?? Date.now() % 2 ** 31) });
    assert.ok(changes > 500, `${changes} changes`);
  });
});

describe('readers of one view', () => {
  const read = async (view: ViewRequest): Promise<ViewingWorld> => {
    const world = await ViewingWorld.open();
    for (let reader = 0; reader < 20; reader += 1) await world.step({ do: 'join', overflow: 'pause', view, filter: undefined });
    for (let n = 0; n < 10; n += 1) {
      await world.step({ do: 'publish', subjects: [0] });
      await world.step({ do: 'turns', count: 4 });
    }
    await world.settle();
    for (const { memory } of world.lineages) assert.equal(memory.ids.length, 10);
    return world;
  };

  test('share every frame, also where an event is a change of another one', async () => {
    assert.equal((await read({})).format.encoded, 10);
    assert.equal((await read({ fields: 'n,list.n' })).format.encoded, 10);
    const { format, lineages } = await read({ delta: 'patch', fields: 'n,kept,list.n' });
    assert.equal(format.encoded, 10);
    for (const { memory } of lineages) assert.equal(memory.changes, 9);
  });
});

function check({ backbone, published }: ViewingWorld, { view: asked, filter, governor, start, memory }: Lineage): void {
  const expected = published.filter((event) => backbone.compare(event.position, start) > 0 && (filter === undefined || filter.test(event)));
  const newest = new Map(expected.map((event) => [event.subject as string, project(event, asked)]));
  const { ids, gapped, values } = memory;
  const overflow = governor.outbox?.overflow;
  const got = new Set(ids);
  assert.equal(got.size, ids.length, 'no event comes twice');
  assert.deepEqual(
    ids,
    expected.filter(({ id }) => got.has(id)).map(({ id }) => id),
    'what comes is in order',
  );
  if (overflow !== 'drop-oldest') assert.deepEqual(values, new Map([...newest].filter(([subject]) => values.has(subject))));
  if (overflow === 'pause') assert.equal(values.size, newest.size);
  if (asked.conflate === undefined) assert.equal(ids.length + gapped, expected.length, 'what does not come is named');
  else assert.ok(ids.length + gapped <= expected.length);
}

function project(event: Event, { fields }: ViewRequest): unknown {
  const { n, ...others } = event.json() as { n: number };
  return fields === undefined ? { n, ...others } : { n, kept: same, list: [{ n }] };
}

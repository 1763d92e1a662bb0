import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventDraft } from '../core/event.ts';
import { systemClock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import { computingTime } from '../testing/computing-time.ts';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import type { ApiRuntime, BoundSubscription } from './catalogue.ts';
import { combineStages } from './compile.ts';
import { FilterPreview, type Preview, type PreviewRequest } from './filter-preview.ts';

const log = 'default/shop';
const channel = { address: 'orders', send: true, receive: false };

interface WorldOptions {
  readonly state?: string;
  readonly mayRead?: readonly string[];
  readonly mostTime?: number;
}

/** A gateway's catalogue with one API whose channels are orders/berlin and orders/paris, and one subscription. */
function worldOf({ state = 'accepted', mayRead = ['*'], mostTime = 30_000 }: WorldOptions = {}) {
  const backbone = new MemoryBackbone();
  const find = (address: string) => (/^orders\/(berlin|paris)$/.test(address) ? channel : undefined);
  const contract = { find, findAll: () => [channel] };
  const resource = { name: 'shop', spec: { lifecycle: 'published' } };
  const api = { log, backbone, contract, resource } as unknown as ApiRuntime;
  const onRead = (_: unknown, address: string) =>
    mayRead.includes(address) || mayRead[0] === '*' ? undefined : new GatewayError('FORBIDDEN', 'No.');
  const bound = {
    resource: { spec: { state, api: 'shop' } },
    context: { api: 'shop', as: 'client', allow: { read: ['*'], publish: [] } },
    stages: combineStages([{ onRead }]),
  } as unknown as BoundSubscription;
  const catalogue = { subscription: (id: string) => (id === 'sub' ? bound : undefined), api: () => api };
  const previews = new FilterPreview({ catalogue, clock: systemClock, mostTime });
  const preview = (more: Partial<PreviewRequest> = {}): Promise<Preview> =>
    previews.preview({ subscription: 'sub', address: '*', wantsType: () => true, filter: undefined, limit: 1000, ...more });
  let n = 0;
  const publish = async (count: number, address = 'orders/berlin', data: object = {}): Promise<void> => {
    const drafts = Array.from({ length: count }, (): EventDraft => {
      n += 1;
      const bytes = Buffer.from(JSON.stringify({ n, ...data }));
      return { id: `e${n}`, source: '/t', type: n % 2 ? 'odd' : 'even', extensions: {}, data: bytes, dataKind: 'json' };
    });
    await backbone.publish({ log, address }, drafts);
  };
  return { publish, preview };
}

describe('A preview of a filter', () => {
  it('counts how many of the newest events match, and shows the newest of them without their data', async () => {
    const { publish, preview } = worldOf();
    await publish(30);
    const { examined, matched, from, to, complete, examples, faults } = await preview({ filter: 'data.n > 20' });
    assert.deepEqual([examined, matched, complete, faults], [30, 10, true, { events: 0, examples: [] }]);
    assert.deepEqual(
      examples.map(({ id }) => id),
      ['e30', 'e29', 'e28', 'e27', 'e26'],
    );
    assert.ok(from !== null && to !== null && from <= to);
    assert.ok(!('data' in examples[0]!));
  });

  it('looks at no more than was asked for, and those are the last ones', async () => {
    const { publish, preview } = worldOf();
    await publish(700);
    await publish(700);
    const { examined, matched, examples } = await preview({ filter: 'data.n > 1300', limit: 200 });
    assert.deepEqual([examined, matched, examples[0]?.id], [200, 100, 'e1400']);
  });

  it('keeps to the address and the types', async () => {
    const { publish, preview } = worldOf();
    await publish(10, 'orders/berlin');
    await publish(10, 'orders/paris');
    const { examined, matched } = await preview({ address: 'orders/paris', wantsType: (type) => type === 'odd' });
    assert.deepEqual([examined, matched], [10, 5]);
  });

  it('says on which events the expression fails, and why', async () => {
    const { publish, preview } = worldOf();
    await publish(8);
    await publish(2, 'orders/berlin', { total: 5 });
    const { matched, faults } = await preview({ filter: 'data.total > 1' });
    assert.deepEqual([matched, faults.events, faults.examples.length], [2, 8, 5]);
    assert.deepEqual([faults.examples[0]?.id, faults.examples[0]?.sentence], ['e8', 'The event has no data.total.']);
  });

  it('is of nothing where there is nothing', async () => {
    const { preview } = worldOf();
    const nothing = { examined: 0, matched: 0, from: null, to: null, complete: true, examples: [], faults: { events: 0, examples: [] } };
    assert.deepEqual(await preview(), nothing);
  });

  it('ends when its time is up, and says how far it came', async () => {
    const { publish, preview } = worldOf({ mostTime: 0 });
    await publish(1000);
    const { examined, complete } = await preview();
    assert.deepEqual([examined, complete], [0, false]);
  });

  it('leaves the thread to others, however much a filter costs', async () => {
    const { publish, preview } = worldOf({ mostTime: 500 });
    await publish(300, 'orders/berlin', { long: 'x'.repeat(20_000) });
    const filter = `data.long.matches("(x{0,90}y){2}") || data.long.matches("(x{0,90}z){2}") || data.n > 0`;
    const [computed, begun] = [computingTime(), performance.now()];
    const { examined } = await preview({ filter });
    const share = computed() / (performance.now() - begun);
    assert.ok(examined > 0);
    assert.ok(share < 0.8, `it was busy ${share} of the time`);
  });

  it('is refused where the subscription may not read', async () => {
    const codes = async (options: WorldOptions, more: Partial<PreviewRequest>): Promise<string> =>
      await worldOf(options)
        .preview(more)
        .then(
          () => 'none',
          (error: GatewayError) => error.code,
        );
    assert.equal(await codes({ mayRead: ['orders/berlin'] }, { address: 'orders/paris' }), 'FORBIDDEN');
    assert.equal(await codes({ mayRead: ['orders/berlin'] }, { address: 'orders/berlin' }), 'none');
    assert.equal(await codes({}, { address: 'stock' }), 'CHANNEL_NOT_FOUND');
    assert.equal(await codes({ state: 'paused' }, {}), 'SUBSCRIPTION_INACTIVE');
    assert.equal(await codes({}, { subscription: 'other' }), 'SUBSCRIPTION_INACTIVE');
    assert.equal(await codes({}, { filter: 'data.n >' }), 'INVALID_FILTER');
  });

  it('is one at a time for a subscription', async () => {
    const { publish, preview } = worldOf();
    await publish(10);
    const first = preview();
    await assert.rejects(preview(), { code: 'OVERLOADED' });
    assert.equal((await first).examined, 10);
    assert.equal((await preview()).examined, 10);
  });
});

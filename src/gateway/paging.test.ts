import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventDraft } from '../core/event.ts';
import type { Meter, ReaderRequest } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import type { ApiRuntime, BoundSubscription } from './catalogue.ts';
import { combineStages } from './compile.ts';
import { Feeds } from './feeds.ts';
import { LostReaders } from './lost-readers.ts';
import { readPage } from './paging.ts';
import { Views } from './view.ts';

const channel = { log: 'default/test', address: 'a' };

/** Books that remember how far was charged. */
function meterOf(charges: { events: number; position: Position }[]): Meter {
  const open = ({ start }: ReaderRequest) =>
    Promise.resolve({
      id: 'r',
      cursor: start,
      charged: start,
      charge: ({ events, position }: { events: readonly unknown[]; position: Position }) =>
        void charges.push({ events: events.length, position }),
      drop: () => undefined,
      join: () => undefined,
      leave: () => undefined,
      confirm: () => undefined,
      state: () => undefined,
      close: () => undefined,
    });
  return { open, knows: () => false } as unknown as Meter;
}

function worldOf(view = new Views().of({})) {
  const backbone = new MemoryBackbone();
  const feeds = new Feeds(() => ({ charge: () => undefined }));
  const charges: { events: number; position: Position }[] = [];
  const subscription = { resource: { id: 's' }, context: {}, stages: combineStages([]) } as unknown as BoundSubscription;
  const api = { log: channel.log, backbone } as unknown as ApiRuntime;
  const paging = {
    meter: meterOf(charges),
    lost: new LostReaders(),
    feeds,
    api,
    subscription: () => subscription,
    protocol: 'poll',
    view,
  };
  const page = (wait: number, from: 'earliest' | 'latest', signal = new AbortController().signal) =>
    readPage(paging, { address: 'a', from: { at: from }, limit: 10, wait, signal }, () => assert.fail('there is no limit'));
  return { backbone, feeds, charges, page };
}

const draft: EventDraft = { id: '1', source: '/t', type: 't', extensions: {}, data: undefined, dataKind: 'json' };

describe('Pages', () => {
  it('leave nobody waiting behind, however they end', async () => {
    const { backbone, feeds, page } = worldOf();
    const { feed, release } = await feeds.borrow(backbone, channel);
    await backbone.publish(channel, [draft]);
    for (let n = 0; n < 50; n += 1) await page(0, 'earliest');
    for (let n = 0; n < 50; n += 1) await page(10_000, 'earliest');
    await page(5, 'latest');
    const gone = new AbortController();
    const waiting = page(10_000, 'latest', gone.signal);
    gone.abort();
    assert.deepEqual((await waiting).events, []);
    assert.equal(feed.waiting, 0);
    release();
    await feeds.close();
  });

  it('come as soon as there is something, and are charged', async () => {
    const { backbone, charges, feeds, page } = worldOf();
    const waiting = page(10_000, 'latest');
    while (feeds.size === 0 || (await feeds.borrow(backbone, channel)).feed.waiting === 0);
    await backbone.publish(channel, [draft]);
    assert.equal((await waiting).events.length, 1);
    assert.deepEqual(
      charges.map(({ events }) => events),
      [1],
    );
    await feeds.close();
  });

  it('nobody is there to take are not charged', async () => {
    const { backbone, charges, feeds, page } = worldOf();
    await backbone.publish(channel, [draft]);
    const gone = new AbortController();
    const left = page(0, 'earliest', gone.signal);
    gone.abort();
    assert.deepEqual((await left).events, []);
    assert.deepEqual(charges, []);
    await feeds.close();
  });

  it('of the newest of each key come also where events never stop', async () => {
    const { backbone, feeds, page } = worldOf(new Views().of({ view: { conflate: '1s', by: 'subject' } }));
    await backbone.publish(channel, [{ ...draft, subject: 'a' }]);
    let isOver = false;
    // Whoever has read finds something new.
    const publishing = (async () => {
      while (!isOver) {
        void backbone.publish(channel, [{ ...draft, subject: 'a' }]);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const { events } = await page(0, 'earliest').finally(() => (isOver = true));
    await publishing;
    assert.equal(events.length, 1);
    await feeds.close();
  });
});

import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import type { Channel } from '../core/backbone.ts';
import { MemoryBackbone } from '../testing/memory-backbone.ts';
import { Feeds } from './feeds.ts';

describe('Feeds', () => {
  const channel = (address: string): Channel => ({ log: 'default/test', address });

  it('are shared by address, and closed a little after the last reader left', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const feeds = new Feeds(() => ({ charge: () => undefined }));
      const backbone = new MemoryBackbone();
      const [one, two, other] = await Promise.all([
        feeds.borrow(backbone, channel('a')),
        feeds.borrow(backbone, channel('a')),
        feeds.borrow(backbone, channel('b')),
      ]);
      assert.equal(one.feed, two.feed);
      assert.notEqual(one.feed, other.feed);
      one.release();
      one.release();
      mock.timers.tick(60_000);
      assert.equal(feeds.size, 2, 'giving back twice counts once');
      two.release();
      mock.timers.tick(1000);
      const again = await feeds.borrow(backbone, channel('a'));
      assert.equal(again.feed, one.feed);
      mock.timers.tick(60_000);
      assert.equal(feeds.size, 2);
      again.release();
      other.release();
      mock.timers.tick(5000);
      assert.equal(feeds.size, 0);
    } finally {
      mock.timers.reset();
    }
  });

  it('do not pile up when a client asks for ever new addresses', async () => {
    const feeds = new Feeds(() => ({ charge: () => undefined }));
    const backbone = new MemoryBackbone();
    for (let n = 0; n < 3000; n += 1) {
      const { release } = await feeds.borrow(backbone, channel(`a/${n}`));
      release();
    }
    assert.ok(feeds.size <= 1001, `${feeds.size} feeds`);
    await feeds.close();
    assert.equal(feeds.size, 0);
  });

  it('that cannot be opened are tried again by the next reader', async () => {
    const feeds = new Feeds(() => ({ charge: () => undefined }));
    const backbone = new MemoryBackbone();
    const broken = { consume: () => Promise.reject(new Error('down')) } as unknown as MemoryBackbone;
    await assert.rejects(feeds.borrow(broken, channel('a')));
    assert.equal(feeds.size, 0);
    const { release } = await feeds.borrow(backbone, channel('a'));
    release();
    await feeds.close();
  });
});

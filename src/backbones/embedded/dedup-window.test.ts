import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DedupWindow } from './dedup-window.ts';
import { hashKey } from './event-key.ts';

describe('DedupWindow', () => {
  it('finds every event of the window by its hash, and hardly anything else', () => {
    const window = new DedupWindow({ window: 1000, maxEntries: 1_000_000 });
    for (let seq = 1; seq <= 50_000; seq++) window.add(hashKey(`event-${seq}`, 7), seq, Math.floor(seq / 50));
    for (let seq = 1; seq <= 50_000; seq += 7) assert.deepEqual(window.find(hashKey(`event-${seq}`, 7)), [seq]);
    for (let seq = 50_001; seq <= 100_000; seq++) assert.equal(window.find(hashKey(`event-${seq}`, 7)), undefined);
  });

  it('names all events that share a hash', () => {
    const window = new DedupWindow({ window: 1000, maxEntries: 1000 });
    const hash = { high: 1, low: 2 };
    for (const seq of [3, 4]) window.add(hash, seq, 0);
    window.add(hash, 900, 600);
    window.add({ high: 2, low: 2 }, 901, 600);
    assert.deepEqual(window.find(hash)?.sort(), [3, 4, 900]);
  });

  it('forgets what is older than the window, but nothing within it', () => {
    const window = new DedupWindow({ window: 1000, maxEntries: 1_000_000 });
    for (let at = 0; at <= 10_000; at += 10) {
      window.add(hashKey(String(at), 0), at + 1, at);
      for (let age = 0; age <= Math.min(at, 990); age += 90) assert.ok(window.find(hashKey(String(at - age), 0)), `${at - age} at ${at}`);
    }
    assert.equal(window.find(hashKey('0', 0)), undefined);
    assert.ok(window.size <= 151, String(window.size));
  });

  it('keeps no more than its bound', () => {
    const window = new DedupWindow({ window: 1_000_000, maxEntries: 1000 });
    for (let seq = 1; seq <= 100_000; seq++) window.add(hashKey(String(seq), 0), seq, 0);
    assert.ok(window.size <= 1000);
    assert.deepEqual(window.find(hashKey('100000', 0)), [100_000]);
  });

  it('hashes with few collisions and depends on the seed', () => {
    const seen = new Set<string>();
    for (let index = 0; index < 200_000; index++) {
      const { high, low } = hashKey(`12 /orders/${index % 7}${index}`, 1);
      seen.add(`${high} ${low}`);
    }
    assert.equal(seen.size, 200_000);
    assert.notDeepEqual(hashKey('a', 1), hashKey('a', 2));
  });
});

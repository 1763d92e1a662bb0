import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Resource } from '../../store/resources.ts';
import { ManualTime } from '../../testing/manual-time.ts';
import { LeaseWatch } from './lease-watch.ts';

class Leases {
  readonly time = new ManualTime();
  readonly ends = new Map<string, number>();
  readonly ended: (readonly [string, number])[] = [];
  isBroken = false;
  commits = 0;
  readonly begun = this.time.now();
  readonly watch = new LeaseWatch({
    clock: this.time,
    schedule: this.time.schedule,
    all: () => [...this.ends].map(([id, leaseUntil]) => ({ id, spec: { websub: { leaseUntil } } }) as unknown as Resource<'endpoint'>),
    end: (ids) => {
      if (this.isBroken) return Promise.reject(new Error('the disk is full'));
      this.commits += 1;
      for (const id of ids) {
        this.ends.delete(id);
        this.ended.push([id, this.time.now() - this.begun]);
      }
      return Promise.resolve();
    },
    onBug: () => undefined,
  });

  lasts(id: string, milliseconds: number): void {
    this.ends.set(id, this.begun + milliseconds);
    this.watch.lasts(this.begun + milliseconds);
  }

  async advance(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 100) {
      this.time.advance(100);
      await new Promise(setImmediate);
    }
  }
}

describe('the end of leases', () => {
  test('WS-I3: each subscription ends when its lease is over, whatever the order in which they were made', async () => {
    const leases = new Leases();
    leases.lasts('later', 3000);
    leases.lasts('sooner', 1000);
    await leases.advance(5000);
    assert.deepEqual(leases.ended, [
      ['sooner', 1000],
      ['later', 3000],
    ]);
  });

  test('WS-I3: what is over when it begins ends at once', async () => {
    const leases = new Leases();
    leases.ends.set('old', leases.begun - 1);
    await leases.watch.look();
    assert.deepEqual(leases.ended, [['old', 0]]);
  });

  test('many that are over when it begins end in a few commits', async () => {
    const leases = new Leases();
    for (let n = 0; n < 10_000; n++) leases.ends.set(`s${n}`, leases.begun - 1);
    await leases.watch.look();
    assert.equal(leases.ended.length, 10_000);
    assert.equal(leases.commits, 20);
  });

  test('a lease that was renewed does not end at its old time', async () => {
    const leases = new Leases();
    leases.lasts('one', 1000);
    leases.lasts('one', 4000);
    await leases.advance(5000);
    assert.deepEqual(leases.ended, [['one', 4000]]);
  });

  test('an end that could not be written is tried again', async () => {
    const leases = new Leases();
    leases.lasts('one', 1000);
    leases.isBroken = true;
    await leases.advance(1500);
    leases.isBroken = false;
    await leases.advance(2000);
    assert.deepEqual(leases.ended, [['one', 2000]]);
  });

  test('nothing is left behind when it closes', async () => {
    const leases = new Leases();
    leases.lasts('one', 1000);
    leases.watch.close();
    leases.lasts('two', 2000);
    await leases.advance(3000);
    assert.deepEqual([leases.ended, leases.time.pending], [[], 0]);
  });
});

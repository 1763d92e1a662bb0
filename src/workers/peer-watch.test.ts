import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../testing/until.ts';
import { PeerWatch } from './peer-watch.ts';

test('clients that go while they wait are told of once, and only those that are still waited for', { timeout: 60_000 }, async () => {
  const watch = new PeerWatch();
  const [going, ending, served, staying] = [
    { destroyed: false },
    { destroyed: false, readableEnded: false },
    { destroyed: false },
    { destroyed: false },
  ];
  const gone: string[] = [];
  watch.add(going, () => gone.push('going'));
  watch.add(ending, () => gone.push('ending'));
  const stop = watch.add(served, () => gone.push('served'));
  const stopStaying = watch.add(staying, () => gone.push('staying'));
  going.destroyed = true;
  served.destroyed = true;
  stop();
  await until(
    async () => gone.length === 1,
    () => 'nobody was missed',
  );
  ending.readableEnded = true;
  await until(
    async () => gone.length === 2,
    () => 'nobody was missed',
  );
  stopStaying();
  assert.deepEqual(gone, ['going', 'ending']);
});

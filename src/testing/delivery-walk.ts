import assert from 'node:assert/strict';
import type { CommandWalk } from './command-walk.ts';

/** An endpoint of the application `hooks` under a push subscription, and all that can be done about its deliveries; `publish` publishes an event that is for it. */
export async function walkDeliveries(walk: CommandWalk, subscription: string, publish: () => Promise<unknown>): Promise<void> {
  const call: CommandWalk['call'] = (...given) => walk.call(...given);
  const objects: CommandWalk['objects'] = (...given) => walk.objects(...given);
  const hook = ['--subscription', subscription, '--name', 'hook', '--url'];
  const inner = await call(['endpoints', 'add', ...hook, 'http://10.1.2.3/hook']);
  assert.deepEqual([inner.exit, /10\.1\.2\.3 is not on the public internet/.test(inner.stderr)], [7, true]);
  const [made] = await objects(['endpoints', 'add', ...hook, 'http://127.0.0.1:9/hook', '--retry', 'none']);
  assert.match(String(made?.['secret']), /^whsec_/);
  const id = String(made?.['id']);
  assert.deepEqual(await objects(['endpoints', 'keys', id]), []);
  assert.equal((await call(['endpoints', 'verify', id])).exit, 6);
  assert.equal((await objects(['endpoints', 'set', id, '--timeout', '5s']))[0]?.['timeout'], 5000);
  await publish();
  let attempts: Record<string, unknown>[] = [];
  while (attempts.length === 0) attempts = await objects(['deliveries', 'attempts', id]);
  assert.deepEqual([attempts[0]?.['outcome'], attempts[0]?.['failure']], ['dead', 'connect']);
  assert.equal((await objects(['deliveries', 'list', id, '--state', 'dead'])).length, 1);
  const [again] = await objects(['deliveries', 'replay', id, '--dead', '--wait']);
  assert.deepEqual([again?.['state'], again?.['passed']], ['done', 1]);
  const [own] = await objects(['keys', 'create', 'hooks']);
  const key = ['--key', String(own?.['value'])];
  let letters: Record<string, unknown>[] = [];
  while (letters.length === 0) letters = await objects(['deliveries', 'list', id, '--state', 'dead', ...key]);
  const place = String(letters[0]?.['position']);
  const [whole] = await objects(['deliveries', 'show', id, place, ...key]);
  assert.deepEqual((whole?.['cloudEvent'] as Record<string, unknown> | undefined)?.['data'], { text: 'pushed' });
  assert.deepEqual(await objects(['deliveries', 'discard', id, place, ...key]), [{ discarded: 1 }]);
  assert.equal((await call(['deliveries', 'show', id, place])).exit, 5);
  assert.equal((await objects(['deliveries', 'discard', id, '--dead']))[0]?.['discarded'], 0);
  const [tried] = await objects(['endpoints', 'preview', id, ...key]);
  assert.ok(Number(tried?.['examined']) > 0 && tried?.['matched'] === tried?.['examined']);
  assert.equal((await objects(['endpoints', 'pause', id, ...key]))[0]?.['state'], 'paused');
  const [replay] = await objects(['deliveries', 'replay', id, '--from', 'earliest']);
  assert.equal(replay?.['state'], 'waiting');
  assert.equal((await objects(['deliveries', 'replays', id])).length, 2);
  assert.equal((await objects(['deliveries', 'cancel', id, String(replay?.['id'])]))[0]?.['state'], 'cancelled');
  assert.equal((await objects(['endpoints', 'start', id, '--from', 'now']))[0]?.['state'], 'started');
  assert.equal((await call(['deliveries', 'status', 'end_none'])).exit, 5);
  await objects(['endpoints', 'remove', id]);
  assert.deepEqual(await objects(['endpoints', 'list']), []);
}

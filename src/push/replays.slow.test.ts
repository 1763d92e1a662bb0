import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { worldFiles } from '../testing/gateway-world.ts';
import { openSluice, type SluiceFixture } from '../testing/sluice-fixture.ts';
import { WebhookReceiver, type Post } from '../testing/webhook-receiver.ts';
import { endpointNamed, publishNew, webhookConfig } from '../testing/webhook-world.ts';

const secret = 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=';

interface Delivered {
  readonly id: string;
  readonly type: string;
  readonly position: string;
}

/** Replays as their users see them: a whole Sluice and a receiver. */
describe('a replay', { timeout: 180_000 }, () => {
  const receiver = new WebhookReceiver<Delivered>();
  const { posts } = receiver;
  let sluice: SluiceFixture;

  before(() => receiver.listen());
  after(() => receiver.close());

  beforeEach(async () => {
    receiver.reset();
    sluice = await openSluice(config(), { files: worldFiles(), openOutgoing: ['127.0.0.0/8'] });
  });
  afterEach(() => sluice.stop());

  function config(): string {
    const url = `http://127.0.0.1:${receiver.port}/hook`;
    return webhookConfig(`hook: { url: '${url}', address: '*/events', secret: ${secret}, retry: [100ms] }`);
  }

  const idsOf = (some: readonly Post<Delivered>[]): string[] => some.map(({ event }) => event.id);
  const endpoint = (): Promise<string> => endpointNamed(sluice);

  interface Job {
    readonly id: string;
    readonly state: string;
    readonly [member: string]: unknown;
  }

  async function over(of: string, id: string): Promise<Job> {
    for (;;) {
      const job = (await sluice.client().get(['endpoints', of, 'replays', id])) as unknown as Job;
      if (job.state !== 'waiting' && job.state !== 'running') return job;
      await setTimeout(20);
    }
  }

  const start = async (of: string, body: object): Promise<Job> =>
    (await sluice.client().post(['endpoints', of, 'replays'], body)) as unknown as Job;

  const cancel = async (of: string, id: string): Promise<unknown> => await sluice.client().remove(['endpoints', of, 'replays', id]);

  test('SW-5, SW-27: of a range is sent again with the same ids, marked, beside what comes, and leaves the reader where it is', async () => {
    const of = await endpoint();
    const ids = await publishNew(sluice, 6);
    await receiver.arrived(6);
    const firstTime = new Map(posts.map(({ event, headers }) => [event.id, headers['webhook-id']]));
    const place = new Map(posts.map(({ event }) => [event.id, event.position]));
    const job = await start(of, { from: place.get(ids[0] ?? ''), until: place.get(ids[4] ?? '') });
    assert.deepEqual([job['total'], job['kind']], [4, 'range']);
    const later = await publishNew(sluice, 1);
    const done = await over(of, job.id);
    assert.deepEqual(
      [done.state, done['sent'], done['succeeded'], done['failed'], done['passed'], done['cursor']],
      ['done', 4, 4, 0, 4, job['until']],
    );
    await receiver.arrived(11);
    const again = posts.slice(6).filter(({ headers }) => headers['webhook-replay'] === job.id);
    assert.deepEqual(idsOf(again).toSorted(), ids.slice(1, 5).toSorted());
    for (const { event, headers, body } of again) {
      assert.equal(headers['webhook-id'], firstTime.get(event.id));
      assert.equal(headers['webhook-attempt'], '1');
      new Webhook(secret).verify(body, headers as Record<string, string>);
    }
    assert.deepEqual(idsOf(posts.slice(6).filter(({ headers }) => headers['webhook-replay'] === undefined)), later);
    const { items } = (await sluice.client().get(['endpoints', of, 'attempts'])) as unknown as { items: { lane: string }[] };
    assert.equal(items.filter(({ lane }) => lane === 'replay').length, 4);
    const billed = async (): Promise<number> => ((await sluice.client().get(['usage']))['total'] as { events: number }).events;
    while ((await billed()) < 11) await setTimeout(20);
    assert.equal(await billed(), 11, 'a replayed delivery is a delivery');
    assert.equal((await sluice.client().get(['usage', 'verify']))['ok'], true);
    const readers = async (): Promise<readonly (string | null)[]> =>
      ((await sluice.client().get(['readers'])) as unknown as { items: { name: string | null }[] }).items.map(({ name }) => name);
    // It gives its reader back.
    while ((await readers()).some((name) => name?.startsWith('replay'))) await setTimeout(20);
  });

  test('takes only the types it was asked for, and from a time on', async () => {
    const of = await endpoint();
    await publishNew(sluice, 3);
    await receiver.arrived(3);
    const from = new Date(Date.now() - 60_000).toISOString();
    const none = await over(of, (await start(of, { from, types: ['other.*', 'test'] })).id);
    assert.deepEqual([none.state, none['total'], none['sent'], none['passed']], ['done', 3, 0, 3]);
    const all = await over(of, (await start(of, { from, types: ['test.*'] })).id);
    assert.deepEqual([all.state, all['succeeded'], all['passed'], posts.length], ['done', 3, 3, 6]);
  });

  test('goes on after a restart, waits while its endpoint is paused, and ends at once when it is cancelled', async () => {
    const of = await endpoint();
    // So many that it is not over by itself before it is called off: it begins with 1 a second, and then with 2, 4 and so on.
    await publishNew(sluice, 200);
    await receiver.arrived(200);
    const first = await start(of, { from: 'earliest' });
    const second = await start(of, { from: 'earliest' });
    await receiver.arrived(202);
    await sluice.restart({ grace: 100 });
    await receiver.arrived(203);
    await sluice.client().post(['endpoints', of, 'pause'], {});
    const seen = posts.length;
    await cancel(of, second.id);
    await sluice.client().post(['endpoints', of, 'start'], {});
    await receiver.arrived(seen + 2);
    await cancel(of, first.id);
    const ended = posts.length;
    assert.equal((await over(of, first.id)).state, 'cancelled');
    await publishNew(sluice, 1);
    const isThere = (): boolean => posts.slice(ended).some(({ headers }) => headers['webhook-replay'] === undefined);
    while (!isThere()) await receiver.arrived(posts.length + 1);
    // One whose answer was under way when it was called off may have come in still.
    assert.ok(posts.length <= ended + 2, `${posts.length - ended} came`);
    const { items } = (await sluice.client().get(['endpoints', of, 'replays'])) as unknown as { items: Job[] };
    assert.deepEqual(
      items.map(({ state }) => state),
      ['cancelled', 'cancelled'],
    );
  });

  test('counts what its receiver refuses for good, which is no dead letter of the endpoint', async () => {
    const of = await endpoint();
    await publishNew(sluice, 3);
    await receiver.arrived(3);
    receiver.status = 500;
    const job = await start(of, { from: 'earliest' });
    const done = await over(of, job.id);
    assert.deepEqual([done.state, done['sent'], done['succeeded'], done['failed']], ['done', 6, 0, 3]);
    const health = await sluice.client().get(['endpoints', of, 'status']);
    assert.deepEqual([health['waiting'], health['dead']], [0, 0]);
  });

  test('SW-27: of what was given up goes on by itself until nothing of it is left', async () => {
    const of = await endpoint();
    receiver.status = 500;
    await publishNew(sluice, 3);
    const dead = async (): Promise<unknown> => (await sluice.client().get(['endpoints', of, 'status']))['dead'];
    while ((await dead()) !== 3) await setTimeout(20);
    receiver.status = 204;
    const job = await start(of, { state: 'dead' });
    const done = await over(of, job.id);
    assert.deepEqual([done.state, done['kind'], done['total'], done['passed']], ['done', 'dead', 3, 3]);
    while ((await sluice.client().get(['endpoints', of, 'status']))['waiting'] !== 0) await setTimeout(20);
    assert.equal(await dead(), 0);
  });

  test('of a place the log no longer has is refused, and so is what is no range', async () => {
    const of = await endpoint();
    const [id] = await publishNew(sluice, 1);
    await receiver.arrived(1);
    assert.equal(posts[0]?.event.id, id);
    for (const body of [{ from: 'abc123-9' }, { from: new Date().toISOString(), until: '2020-01-01T00:00:00Z' }]) {
      await assert.rejects(start(of, body), /earlier life of this log|ends before it begins/);
    }
  });

  test('goes with its endpoint, and leaves nothing behind', async () => {
    const of = await endpoint();
    await publishNew(sluice, 30);
    await receiver.arrived(30);
    await start(of, { from: 'earliest' });
    await start(of, { from: 'earliest' });
    await receiver.arrived(32);
    await sluice.client().remove(['endpoints', of]);
    const database = new DatabaseSync(join(sluice.data, 'sluice.db'), { readOnly: true, timeout: 10_000 });
    try {
      const left = (): unknown[] =>
        ['push_replay', 'push_delivery', 'push_settled', `reader WHERE name LIKE 'replay:%'`].flatMap((table) =>
          database.prepare(`SELECT 1 FROM ${table}`).all(),
        );
      while (left().length > 0) await setTimeout(20);
    } finally {
      database.close();
    }
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { countByLag } from '../metering/log-count.ts';
import { verifyCounts } from '../metering/verify-counts.ts';
import { verifyRanges } from '../metering/verify-ranges.ts';
import { PushWorld, type Received } from '../testing/push-world.ts';
import { randomOf } from '../testing/seeded-random.ts';

const rounds = Number(process.env['ROUNDS'] ?? 10);

/** Ids that a replay is known on disk to have delivered. */
async function replayed(world: PushWorld): Promise<Set<string>> {
  const rows = await world.database.query(
    `SELECT coalesce(e.value, a.event_id) AS id FROM push_attempt a LEFT JOIN json_each(a.events) e
     WHERE a.lane = 'replay' AND a.outcome = 'delivered'`,
  );
  return new Set(rows.map(({ id }) => String(id)));
}

const idsOf = (some: readonly Received[]): string[] => some.flatMap(({ events }) => events.map(({ id }) => id));

describe('a replay that is killed again and again', { timeout: 300_000 }, () => {
  for (const [order, batch] of [
    ['none', undefined],
    ['per-key', undefined],
    ['strict', undefined],
    ['per-key', { events: 5, bytes: 100_000, wait: 5 }],
  ] as const) {
    const how = batch === undefined ? order : `${order} and in batches`;
    test(`SW-5: repeats each event of its range once, with its first id, and bills it, in order ${how}`, async (t) => {
      const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
      t.diagnostic(`seed ${seed}`);
      const random = randomOf(seed);
      const world = await PushWorld.open({ order, batch, concurrency: 6, schedule: { delays: Array.from({ length: 40 }, () => 2) } });
      t.after(async () => {
        // What failed has not stopped it.
        await world.crash().catch(() => undefined);
        await world.close();
      });
      const ids = Array.from({ length: 120 }, (_, index) => `e${index}`);
      await world.publish(ids, (id) => `k${Number(id.slice(1)) % 3}`);
      await world.until(() => new Set(idsOf(world.received)).size === 120);
      const firstIds = new Map(world.received.map(({ id, headers }) => [id, headers['webhook-id']]));
      world.received.length = 0;
      let done = new Set<string>();
      const repeated: string[] = [];
      world.answer = ({ events, headers }, response) => {
        if (headers['webhook-replay'] !== undefined) repeated.push(...events.map(({ id }) => id).filter((id) => done.has(id)));
        const chance = random();
        if (chance < 0.1) response.destroy();
        else if (chance < 0.25) response.writeHead(500).end();
        else response.writeHead(200).end();
      };
      const job = await world.replays.range(world.endpoint, { from: { at: 'earliest' }, until: undefined, types: [] });
      assert.equal(job.total, 120);
      // What is published meanwhile is no part of it, and is not held up by it.
      let live = 0;
      for (let round = 0; round < rounds; round += 1) {
        await world.publish([`live${(live += 1)}`]);
        const wanted = world.received.length + Math.floor(random() * 20);
        const deadline = Date.now() + 300;
        await world.until(() => world.received.length >= wanted || Date.now() > deadline);
        await world.crash();
        await world.begin();
        done = await replayed(world);
      }
      const state = async () => await world.replays.get('end_1', job.id);
      await world.until(async () => (await state())?.state === 'done');
      await world.sync();
      await world.until(() => new Set(idsOf(world.received).filter((id) => id.startsWith('live'))).size >= live);
      assert.deepEqual(repeated, [], 'what was known to be delivered is never sent again');
      const again = world.received.filter(({ headers }) => headers['webhook-replay'] === job.id);
      assert.deepEqual(new Set(idsOf(again)), new Set(ids));
      if (batch === undefined) for (const { id, headers } of again) assert.equal(headers['webhook-id'], firstIds.get(id));
      const over = await state();
      assert.deepEqual([over?.succeeded, over?.failed, over?.passed, over?.cursor], [120, 0, 120, job.until]);
      if (order !== 'none') {
        for (const key of ['k0', 'k1', 'k2']) {
          const seen = [
            ...new Set(
              idsOf(again)
                .map((id) => Number(id.slice(1)))
                .filter((n) => `k${n % 3}` === key),
            ),
          ];
          assert.deepEqual(
            seen,
            seen.toSorted((a, b) => a - b),
          );
        }
      }
      const billed = async (): Promise<number> => {
        await world.ledger.flush();
        return Number((await world.database.query('SELECT sum(n_billable) AS n FROM usage_range'))[0]?.['n']);
      };
      await world.until(async () => (await billed()) >= 240 + live);
      assert.equal(await billed(), 240 + live);
      assert.equal((await verifyRanges(world.database, (_log, a, b) => world.backbone.compare(a, b), 'default'))['ok'], true);
      const lag = countByLag(async (log, address, position) => (await world.backbone.lag({ log, address }, position)).events);
      const { losses, overcharges } = await verifyCounts(world.database, lag, 'default');
      assert.deepEqual([losses, overcharges], [[], []]);
      const left = await world.database.query(
        'SELECT (SELECT count(*) FROM push_delivery) AS owed, (SELECT count(*) FROM push_settled WHERE endpoint <> ?) AS marks, (SELECT count(*) FROM reader WHERE name IS NOT NULL) AS readers',
        ['end_1'],
      );
      assert.deepEqual({ ...left[0] }, { owed: 0, marks: 0, readers: 1 });
      await world.stop();
    });
  }
});

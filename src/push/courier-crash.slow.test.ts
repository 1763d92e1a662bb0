import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PushWorld } from '../testing/push-world.ts';
import { verifyCounts } from '../metering/verify-counts.ts';
import { verifyRanges } from '../metering/verify-ranges.ts';
import { countByLag } from '../metering/log-count.ts';
import { randomOf } from '../testing/seeded-random.ts';

/** Ids whose delivery is on disk: settled ones are in the attempts. */
async function committed(world: PushWorld): Promise<Set<string>> {
  const rows = await world.database.query(`SELECT DISTINCT event_id FROM push_attempt WHERE outcome IN ('delivered', 'dead')`);
  return new Set(rows.map((row) => String(row['event_id'])));
}

const rounds = Number(process.env['ROUNDS'] ?? 12);

describe('a courier that is killed again and again', { timeout: 120_000 }, () => {
  for (const order of ['none', 'per-key', 'strict'] as const) {
    test(`loses nothing, repeats only what was under way, and bills once, in order ${order}`, async (t) => {
      const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
      t.diagnostic(`seed ${seed}`);
      const random = randomOf(seed);
      const world = await PushWorld.open({ order, concurrency: 6, schedule: { delays: Array.from({ length: 30 }, () => 2) } });
      t.after(() => world.close());
      let isCalm = false;
      let done = new Set<string>();
      const repeated: string[] = [];
      world.answer = ({ id }, response) => {
        if (done.has(id)) repeated.push(id);
        const chance = isCalm ? 1 : random();
        if (chance < 0.1) response.destroy();
        else if (chance < 0.3) response.writeHead(500).end();
        else if (chance < 0.35) setTimeout(() => response.end(), 10);
        else response.writeHead(200).end();
      };
      let count = 0;
      const publish = async (): Promise<void> => {
        const ids = Array.from({ length: 1 + Math.floor(random() * 40) }, () => `e${(count += 1)}`);
        await world.publish(ids, (id) => (Number(id.slice(1)) % 4 === 0 ? undefined : `k${Number(id.slice(1)) % 3}`));
      };
      for (let round = 0; round < rounds; round += 1) {
        await publish();
        const before = world.received.length;
        const wanted = before + Math.floor(random() * 30);
        const deadline = Date.now() + 300;
        await world.until(() => world.received.length >= wanted || Date.now() > deadline);
        await world.crash();
        await world.begin();
        done = await committed(world);
      }
      isCalm = true;
      await world.until(async () => {
        await world.ledger.flush();
        return (await committed(world)).size === count;
      });
      assert.deepEqual(repeated, [], 'what was known to be delivered is never sent again');
      const got = new Set(world.received.map(({ id }) => id));
      assert.equal(got.size, count);
      await world.ledger.flush();
      assert.equal((await verifyRanges(world.database, (_log, a, b) => world.backbone.compare(a, b), 'default'))['ok'], true);
      const lag = countByLag(async (log, address, position) => (await world.backbone.lag({ log, address }, position)).events);
      const { losses, overcharges } = await verifyCounts(world.database, lag, 'default');
      assert.deepEqual([losses, overcharges], [[], []]);
      const [sums] = await world.database.query('SELECT sum(n_billable) AS billed FROM usage_range');
      const dead = await world.database.query(`SELECT count(*) AS n FROM push_delivery WHERE state = 'dead'`);
      assert.equal(Number(sums?.['billed']) + Number(dead[0]?.['n']), count);
      await world.stop();
    });
  }
});

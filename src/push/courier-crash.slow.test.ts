import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { countByLag } from '../metering/log-count.ts';
import { verifyCounts } from '../metering/verify-counts.ts';
import { verifyRanges } from '../metering/verify-ranges.ts';
import { PushWorld } from '../testing/push-world.ts';
import { randomOf } from '../testing/seeded-random.ts';
import type { Order } from './key-order.ts';

/** Ids whose delivery is on disk: settled ones are in the attempts. */
async function committed(world: PushWorld): Promise<Set<string>> {
  const rows = await world.database.query(`SELECT DISTINCT event_id FROM push_attempt WHERE outcome IN ('delivered', 'dead')`);
  return new Set(rows.map((row) => String(row['event_id'])));
}

const numberOf = (id: string): number => Number(id.slice(1));
/** One in four has none. */
const subjectOf = (id: string): string | undefined => (numberOf(id) % 4 === 0 ? undefined : `k${numberOf(id) % 3}`);

/** Looks at what comes in, in each run: in its order a delivery comes after everything before it is delivered, and what comes later stays so. */
class OrderWatch {
  readonly faults: string[] = [];
  readonly #keyOf: (id: string) => string | undefined;
  /** Published and not delivered, in their order. */
  readonly #open = new Map<string, Set<string>>();
  #newest = new Map<string, number>();

  constructor(order: Order) {
    this.#keyOf = order === 'none' ? () => undefined : order === 'strict' ? () => 'all' : subjectOf;
  }

  published(id: string): void {
    const key = this.#keyOf(id);
    if (key === undefined) return;
    if (!this.#open.has(key)) this.#open.set(key, new Set());
    this.#open.get(key)!.add(id);
  }

  came(id: string): void {
    const key = this.#keyOf(id);
    if (key === undefined) return;
    const [first] = this.#open.get(key)!;
    if (first !== undefined && numberOf(first) < numberOf(id)) this.faults.push(`${id} before ${first}`);
    const newest = this.#newest.get(key) ?? 0;
    if (numberOf(id) < newest) this.faults.push(`${id} after e${newest}`);
    this.#newest.set(key, Math.max(newest, numberOf(id)));
  }

  delivered(id: string): void {
    this.#open.get(this.#keyOf(id) ?? '')?.delete(id);
  }

  /** What was under way may come again. */
  restarted(): void {
    this.#newest = new Map();
  }
}

const rounds = Number(process.env['ROUNDS'] ?? 12);

describe('a courier that is killed again and again', { timeout: 300_000 }, () => {
  for (const order of ['none', 'per-key', 'strict'] as const) {
    test(`loses nothing, repeats only what was under way, keeps its order and bills once, in order ${order}`, async (t) => {
      const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
      t.diagnostic(`seed ${seed}`);
      const random = randomOf(seed);
      const world = await PushWorld.open({
        order,
        concurrency: 6,
        schedule: { delays: Array.from({ length: 49 }, (_, nth) => (nth < 5 ? 2 : 100)) },
      });
      t.after(async () => {
        await world.crash().catch(() => undefined);
        await world.close();
      });
      const watch = new OrderWatch(order);
      let isCalm = false;
      let done = new Set<string>();
      /** Nothing of it is taken: those behind fill the window. */
      let refused: string | undefined;
      /** What its owner has read over a connection. */
      const read = new Set<string>();
      const repeated: string[] = [];
      const taken = (id: string, answer: () => void): void => {
        watch.delivered(id);
        answer();
      };
      world.answer = ({ id, subject }, response) => {
        if (done.has(id)) repeated.push(id);
        watch.came(id);
        const chance = isCalm ? 1 : random();
        if (chance < 0.1) response.destroy();
        else if (!isCalm && refused !== undefined && (refused === 'all' || subject === refused)) response.writeHead(500).end();
        else if (chance < 0.3) response.writeHead(500).end();
        else if (chance < 0.35) setTimeout(() => taken(id, () => response.end()), 10);
        else taken(id, () => response.writeHead(200).end());
      };
      let count = 0;
      const publish = async (): Promise<void> => {
        const most = random() < 0.3 ? 400 : 40;
        const ids = Array.from({ length: 1 + Math.floor(random() * most) }, () => `e${(count += 1)}`);
        for (const id of ids) watch.published(id);
        await world.publish(ids, subjectOf);
      };
      const readMeanwhile = async (): Promise<void> => {
        for (const id of await world.readAsApplication()) {
          read.add(id);
          watch.delivered(id);
        }
      };
      for (let round = 0; round < rounds; round += 1) {
        const chance = random();
        refused = chance < 0.15 ? 'all' : chance < 0.4 ? 'k1' : undefined;
        await publish();
        const wanted = world.received.length + Math.floor(random() * 60);
        const deadline = Date.now() + 300;
        await world.until(() => world.received.length >= wanted || Date.now() > deadline);
        const end = random();
        if (end < 0.3) {
          await world.courier.stop();
          await world.ledger.flush();
          if (end < 0.15) await readMeanwhile();
        }
        // Takes it over from the courier that runs.
        else if (end < 0.45) await readMeanwhile();
        await world.crash();
        await world.openStore();
        if (end > 0.85) await readMeanwhile();
        watch.restarted();
        done = await committed(world);
        await world.deliver();
      }
      isCalm = true;
      await world.until(async () => {
        await world.ledger.flush();
        const waiting = await world.database.query(`SELECT 1 FROM push_delivery WHERE state <> 'dead' LIMIT 1`);
        return waiting.length === 0 && new Set([...(await committed(world)), ...read]).size === count;
      });
      assert.deepEqual(watch.faults, [], 'the order is kept');
      assert.deepEqual(repeated, [], 'what was known to be delivered is never sent again');
      const got = new Set([...world.received.map(({ id }) => id), ...read]);
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

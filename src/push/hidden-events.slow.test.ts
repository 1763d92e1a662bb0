import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { countByLag } from '../metering/log-count.ts';
import { verifyCounts } from '../metering/verify-counts.ts';
import { verifyRanges } from '../metering/verify-ranges.ts';
import { PushWorld } from '../testing/push-world.ts';
import { randomOf } from '../testing/seeded-random.ts';

/** Events are hidden whose ids begin with one of these letters. */
function hide(world: PushWorld, letters: string): void {
  world.sight = ({ id }) => (letters.includes(id.charAt(0)) ? 'hidden' : 'shown');
}

/** What fails is tried again and again. */
const patient = { schedule: { delays: Array.from({ length: 1000 }, () => 20) } };
const delivered = (world: PushWorld): readonly string[] => world.received.flatMap(({ events }) => events.map(({ id }) => id));
const fail: PushWorld['answer'] = (_received, response) => void response.writeHead(500).end();
const take: PushWorld['answer'] = (_received, response) => void response.writeHead(204).end();

async function rows(world: PushWorld): Promise<number> {
  await world.ledger.flush();
  return (await world.database.query('SELECT 1 FROM push_delivery')).length;
}

async function billed(world: PushWorld): Promise<number> {
  await world.ledger.flush();
  const [row] = await world.database.query('SELECT sum(n_billable) AS billed FROM usage_range');
  return Number(row?.['billed']);
}

async function checkBooks(world: PushWorld, events: number): Promise<void> {
  await world.until(async () => (await billed(world)) >= events);
  assert.equal(await billed(world), events);
  const [row] = await world.database.query('SELECT sum(n_filtered) AS filtered, sum(n_dropped) AS dropped FROM usage_range');
  assert.deepEqual([row?.['filtered'], row?.['dropped']], [0, 0]);
  assert.equal((await verifyRanges(world.database, (_log, a, b) => world.backbone.compare(a, b), 'default'))['ok'], true);
  const lag = countByLag(async (log, address, position) => (await world.backbone.lag({ log, address }, position)).events);
  const { losses, overcharges } = await verifyCounts(world.database, lag, 'default');
  assert.deepEqual([losses, overcharges], [[], []]);
}

describe('events that an endpoint may not read', { timeout: 300_000 }, () => {
  test('are passed over, with nothing about them in the books', () =>
    PushWorld.use({}, async (world) => {
      hide(world, 'h');
      await world.publish(['h1', 'a1', 'h2', 'h3', 'a2', 'h4']);
      await world.until(() => world.received.length === 2);
      await world.until(async () => (await rows(world)) === 0 && world.courier.owed === 0);
      assert.deepEqual(delivered(world).toSorted(), ['a1', 'a2']);
      await checkBooks(world, 2);
    }));

  test('are taken out of a batch that was tried before, and the others go on', () =>
    PushWorld.use({ ...patient, batch: { events: 4, bytes: 100_000, wait: 50 } }, async (world) => {
      world.answer = fail;
      await world.publish(['a1', 'h1', 'a2', 'h2']);
      await world.until(() => world.received.length > 0);
      assert.deepEqual(delivered(world).slice(0, 4), ['a1', 'h1', 'a2', 'h2']);
      hide(world, 'h');
      await world.until(() => world.received.some(({ events }) => events.length === 2));
      world.received.length = 0;
      world.answer = take;
      await world.until(() => world.received.length === 1);
      assert.deepEqual(delivered(world), ['a1', 'a2']);
      await world.until(async () => (await rows(world)) === 0);
      await checkBooks(world, 2);
    }));

  test('hold up none of those that come behind them in an order', () =>
    PushWorld.use({ ...patient, order: 'per-key' }, async (world) => {
      world.answer = ({ id }, response) => void response.writeHead(id.startsWith('h') ? 500 : 204).end();
      await world.publish(['h1', 'h2', 'a1'], () => 'one key');
      await world.until(() => world.received.length > 0);
      hide(world, 'h');
      await world.until(() => delivered(world).includes('a1'));
      assert.ok(!delivered(world).includes('h2'));
      await world.until(async () => (await rows(world)) === 0);
      await checkBooks(world, 1);
    }));

  test('are not sent while nothing at all may be, and wait', () =>
    PushWorld.use({}, async (world) => {
      world.sight = () => 'held';
      await world.publish(['a1', 'a2']);
      await world.until(() => world.courier.owed === 2);
      assert.deepEqual(delivered(world), []);
      await world.crash();
      hide(world, '');
      await world.begin();
      await world.until(() => world.received.length === 2);
      await checkBooks(world, 2);
    }));

  test('are left out of a replay, also where it owed them when it was interrupted', () =>
    PushWorld.use({ schedule: { delays: [600_000] } }, async (world) => {
      await world.publish(['a1', 'h1', 'h2', 'a2', 'h3']);
      await world.until(() => world.received.length === 5);
      world.answer = fail;
      world.received.length = 0;
      const { id } = await world.replays.range(world.endpoint, { from: { at: 'earliest' }, until: undefined, types: [] });
      await world.until(async () => (await rows(world)) === 5);
      await world.database.transact([{ sql: 'UPDATE push_delivery SET due_at = 0', parameters: [] }]);
      await world.crash();
      world.received.length = 0;
      world.answer = take;
      hide(world, 'h');
      await world.begin();
      await world.until(async () => (await world.replays.get('end_1', id))?.state === 'done');
      assert.deepEqual([...new Set(delivered(world))].toSorted(), ['a1', 'a2']);
      await world.until(async () => (await rows(world)) === 0);
    }));

  test('are never sent, whatever fails, ends and begins again meanwhile', (t) =>
    PushWorld.use(patient, async (world) => {
      const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
      t.diagnostic(`seed ${seed}`);
      const random = randomOf(seed);
      const hidden = ['', 'b', 'bc', 'c'];
      const sent: string[] = [];
      const published: string[] = [];
      world.answer = ({ id }, response) => {
        sent.push(id);
        void response.writeHead(random() < 0.3 ? 500 : 204).end();
      };
      for (let round = 0; round < 12; round += 1) {
        hide(world, `h${hidden[Math.floor(random() * hidden.length)]}`);
        const ids = Array.from({ length: 10 }, (_, n) => `${'abch'[Math.floor(random() * 4)]}-${round}-${n}`);
        published.push(...ids);
        await world.publish(ids);
        await world.until(() => random() < 0.5);
        if (random() < 0.3) {
          await world.crash();
          await world.begin();
        }
      }
      hide(world, 'h');
      const last = 'a-last';
      await world.publish([last]);
      const wanted = [...published, last].filter((id) => id.startsWith('a'));
      await world.until(() => wanted.every((id) => sent.includes(id)));
      await world.until(async () => (await rows(world)) === 0);
      assert.deepEqual(
        sent.filter((id) => id.startsWith('h')),
        [],
      );
      assert.equal((await verifyRanges(world.database, (_log, a, b) => world.backbone.compare(a, b), 'default'))['ok'], true);
      const lag = countByLag(async (log, address, position) => (await world.backbone.lag({ log, address }, position)).events);
      assert.deepEqual((await verifyCounts(world.database, lag, 'default')).overcharges, []);
    }));
});

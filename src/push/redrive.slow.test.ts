import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkBilled } from '../testing/check-billed.ts';
import { PushWorld } from '../testing/push-world.ts';
import { readOwed, readOwedEvent } from './owed-delivery.ts';
import type { PushTarget } from './push-target.ts';
import { Redrive } from './redrive.ts';

async function withWorld(wish: Partial<PushTarget>, body: (world: PushWorld, redrive: Redrive) => Promise<void>): Promise<void> {
  const world = await PushWorld.open(wish);
  try {
    await body(world, redriveOf(world));
    await world.stop();
  } finally {
    await world.close();
  }
}

/** Of the world as it is now: anew after each `begin`. */
function redriveOf(world: PushWorld): Redrive {
  return new Redrive({
    service: { courier: () => world.courier, whileSteady: (work) => work() },
    database: world.database,
    book: world.book,
    now: () => Date.now(),
    flush: () => world.ledger.flush(),
  });
}

async function rows(world: PushWorld, state: string) {
  await world.ledger.flush();
  return await world.database.query('SELECT * FROM push_delivery WHERE state = ? ORDER BY rowid', [state]);
}

async function untilDead(world: PushWorld, count: number) {
  await world.until(async () => (await rows(world, 'dead')).length === count);
  return await rows(world, 'dead');
}

describe('a delivery that is retried by hand', { timeout: 180_000 }, () => {
  test('SW-15: begins its schedule anew when it was dead, keeps its id and its count over a crash, and is billed once', () =>
    withWorld({ schedule: { delays: [5] } }, async (world, redrive) => {
      world.answer = ({ id }, response) => void response.writeHead(id === 'e0' ? 500 : 200).end();
      await world.publish(['e0', 'e1']);
      const [dead] = await untilDead(world, 1);
      assert.equal(await redrive.one('end_1', String(dead?.['position'])), 'retried');
      await world.until(() => world.received.filter(({ id }) => id === 'e0').length === 4);
      await untilDead(world, 1);
      await world.crash();
      await world.begin();
      world.answer = (_received, response) => void response.writeHead(200).end();
      assert.equal(await redriveOf(world).one('end_1', String(dead?.['position'])), 'retried');
      await world.until(() => world.received.length === 6);
      const seen = world.received.filter(({ id }) => id === 'e0').map(({ headers }) => [headers['webhook-attempt'], headers['webhook-id']]);
      assert.deepEqual(
        seen.map(([attempt]) => attempt),
        ['1', '2', '3', '4', '5'],
      );
      assert.equal(new Set(seen.map(([, id]) => id)).size, 1);
      await checkBilled(world, 2);
      assert.deepEqual(await rows(world, 'dead'), []);
      assert.equal(await redriveOf(world).one('end_1', String(dead?.['position'])), 'absent');
    }));

  test('P7: is neither sent nor billed again after a crash when the cursor was still before it', () =>
    withWorld({ schedule: { delays: [] } }, async (world, redrive) => {
      const held: (() => void)[] = [];
      let isBroken = true;
      world.answer = ({ id }, response) => {
        if (id === 'e0') held.push(() => response.end());
        else response.writeHead(id === 'e1' && isBroken ? 500 : 200).end();
      };
      await world.publish(['e0', 'e1']);
      const [dead] = await untilDead(world, 1);
      isBroken = false;
      assert.equal(await redrive.one('end_1', String(dead?.['position'])), 'retried');
      await world.until(async () => (await world.database.query('SELECT 1 FROM push_settled')).length === 1);
      await world.crash();
      world.received.length = 0;
      world.answer = (_received, response) => void response.writeHead(200).end();
      await world.begin();
      await world.publish(['after']);
      await world.until(() => world.received.length === 2);
      await checkBilled(world, 3);
      assert.deepEqual(world.received.map(({ id }) => id).toSorted(), ['after', 'e0']);
    }));

  test('P7: takes its place on the log when a restart has not read so far, and is not sent again after another one', () =>
    withWorld({ schedule: { delays: [] } }, async (world) => {
      let isBroken = true;
      let isHolding = true;
      const held: unknown[] = [];
      world.answer = ({ id }, response) => {
        if (id === 'e0' && isHolding) held.push(response);
        else response.writeHead(isBroken ? 500 : 200).end();
      };
      await world.publish(['e0', 'e1']);
      const [dead] = await untilDead(world, 1);
      assert.ok(dead);
      await world.crash();
      isBroken = false;
      await world.begin();
      assert.equal(world.courier.sendAgain(readOwed(dead), readOwedEvent(dead)), true);
      await world.until(async () => (await rows(world, 'dead')).length + (await rows(world, 'waiting')).length === 0);
      await world.crash();
      isHolding = false;
      world.received.length = 0;
      await world.begin();
      await world.publish(['after']);
      await world.until(() => world.received.length === 2);
      await checkBilled(world, 3);
      assert.deepEqual(world.received.map(({ id }) => id).toSorted(), ['after', 'e0']);
    }));

  test('is due at once when it waited, and is left alone while it is under way', () =>
    withWorld({ schedule: { delays: [600_000, 600_000] } }, async (world, redrive) => {
      world.answer = (_received, response) => void response.writeHead(500).end();
      await world.publish(['e0']);
      await world.until(async () => (await rows(world, 'waiting')).length === 1);
      const position = String((await rows(world, 'waiting'))[0]?.['position']);
      let answer = (): unknown => undefined;
      world.answer = (_received, response) => (answer = () => response.writeHead(200).end());
      assert.equal(await redrive.one('end_1', position), 'retried');
      await world.until(() => world.received.length === 2);
      assert.equal(await redrive.one('end_1', position), 'busy');
      answer();
      await checkBilled(world, 1);
      assert.deepEqual(await rows(world, 'waiting'), []);
      assert.equal(world.received.length, 2);
    }));

  test('is not taken where its event cannot be read any more, and others are', () =>
    withWorld({ schedule: { delays: [] } }, async (world, redrive) => {
      world.answer = (_received, response) => void response.writeHead(500).end();
      await world.publish(['e0', 'e1', 'e2']);
      const [damaged, undated, sound] = (await untilDead(world, 3)).map((row) => String(row['position']));
      const damage = (column: string, value: string, position: string | undefined) => ({
        sql: `UPDATE push_delivery SET ${column} = ${value} WHERE position = ?`,
        parameters: [position ?? ''],
      });
      await world.database.transact([damage('event', `x'7b'`, damaged), damage('accepted_at', `'then'`, undated)]);
      world.answer = (_received, response) => void response.writeHead(200).end();
      for (const position of [damaged, undated]) assert.equal(await redrive.one('end_1', position ?? ''), 'unreadable');
      assert.equal(await redrive.one('end_1', sound ?? ''), 'retried');
      await world.until(() => world.received.length === 4);
      await world.until(async () => (await rows(world, 'dead')).length === 2);
    }));

  test('is one of many in calls of a bounded size, and those that died later are not among them', () =>
    withWorld({ schedule: { delays: [] } }, async (world, redrive) => {
      let isBroken = true;
      world.answer = (_received, response) => void response.writeHead(isBroken ? 400 : 200).end();
      await world.publish(Array.from({ length: 40 }, (_, index) => `e${index}`));
      await untilDead(world, 40);
      const before = Date.now() + 1;
      await world.until(() => Date.now() > before);
      await world.publish(['late']);
      await untilDead(world, 41);
      isBroken = false;
      assert.partialDeepStrictEqual(await redrive.dead('end_1', { before, limit: 25 }), { retried: 25, isFull: false, left: 15 });
      assert.partialDeepStrictEqual(await redrive.dead('end_1', { before, limit: 25 }), { retried: 15, isFull: false, left: 0 });
      await world.until(() => world.received.length === 81);
      await checkBilled(world, 40);
      assert.deepEqual(
        (await rows(world, 'dead')).map((row) => row['event_id']),
        ['late'],
      );
    }));

  test('is not taken where as many are owed as may be, and its endpoint says when half of that is free', () =>
    withWorld(
      { order: 'strict', batch: { events: 100, bytes: 1024 * 1024, wait: 10 }, schedule: { delays: [600_000] } },
      async (world, redrive) => {
        world.answer = (_received, response) => void response.writeHead(500, { 'webhook-delivery': 'abort-message' }).end();
        await world.publish(['dead']);
        await untilDead(world, 1);
        const before = Date.now() + 1;
        world.answer = (_received, response) => void response.writeHead(500).end();
        // One fails, and the others wait behind it.
        await world.publish(Array.from({ length: 1200 }, (_, index) => `e${index}`));
        await world.until(() => world.courier.owed >= 1000);
        assert.partialDeepStrictEqual(await redrive.dead('end_1', { before, limit: 25 }), { retried: 0, isFull: true, left: 1 });
        let owedThen: number | undefined;
        world.answer = (_received, response) => {
          if (world.rooms > 0) owedThen ??= world.courier.owed;
          response.writeHead(200).end();
        };
        assert.equal(world.rooms, 0);
        const first = (await rows(world, 'waiting')).find((row) => row['attempts'] === 1);
        assert.equal(await redrive.one('end_1', String(first?.['position'])), 'retried');
        await world.until(() => world.rooms > 0);
        assert.partialDeepStrictEqual(await redrive.dead('end_1', { before, limit: 25 }), { retried: 1, isFull: false, left: 0 });
        await world.until(() => world.courier.owed === 0);
        await checkBilled(world, 1201);
        assert.equal(world.rooms, 1);
        assert.ok(owedThen !== undefined && owedThen > 100 && owedThen <= 500, `it was told at ${owedThen}`);
      },
    ));
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Resource } from '../store/resources.ts';
import { checkBilled } from '../testing/check-billed.ts';
import { PushWorld } from '../testing/push-world.ts';
import { DeadLetters } from './dead-letters.ts';
import { Passes } from './passes.ts';
import type { PushTarget } from './push-target.ts';
import { Redrive } from './redrive.ts';

const endpoint = { id: 'end_1', name: 'hook', spec: { subscription: 'sub_1', address: 'created' } } as Resource<'endpoint'>;

interface Hands {
  readonly letters: DeadLetters;
  readonly redrive: Redrive;
}

/** Of the world as it is now: anew after each `begin`. Both take turns as they do behind a `PushService`. */
function handsOf(world: PushWorld): Hands {
  const passes = new Passes({ pass: async () => undefined, onFailed: world.onBug });
  const { database, book } = world;
  const service = { courier: () => world.courier, whileSteady: <T>(work: () => Promise<T>) => passes.steadily(work) };
  const parts = { service, database, book, now: () => Date.now(), flush: () => world.ledger.flush() };
  return { letters: new DeadLetters({ ...parts, compare: (a, b) => world.backbone.compare(a, b) }), redrive: new Redrive(parts) };
}

async function withWorld(wish: Partial<PushTarget>, body: (world: PushWorld, hands: Hands) => Promise<void>): Promise<void> {
  await PushWorld.use(wish, (world) => body(world, handsOf(world)));
}

/** Positions of what is dead, in their order. */
async function dead(world: PushWorld): Promise<readonly string[]> {
  await world.ledger.flush();
  const rows = await world.database.query(`SELECT position FROM push_delivery WHERE state = 'dead' ORDER BY rowid`);
  return rows.map(({ position }) => String(position));
}

async function untilDead(world: PushWorld, count: number): Promise<readonly string[]> {
  await world.until(async () => (await dead(world)).length === count);
  return await dead(world);
}

const failing = { schedule: { delays: [] } };

describe('a dead letter that somebody discards', { timeout: 600_000 }, () => {
  test('is looked at before, with its event as it was published, and then it is neither sent nor billed, nor back after a crash', () =>
    withWorld(failing, async (world, { letters, redrive }) => {
      world.answer = ({ id }, response) => void response.writeHead(id === 'e0' ? 500 : 200).end();
      await world.publish(['e0', 'e1']);
      const [position = ''] = await untilDead(world, 1);
      const found = await letters.find('end_1', position);
      assert.ok(found !== undefined && !(found.event instanceof Error));
      assert.deepEqual([found.event.id, found.event.position, found.view['state']], ['e0', position, 'dead']);
      assert.equal(await letters.discard(endpoint, position), 'discarded');
      assert.equal(await letters.discard(endpoint, position), 'absent');
      assert.equal(await redrive.one('end_1', position), 'absent');
      assert.equal(await letters.find('end_1', position), undefined);
      await world.until(() => world.received.length === 2);
      await world.crash();
      await world.begin();
      await world.publish(['after']);
      await world.until(() => world.received.length === 3);
      assert.deepEqual(world.received.map(({ id }) => id).toSorted(), ['after', 'e0', 'e1']);
      await checkBilled(world, 2);
    }));

  test('is gone, or sent again, by who came first', () =>
    withWorld(failing, async (world, { letters, redrive }) => {
      let isBroken = true;
      world.answer = (_received, response) => void response.writeHead(isBroken ? 500 : 200).end();
      await world.publish(['e0', 'e1']);
      const [first = '', second = ''] = await untilDead(world, 2);
      isBroken = false;
      const discarded = await Promise.all([letters.discard(endpoint, first), redrive.one('end_1', first)]);
      assert.deepEqual(discarded, ['discarded', 'absent']);
      const [retried, late] = await Promise.all([redrive.one('end_1', second), letters.discard(endpoint, second)]);
      assert.equal(retried, 'retried');
      // It may be delivered by then.
      assert.ok(late === 'owed' || late === 'absent', late);
      await world.until(() => world.received.length === 3);
      assert.deepEqual(await dead(world), []);
    }));

  test('is not one that waits for another attempt', () =>
    withWorld({ schedule: { delays: [600_000] } }, async (world, { letters }) => {
      world.answer = (_received, response) => void response.writeHead(500).end();
      await world.publish(['e0']);
      const waiting = async () => await world.database.query(`SELECT position FROM push_delivery WHERE state = 'waiting'`);
      await world.until(async () => (await waiting()).length === 1);
      const [row] = await waiting();
      assert.equal(await letters.discard(endpoint, String(row?.['position'])), 'owed');
      assert.equal((await waiting()).length, 1);
    }));

  test('P7: stays as long as the reader is before it: a restart would send it again', () =>
    withWorld(failing, async (world, { letters }) => {
      let answer = (): unknown => undefined;
      world.answer = ({ id }, response) => {
        if (id === 'e0') answer = () => response.writeHead(200).end();
        else response.writeHead(500).end();
      };
      await world.publish(['e0', 'e1']);
      const [position = ''] = await untilDead(world, 1);
      assert.equal(await letters.discard(endpoint, position), 'ahead');
      assert.deepEqual(await letters.discardMany(endpoint, { before: Date.now() + 1, limit: 10 }), { discarded: 0, left: 1 });
      answer();
      await world.until(async () => (await letters.discard(endpoint, position)) === 'discarded');
      assert.deepEqual(await dead(world), []);
    }));

  test('may be one that cannot be read any more', () =>
    withWorld(failing, async (world, { letters }) => {
      world.answer = (_received, response) => void response.writeHead(500).end();
      await world.publish(['e0']);
      const [position = ''] = await untilDead(world, 1);
      await world.database.transact([{ sql: `UPDATE push_delivery SET event = x'7b' WHERE position = ?`, parameters: [position] }]);
      assert.ok((await letters.find('end_1', position))?.event instanceof Error);
      assert.equal(await letters.discard(endpoint, position), 'discarded');
    }));

  test('may be one of many in calls of a bounded size, and those that died later are not among them', () =>
    withWorld(failing, async (world, { letters }) => {
      world.answer = (_received, response) => void response.writeHead(500).end();
      await world.publish(Array.from({ length: 5 }, (_, index) => `e${index}`));
      await untilDead(world, 5);
      const before = Date.now() + 1;
      await world.until(() => Date.now() > before);
      await world.publish(['late']);
      const [, , , , , late] = await untilDead(world, 6);
      assert.deepEqual(await letters.discardMany(endpoint, { before, limit: 3 }), { discarded: 3, left: 2 });
      assert.deepEqual(await letters.discardMany(endpoint, { before, limit: 3 }), { discarded: 2, left: 0 });
      assert.deepEqual(await dead(world), [late]);
    }));
});

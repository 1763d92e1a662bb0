import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { log, PushWorld } from '../testing/push-world.ts';

const everything = { from: { at: 'earliest' }, until: undefined, types: [] } as const;

const ids = (count: number, prefix = 'e'): string[] => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
const replayed = (world: PushWorld) => world.received.filter(({ headers }) => headers['webhook-replay'] !== undefined);

describe('a replay beside what is new', { timeout: 180_000 }, () => {
  test('leaves half of the attempts to it, however long its own take', () =>
    PushWorld.use({ concurrency: 4 }, async (world) => {
      await world.publish(ids(20));
      await world.until(() => world.received.length === 20);
      const hanging: ServerResponse[] = [];
      world.answer = ({ headers }, response) => {
        if (headers['webhook-replay'] === undefined) response.writeHead(200).end();
        else hanging.push(response);
      };
      const job = await world.replays.range(world.endpoint, everything);
      await world.until(() => hanging.length === 2);
      await world.publish(ids(30, 'live'));
      await world.until(() => world.received.filter(({ id }) => id.startsWith('live')).length === 30);
      assert.equal(hanging.length, 2);
      world.answer = (_received, response) => void response.writeHead(200).end();
      for (const response of hanging) response.writeHead(200).end();
      await world.until(async () => (await world.replays.get('end_1', job.id))?.state === 'done');
      assert.equal(new Set(replayed(world).map(({ id }) => id)).size, 20, 'what came meanwhile is no part of it');
    }));

  test('SW-18: is held when its endpoint answers 410, and goes on when it is started again', () =>
    PushWorld.use({}, async (world) => {
      await world.publish(ids(10));
      await world.until(() => world.received.length === 10);
      world.answer = (_received, response) => void response.writeHead(410).end();
      const job = await world.replays.range(world.endpoint, everything);
      await world.until(() => world.transitions.length > 0);
      assert.equal(world.transitions[0]?.to, 'stopped');
      const before = world.received.length;
      await world.crash();
      await world.begin();
      await world.publish(['later']);
      assert.equal(world.received.length, before);
      world.answer = (_received, response) => void response.writeHead(200).end();
      world.courier.startAgain();
      await world.until(async () => (await world.replays.get('end_1', job.id))?.state === 'done');
      await world.until(() => world.received.some(({ id }) => id === 'later'));
      const { sent = 0, succeeded, failed } = (await world.replays.get('end_1', job.id)) ?? {};
      assert.deepEqual([succeeded, failed], [10, 0]);
      assert.ok(sent > 10);
    }));

  test('calls off what is under way when it is cancelled, and makes room', () =>
    PushWorld.use({ concurrency: 1 }, async (world) => {
      await world.publish(ids(3));
      await world.until(() => world.received.length === 3);
      const hanging: ServerResponse[] = [];
      world.answer = (_received, response) => void hanging.push(response);
      const job = await world.replays.range(world.endpoint, everything);
      await world.until(() => hanging.length === 1);
      assert.equal(await world.replays.cancel('end_1', job.id), true);
      assert.equal(await world.replays.cancel('end_1', job.id), false);
      world.answer = (_received, response) => void response.writeHead(200).end();
      await world.publish(['after']);
      await world.until(() => world.received.some(({ id }) => id === 'after'));
      assert.equal(replayed(world).length, 1);
    }));

  test('comes to its end, and leaves no reader open, though what an earlier run saved of it is of another log and cannot be read', () =>
    PushWorld.use({ concurrency: 1 }, async (world) => {
      const bugs: string[] = [];
      world.onBug = (error) => void bugs.push(String(error));
      await world.publish(ids(1));
      await world.until(() => world.received.length === 1);
      const hanging: ServerResponse[] = [];
      world.answer = (_received, response) => void hanging.push(response);
      await world.replays.range(world.endpoint, everything);
      const job = await world.replays.range(world.endpoint, everything);
      await world.until(() => hanging.length === 1);
      const damage = `INSERT INTO push_delivery (endpoint, position, tenant, address, event_id, event_type, state, reason, attempts, counted,
          throttled, format_refused, billed, accepted_at, changed_at, event)
        VALUES (?, 'other-1', 'default', 'created', 'e', 't', 'waiting', 'status', 1, 1, 0, 0, 0, 1, 1, x'7b7d')`;
      await world.database.transact([{ sql: damage, parameters: [job.id] }]);
      world.answer = (_received, response) => void response.writeHead(200).end();
      hanging[0]?.writeHead(200).end();
      await world.until(async () => (await world.replays.get('end_1', job.id))?.state === 'done');
      await world.until(() => world.ledger.readers.live.size === 1);
      assert.equal(replayed(world).length, 2);
      assert.deepEqual(bugs, [`Error: The event kept for ${job.id} at other-1 cannot be read.`]);
    }));

  test('fails with POSITION_LOST where the log lets go of what it has not read', () =>
    PushWorld.use({ concurrency: 8 }, async (world) => {
      await world.publish(ids(600));
      await world.until(() => world.received.length === 600);
      const hanging: ServerResponse[] = [];
      world.answer = (_received, response) => void hanging.push(response);
      const job = await world.replays.range(world.endpoint, everything);
      await world.until(() => hanging.length === 2);
      await world.backbone.prepare(log, { dedupWindow: 0, retainBytes: 0 });
      const isLost = (): Promise<boolean> =>
        world.backbone.locate({ log, address: 'created' }, { at: 'position', position: job.after }).then(
          () => false,
          () => true,
        );
      await world.until(isLost);
      world.answer = (_received, response) => void response.writeHead(200).end();
      for (const response of hanging) response.writeHead(200).end();
      await world.until(async () => (await world.replays.get('end_1', job.id))?.state === 'failed');
      const { reason, succeeded = 0 } = (await world.replays.get('end_1', job.id)) ?? {};
      assert.equal(reason?.code, 'POSITION_LOST');
      assert.ok(succeeded > 0 && succeeded < 600, `${succeeded}`);
      await assert.rejects(world.replays.range(world.endpoint, { ...everything, from: { at: 'position', position: job.after } }), {
        code: 'POSITION_LOST',
      });
      await world.publish(['after']);
      await world.until(() => world.received.some(({ id }) => id === 'after'));
    }));
});

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { PushWorld } from '../testing/push-world.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `e${index}`);

describe('the order of an endpoint', { timeout: 180_000 }, () => {
  test('holds over a restart for what was accepted together, though what waits behind was owed before what it waits for', async () => {
    const world = await PushWorld.open({ order: 'strict', schedule: { delays: [300] }, timeout: 30_000 });
    try {
      const hanging: ServerResponse[] = [];
      world.answer = (_received, response) => void hanging.push(response);
      await world.publish(names(300));
      await world.until(() => hanging.length === 1);
      const owed = async (): Promise<number> => Number((await world.database.query('SELECT count(*) AS n FROM push_delivery'))[0]?.['n']);
      // The window is full: those behind are owed, so that its reader can go on.
      await world.until(async () => (await owed()) > 200);
      hanging[0]?.writeHead(500).end();
      await world.until(async () => {
        await world.ledger.flush();
        return (await world.database.query(`SELECT 1 FROM push_delivery WHERE event_id = 'e0'`)).length === 1;
      });
      await world.crash();
      world.received.length = 0;
      world.answer = (_received, response) => void response.writeHead(204).end();
      await world.begin();
      await world.until(() => world.received.length >= 300);
      assert.deepEqual(
        world.received.map(({ id }) => id),
        names(300),
      );
      await world.stop();
    } finally {
      await world.crash().catch(() => undefined);
      await world.close();
    }
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PushWorld } from '../testing/push-world.ts';

/** What fails stays owed. */
const patient = { schedule: { delays: [600_000] }, timeout: 30_000 };

/** The first hangs, so that the cursor stays; the second fails; what comes behind is delivered. */
function hangAndFail(world: PushWorld): void {
  world.answer = ({ id }, response) => {
    if (id !== 'e0') response.writeHead(id === 'e1' ? 400 : 204).end();
  };
}

/** Kills it when all that is on disk; from then on it wants other events, and what it owes is due. */
async function killAndChange(world: PushWorld): Promise<void> {
  const rows = async (sql: string): Promise<number> => {
    await world.ledger.flush();
    return (await world.database.query(sql)).length;
  };
  await world.until(async () => (await rows(`SELECT 1 FROM push_delivery WHERE event_id = 'e1'`)) === 1);
  await world.until(async () => (await rows('SELECT 1 FROM push_settled')) === 1);
  await world.database.transact([{ sql: 'UPDATE push_delivery SET due_at = 0', parameters: [] }]);
  await world.crash();
  world.received.length = 0;
  world.answer = (_received, response) => void response.writeHead(204).end();
  world.target = { ...world.target, wants: ({ id }) => id === 'later' };
  await world.begin();
}

describe('an endpoint that wants other events than before', { timeout: 180_000 }, () => {
  test('is sent what it is owed, and what it was sent ahead of its cursor is billed', () =>
    PushWorld.use(patient, async (world) => {
      hangAndFail(world);
      await world.publish(['e0', 'e1', 'e2']);
      await killAndChange(world);
      await world.publish(['later']);
      await world.until(() => world.received.length === 2);
      assert.deepEqual(new Set(world.received.map(({ id }) => id)), new Set(['e1', 'later']));
      await world.until(async () => {
        await world.ledger.flush();
        const [row] = await world.database.query('SELECT sum(n_billable) AS billed, sum(n_filtered) AS filtered FROM usage_range');
        return row?.['billed'] === 3 && row['filtered'] === 1;
      });
    }));

  test('has a replay done to it that owed some of the others', () =>
    PushWorld.use(patient, async (world) => {
      await world.publish(['e0', 'e1', 'e2']);
      await world.until(() => world.received.length === 3);
      hangAndFail(world);
      const { id } = await world.replays.range(world.endpoint, { from: { at: 'earliest' }, until: undefined, types: [] });
      await killAndChange(world);
      await world.until(async () => (await world.replays.get('end_1', id))?.state === 'done');
      assert.deepEqual(
        world.received.map((received) => received.id),
        ['e1'],
      );
    }));
});

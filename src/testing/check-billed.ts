import assert from 'node:assert/strict';
import { countByLag } from '../metering/log-count.ts';
import { verifyCounts } from '../metering/verify-counts.ts';
import type { PushWorld } from './push-world.ts';

/** The endpoint's reader comes to be billed so many events and no more, and its ranges hold what the log has there. */
export async function checkBilled(world: PushWorld, billed: number): Promise<void> {
  const sum = async (): Promise<number> => {
    await world.ledger.flush();
    return Number((await world.database.query('SELECT sum(n_billable) AS n FROM usage_range'))[0]?.['n']);
  };
  await world.until(async () => (await sum()) >= billed);
  assert.equal(await sum(), billed);
  const countOf = countByLag(async (of, address, position) => (await world.backbone.lag({ log: of, address }, position)).events);
  const { losses, overcharges } = await verifyCounts(world.database, countOf, 'default');
  assert.deepEqual([losses, overcharges], [[], []]);
}

import type { Database } from '../store/database.ts';
import type { PushReading } from './courier-parts.ts';
import { isAhead } from './is-ahead.ts';
import { loadDeliveries, type SavedDeliveries } from './load-endpoint.ts';

/**
 * What a connection was charged under the name of an endpoint's reader is billed, so what the endpoint owes of that, waiting or dead, is
 * billed no more when it is delivered. To be called before anything is delivered; gives what it owes where rows have changed by that.
 */
export async function settleLent(
  database: Pick<Database, 'query' | 'transact'>,
  endpoint: string,
  { account, backbone }: Pick<PushReading, 'account' | 'backbone'>,
): Promise<SavedDeliveries | undefined> {
  const { lentFrom, charged } = account;
  if (lentFrom === undefined) return undefined;
  const { waiting, dead } = await loadDeliveries(database, endpoint);
  const owed = [...waiting.map(({ position }) => position), ...dead];
  const billed = owed.filter((position) => isAhead(backbone, position, lentFrom) && !isAhead(backbone, position, charged));
  const changes = billed.length > 0;
  if (changes) {
    const sql = 'UPDATE push_delivery SET billed = 1 WHERE endpoint = ? AND position IN (SELECT value FROM json_each(?))';
    await database.transact([{ sql, parameters: [endpoint, JSON.stringify(billed)] }]);
  }
  account.takeBack();
  return changes ? await loadDeliveries(database, endpoint) : undefined;
}

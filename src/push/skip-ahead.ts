import type { StartFrom } from '../core/position.ts';
import type { Database } from '../store/database.ts';
import type { PushReading } from './courier-parts.ts';
import { isAhead } from './is-ahead.ts';
import { loadDeliveries } from './load-endpoint.ts';

/** What was passed over. */
export interface Skipped {
  /** About how many events of the log. */
  readonly events: number;
  /** Deliveries that waited for another attempt, and are dead letters now. */
  readonly given: number;
}

interface Skipping {
  readonly reading: PushReading;
  readonly database: Database;
  /** Id of the endpoint, which nobody delivers to meanwhile. */
  readonly endpoint: string;
  /** Never backwards: a place the reader has passed changes nothing. */
  readonly to: StartFrom;
  /** Wall time in milliseconds. */
  readonly now: number;
}

/**
 * Moves an endpoint's reader on without delivering what lies between, which its books show as skipped. What it owes of that becomes dead
 * letters, so that it can still be sent again. Rejects with what the backbone says to the place.
 */
export async function skipAhead({ reading, database, endpoint, to, now }: Skipping): Promise<Skipped> {
  const { backbone, feed, account } = reading;
  const { channel } = feed;
  const place = await backbone.locate(channel, to);
  const { waiting } = await loadDeliveries(database, endpoint);
  const given = waiting.map(({ position }) => position).filter((position) => !isAhead(backbone, position, place));
  let events = 0;
  if (backbone.compare(place, account.cursor) > 0) {
    const [before, behind] = await Promise.all([backbone.lag(channel, account.cursor), backbone.lag(channel, place)]);
    events = Math.max(0, before.events - behind.events);
    account.confirm(place);
  }
  if (given.length > 0) {
    const sql = `UPDATE push_delivery SET state = 'dead', reason = 'skipped', due_at = NULL, batch = NULL, changed_at = ?
      WHERE endpoint = ? AND state <> 'dead' AND position IN (SELECT value FROM json_each(?))`;
    await database.transact([{ sql, parameters: [now, endpoint, JSON.stringify(given)] }]);
  }
  return { events, given: given.length };
}

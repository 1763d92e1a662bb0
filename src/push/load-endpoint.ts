import type { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import type { Database } from '../store/database.ts';
import { owedFields, readOwed, readOwedEvent, type OwedDelivery } from './owed-delivery.ts';
import { forgetReplays } from './replay-log.ts';

/** What earlier runs left of the deliveries of one endpoint, or of one replay. */
export interface SavedDeliveries {
  /** Deliveries that wait, in the order in which they were passed over. */
  readonly waiting: readonly OwedDelivery[];
  /** Of dead ones the newest: among them are those that are ahead of the cursor. */
  readonly dead: readonly Position[];
  /** Done ahead of the cursor. */
  readonly settled: readonly Position[];
}

/** What earlier runs left of one endpoint. */
export interface SavedEndpoint extends SavedDeliveries {
  /** As it was given to `PushBook.keepState`. */
  readonly state: unknown;
}

/** More rows than can have come since one that is ahead of the cursor: those of its window, and those that waited behind others. */
const newestDead = 4096;

export async function loadEndpoint(database: Database, endpoint: string): Promise<SavedEndpoint> {
  const [saved, states] = await Promise.all([
    loadDeliveries(database, endpoint),
    database.query('SELECT state FROM push_endpoint WHERE endpoint = ?', [endpoint]),
  ]);
  return { ...saved, state: states[0] === undefined ? undefined : (JSON.parse(String(states[0]['state'])) as unknown) };
}

/** `owner`: id of an endpoint or of a replay. */
export async function loadDeliveries(database: Database, owner: string): Promise<SavedDeliveries> {
  const [waiting, dead, settled] = await Promise.all([
    database.query(`SELECT ${owedFields} FROM push_delivery WHERE endpoint = ? AND state = 'waiting' ORDER BY accepted_at, rowid`, [owner]),
    database.query(`SELECT position FROM push_delivery WHERE endpoint = ? AND state = 'dead' ORDER BY rowid DESC LIMIT ${newestDead}`, [
      owner,
    ]),
    database.query('SELECT position FROM push_settled WHERE endpoint = ?', [owner]),
  ]);
  return {
    waiting: waiting.map(readOwed),
    dead: dead.map(({ position }) => String(position) as Position),
    settled: settled.map(({ position }) => String(position) as Position),
  };
}

/** The version each endpoint had when its state was last kept, also of endpoints that are deleted and not forgotten yet. */
export async function loadKeptVersions(database: Database): Promise<ReadonlyMap<string, number>> {
  const rows = await database.query(`SELECT endpoint, state ->> '$.version' AS version FROM push_endpoint`);
  return new Map(rows.map(({ endpoint, version }) => [String(endpoint), Number(version)]));
}

/** Events of deliveries that are owed, by position; those that are owed no more are not among them. `owner`: id of an endpoint or of a replay. */
export async function loadOwedEvents(
  database: Database,
  owner: string,
  positions: readonly Position[],
): Promise<ReadonlyMap<Position, Event>> {
  const rows = await database.query(
    `SELECT event, address, position, accepted_at FROM push_delivery
     WHERE endpoint = ? AND position IN (SELECT value FROM json_each(?))`,
    [owner, JSON.stringify(positions)],
  );
  return new Map(rows.map(readOwedEvent).map((event) => [event.position, event]));
}

/** Rows deleted in one transaction: others have to get their turn. */
const rowsAtOnce = 1000;

/** Forgets what a deleted endpoint has left, its state last, so that what a crash interrupts is found again; its attempts go with their retention. */
export async function forgetEndpoint(database: Pick<Database, 'transact'>, endpoint: string): Promise<void> {
  const sql = 'DELETE FROM push_delivery WHERE rowid IN (SELECT rowid FROM push_delivery WHERE endpoint = ? LIMIT ?)';
  for (;;) {
    const [owed] = await database.transact([{ sql, parameters: [endpoint, rowsAtOnce] }]);
    if ((owed?.changes ?? 0) < rowsAtOnce) break;
  }
  await database.transact([
    ...['push_settled', 'push_dropped', 'push_endpoint'].map((table) => ({
      sql: `DELETE FROM ${table} WHERE endpoint = ?`,
      parameters: [endpoint],
    })),
    ...forgetReplays(endpoint),
  ]);
}

import type { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import type { Database, SqlValue } from '../store/database.ts';
import { readHealth } from './endpoint-health.ts';
import { keptEvent, owedFields, readOwed, type OwedDelivery } from './owed-delivery.ts';
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

type Reads = Pick<Database, 'query'>;

/** More rows than can have come since one that is ahead of the cursor: those of its window, and those that waited behind others. */
const newestDead = 4096;

const isOfThese = 'endpoint IN (SELECT value FROM json_each(?))';
/** What is not dead waits, also where its state cannot be read; asked so that the index finds it without looking at the dead. */
const waitingOf = `SELECT ${owedFields} FROM push_delivery WHERE rowid IN (
    SELECT rowid FROM push_delivery WHERE ${isOfThese} AND state > 'dead' UNION ALL
    SELECT rowid FROM push_delivery WHERE ${isOfThese} AND state < 'dead')
  ORDER BY accepted_at, rowid`;

/** Dead letters of one answer of the store. */
const deadAtOnce = 8 * newestDead;

/** What earlier runs left of each of these endpoints. A state that cannot be read is as if there were none, and is told of. */
export async function loadEndpoints(
  database: Reads,
  endpoints: readonly string[],
  onDamaged: (error: Error) => void,
): Promise<ReadonlyMap<string, SavedEndpoint>> {
  const [saved, rows] = await Promise.all([
    loadAll(database, endpoints),
    database.query('SELECT endpoint, state FROM push_endpoint WHERE endpoint IN (SELECT value FROM json_each(?))', [
      JSON.stringify(endpoints),
    ]),
  ]);
  const states = new Map(rows.map((row) => [String(row['endpoint']), readState(row, onDamaged)]));
  return new Map([...saved].map(([id, deliveries]) => [id, { ...deliveries, state: states.get(id) }]));
}

/** Rejects when its state cannot be read. */
export async function loadEndpoint(database: Reads, endpoint: string): Promise<SavedEndpoint> {
  const loaded = await loadEndpoints(database, [endpoint], (error) => {
    throw error;
  });
  return loaded.get(endpoint)!;
}

function readState({ endpoint, state }: Readonly<Record<string, SqlValue>>, onDamaged: (error: Error) => void): unknown {
  const health = readHealth(state);
  if (health === undefined) onDamaged(new Error(`What was kept of how ${String(endpoint)} does cannot be read; it begins anew.`));
  return health;
}

/** `owner`: id of an endpoint or of a replay. */
export async function loadDeliveries(database: Reads, owner: string): Promise<SavedDeliveries> {
  const loaded = await loadAll(database, [owner]);
  return loaded.get(owner)!;
}

/** Of each owner; one read of each table, however many they are, as long as few are dead. */
async function loadAll(database: Reads, owners: readonly string[]): Promise<ReadonlyMap<string, SavedDeliveries>> {
  const wanted = [JSON.stringify(owners)];
  const [waiting, dead, settled] = await Promise.all([
    database.query(waitingOf, [...wanted, ...wanted]),
    loadDead(database, owners),
    database.query('SELECT endpoint, position FROM push_settled WHERE endpoint IN (SELECT value FROM json_each(?))', wanted),
  ]);
  const loaded = new Map(owners.map((id) => [id, { waiting: [] as OwedDelivery[], dead: [] as Position[], settled: [] as Position[] }]));
  for (const row of waiting) loaded.get(String(row['endpoint']))!.waiting.push(readOwed(row));
  for (const { endpoint, position } of dead) loaded.get(String(endpoint))!.dead.push(String(position) as Position);
  for (const { endpoint, position } of settled) loaded.get(String(endpoint))!.settled.push(String(position) as Position);
  return loaded;
}

/** The newest of each owner, a bounded number in each read. */
async function loadDead(database: Reads, owners: readonly string[]): Promise<readonly Readonly<Record<string, SqlValue>>[]> {
  const rows = await database.query(
    `SELECT endpoint, position FROM json_each(?) AS wanted CROSS JOIN push_delivery AS dead ON dead.rowid IN (
       SELECT rowid FROM push_delivery WHERE endpoint = wanted.value AND state = 'dead' ORDER BY rowid DESC LIMIT ${newestDead})
     LIMIT ${deadAtOnce + 1}`,
    [JSON.stringify(owners)],
  );
  if (rows.length <= deadAtOnce) return rows;
  const half = Math.ceil(owners.length / 2);
  return [...(await loadDead(database, owners.slice(0, half))), ...(await loadDead(database, owners.slice(half)))];
}

/** The same endpoints, those first that were attempted last: they are the likeliest to have something to be sent. */
export async function lastAttemptedFirst<E extends { readonly id: string }>(
  database: Reads,
  endpoints: readonly E[],
): Promise<readonly E[]> {
  const rows = await database.query(
    `SELECT key FROM json_each(?) ORDER BY (SELECT max(id) FROM push_attempt WHERE endpoint = value) DESC NULLS LAST, key`,
    [JSON.stringify(endpoints.map(({ id }) => id))],
  );
  return rows.map(({ key }) => endpoints[Number(key)]!);
}

/** The version each endpoint had when its state was last kept, 0 where that cannot be read; also of endpoints that are deleted and not forgotten yet. */
export async function loadKeptVersions(database: Database): Promise<ReadonlyMap<string, number>> {
  const rows = await database.query(
    `SELECT endpoint, CASE WHEN json_valid(state) THEN state ->> '$.version' END AS version FROM push_endpoint`,
  );
  return new Map(rows.map(({ endpoint, version }) => [String(endpoint), Number(version)]));
}

/**
 * Events of deliveries that are owed, by position; those that are owed no more are not among them. One that cannot be read is told of
 * and is dead from then on. `owner`: id of an endpoint or of a replay.
 */
export async function loadOwedEvents(
  database: Database,
  owner: string,
  positions: readonly Position[],
  onDamaged: (error: Error) => void,
): Promise<ReadonlyMap<Position, Event>> {
  const rows = await database.query(
    `SELECT endpoint, event, address, position, accepted_at FROM push_delivery
     WHERE endpoint = ? AND position IN (SELECT value FROM json_each(?))`,
    [owner, JSON.stringify(positions)],
  );
  const events = rows.map(keptEvent);
  const damaged = rows.filter((_, index) => events[index] instanceof Error).map(({ position }) => position);
  for (const event of events) if (event instanceof Error) onDamaged(event);
  if (damaged.length > 0) {
    const sql = `UPDATE push_delivery SET state = 'dead', reason = 'unreadable', due_at = NULL, batch = NULL
      WHERE endpoint = ? AND position IN (SELECT value FROM json_each(?))`;
    await database.transact([{ sql, parameters: [owner, JSON.stringify(damaged)] }]);
  }
  return new Map(events.flatMap((event) => (event instanceof Error ? [] : [[event.position, event]])));
}

/** Rows deleted in one transaction: others have to get their turn. */
const rowsAtOnce = 1000;

const forgetSome = [
  `DELETE FROM push_delivery WHERE rowid IN (SELECT rowid FROM push_delivery WHERE ${isOfThese} LIMIT ${rowsAtOnce})`,
  `DELETE FROM push_settled WHERE (endpoint, position) IN (SELECT endpoint, position FROM push_settled WHERE ${isOfThese} LIMIT ${rowsAtOnce})`,
];

/** Forgets what deleted endpoints have left, their states last, so that what a crash interrupts is found again; attempts go with their retention. */
export async function forgetEndpoints(database: Pick<Database, 'transact'>, endpoints: readonly string[]): Promise<void> {
  const parameters = [JSON.stringify(endpoints)];
  for (const sql of forgetSome) {
    for (;;) {
      const [deleted] = await database.transact([{ sql, parameters }]);
      if ((deleted?.changes ?? 0) < rowsAtOnce) break;
    }
  }
  await database.transact([
    ...['push_dropped', 'push_endpoint'].map((table) => ({ sql: `DELETE FROM ${table} WHERE ${isOfThese}`, parameters })),
    ...endpoints.flatMap(forgetReplays),
  ]);
}

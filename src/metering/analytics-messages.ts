import type { Database } from '../store/database.ts';
import { mostItems, type Scope } from './usage-scope.ts';

interface Messages {
  readonly id: string;
  events: number;
  bytes: number;
  redelivered: number;
  filtered: number;
  dropped: number;
  conflated: number;
  byType: Record<string, { events: number; bytes: number }>;
  published: {
    calls: number;
    events: number;
    bytes: number;
    duplicates: number;
    byType: Record<string, { events: number; bytes: number }>;
  };
}

/** Messages pushed and accepted, by event type: sums over the ranges and rows that also bill. */
export async function messages(database: Database, scope: Scope, hasReaders: boolean): Promise<readonly Messages[]> {
  const items = new Map<string, Messages>();
  await addDelivered(database, scope, items);
  if (!hasReaders) await addPublished(database, scope, items);
  return [...items.values()].sort((a, b) => b.events + b.published.events - (a.events + a.published.events)).slice(0, mostItems);
}

async function addDelivered(database: Database, scope: Scope, items: Map<string, Messages>): Promise<void> {
  const ranges = `usage_range u JOIN reader w ON w.id = u.reader`;
  const sums = await database.query(
    `SELECT ${scope.id} AS id, sum(n_billable) AS events, sum(bytes) AS bytes, sum(n_redelivered) AS redelivered, sum(n_filtered) AS filtered,
       sum(n_dropped) AS dropped, sum(n_conflated) AS conflated
     FROM ${ranges} WHERE ${scope.where} GROUP BY 1 ORDER BY events DESC LIMIT ${mostItems}`,
    scope.parameters,
  );
  for (const row of sums) {
    const item = itemOf(items, String(row['id']));
    for (const column of ['events', 'bytes', 'redelivered', 'filtered', 'dropped', 'conflated'] as const)
      item[column] = Number(row[column]);
  }
  const types = await database.query(
    `SELECT ${scope.id} AS id, t.key AS type, sum(t.value ->> 0) AS events, sum(t.value ->> 1) AS bytes
     FROM ${ranges}, json_each(u.by_type) t WHERE ${scope.where} GROUP BY 1, 2`,
    scope.parameters,
  );
  for (const row of types) {
    const item = items.get(String(row['id']));
    if (item !== undefined) setType(item.byType, String(row['type']), { events: Number(row['events']), bytes: Number(row['bytes']) });
  }
}

async function addPublished(database: Database, scope: Scope, items: Map<string, Messages>): Promise<void> {
  const rows = await database.query(
    `SELECT ${scope.id} AS id, type, sum(calls) AS calls, sum(events) AS events, sum(bytes) AS bytes, sum(duplicates) AS duplicates
     FROM publish_usage w WHERE ${scope.where} GROUP BY 1, 2`,
    scope.parameters,
  );
  for (const row of rows) {
    const { published } = itemOf(items, String(row['id']));
    published.calls += Number(row['calls']);
    published.duplicates += Number(row['duplicates']);
    published.events += Number(row['events']);
    published.bytes += Number(row['bytes']);
    const type = String(row['type']);
    if (type !== '') setType(published.byType, type, { events: Number(row['events']), bytes: Number(row['bytes']) });
  }
}

function itemOf(items: Map<string, Messages>, id: string): Messages {
  let item = items.get(id);
  if (item === undefined) {
    const published = { calls: 0, events: 0, bytes: 0, duplicates: 0, byType: emptyTypes() };
    item = { id, events: 0, bytes: 0, redelivered: 0, filtered: 0, dropped: 0, conflated: 0, byType: emptyTypes(), published };
    items.set(id, item);
  }
  return item;
}

/** Types are named by publishers: `__proto__` is a type like any other. */
function emptyTypes(): Record<string, { events: number; bytes: number }> {
  return Object.create(null) as Record<string, { events: number; bytes: number }>;
}

function setType(types: Record<string, { events: number; bytes: number }>, type: string, value: { events: number; bytes: number }): void {
  types[type] = value;
}

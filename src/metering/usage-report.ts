import type { Database, SqlValue } from '../store/database.ts';
import type { UsageQuery } from './insights.ts';

const MINUTE = 60_000;
const MOST_ITEMS = 10_000;

interface Line {
  readonly id: string;
  events: number;
  bytes: number;
  redelivered: number;
  filtered: number;
  dropped: number;
  conflated: number;
  published: number;
  publishedBytes: number;
  duplicates: number;
}

/** What is billed: sums over the ranges, all time unless the query says otherwise. */
export async function usageReport(database: Database, tenant: string, query: UsageQuery): Promise<Record<string, unknown>> {
  const filter = filterOf(tenant, query);
  const lines = new Map<string, Line>();
  await addDelivered(database, query, filter, lines);
  if (query.by !== 'reader') await addPublished(database, query, filter, lines);
  const items = [...lines.values()].sort((a, b) => b.events + b.published - (a.events + a.published));
  const total = items.reduce((sum, line) => addLine(sum, line), newLine('total'));
  const { id: _, ...totals } = total;
  return { by: query.by, from: query.from ?? null, to: query.to ?? null, items: items.slice(0, MOST_ITEMS), total: totals };
}

interface Filter {
  readonly where: string;
  readonly parameters: readonly SqlValue[];
}

function filterOf(tenant: string, query: UsageQuery): Filter {
  const conditions = ['w.tenant = ?'];
  const parameters: SqlValue[] = [tenant];
  const add = (condition: string, value: SqlValue | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    parameters.push(value);
  };
  add('w.subscription = ?', query.subscription);
  add('w.application = ?', query.application);
  add('w.api = ?', query.api);
  add('minute >= ?', query.from === undefined ? undefined : Math.floor(query.from / MINUTE));
  add('minute < ?', query.to === undefined ? undefined : Math.ceil(query.to / MINUTE));
  return { where: conditions.join(' AND '), parameters };
}

async function addDelivered(database: Database, query: UsageQuery, { where, parameters }: Filter, lines: Map<string, Line>): Promise<void> {
  const ranges = 'usage_range u JOIN reader w ON w.id = u.reader';
  const sql =
    query.by === 'type'
      ? `SELECT t.key AS id, sum(t.value ->> 0) AS events, sum(t.value ->> 1) AS bytes, 0 AS redelivered, 0 AS filtered, 0 AS dropped, 0 AS conflated
         FROM ${ranges}, json_each(u.by_type) t WHERE ${where} GROUP BY 1`
      : `SELECT ${query.by === 'reader' ? 'w.id' : 'w.subscription'} AS id, sum(n_billable) AS events, sum(bytes) AS bytes,
           sum(n_redelivered) AS redelivered, sum(n_filtered) AS filtered, sum(n_dropped) AS dropped, sum(n_conflated) AS conflated
         FROM ${ranges} WHERE ${where} GROUP BY 1`;
  for (const row of await database.query(sql, parameters)) {
    const line = lineOf(lines, String(row['id']));
    for (const column of ['events', 'bytes', 'redelivered', 'filtered', 'dropped', 'conflated'] as const)
      line[column] += Number(row[column]);
  }
}

async function addPublished(database: Database, query: UsageQuery, { where, parameters }: Filter, lines: Map<string, Line>): Promise<void> {
  const isByType = query.by === 'type';
  const rows = await database.query(
    `SELECT ${isByType ? 'type' : 'w.subscription'} AS id, sum(events) AS events, sum(bytes) AS bytes, sum(duplicates) AS duplicates
     FROM publish_usage w WHERE ${where} ${isByType ? `AND type <> ''` : ''} GROUP BY 1`,
    parameters,
  );
  for (const row of rows) {
    const line = lineOf(lines, String(row['id']));
    line.published += Number(row['events']);
    line.publishedBytes += Number(row['bytes']);
    line.duplicates += Number(row['duplicates']);
  }
}

function lineOf(lines: Map<string, Line>, id: string): Line {
  let line = lines.get(id);
  if (line === undefined) lines.set(id, (line = newLine(id)));
  return line;
}

function newLine(id: string): Line {
  return { id, events: 0, bytes: 0, redelivered: 0, filtered: 0, dropped: 0, conflated: 0, published: 0, publishedBytes: 0, duplicates: 0 };
}

function addLine(sum: Line, line: Line): Line {
  const { id: _, ...figures } = line;
  for (const key of Object.keys(figures) as (keyof typeof figures)[]) sum[key] += figures[key];
  return sum;
}

import type { Clock } from '../core/clock.ts';
import type { Position } from '../core/position.ts';
import type { Database, SqlValue } from '../store/database.ts';
import type { ReaderQuery } from './insights.ts';
import type { Ledger } from './ledger.ts';
import type { ReaderLag } from './reader-lag.ts';
import type { ReaderStatus } from './reader-status.ts';
import { resumableMilliseconds } from './resumable.ts';
import type { Account } from './reader-account.ts';

export interface ReaderListParts {
  readonly ledger: Ledger;
  readonly database: Database;
  readonly clock: Clock;
  readonly lag: ReaderLag;
}

/** Everything about a reader but its lag, which is asked for only where it is shown. */
interface Bare {
  readonly log: string;
  readonly shown: Omit<ReaderStatus, 'lag'>;
}

const columns = `w.id, w.name, w.subscription, w.application, w.api, w.plan, w.protocol, w.log, w.address, w.cursor, w.created_at, w.delivered_at`;
const sums = `coalesce(sum(u.n_billable), 0) AS delivered, coalesce(sum(u.bytes), 0) AS bytes, coalesce(sum(u.n_redelivered), 0) AS redelivered,
  coalesce(sum(u.n_dropped + u.n_conflated), 0) AS dropped`;

/** Readers by id: those connected, durable ones, and closed connections that can still be resumed. */
export async function listReaders(
  parts: ReaderListParts,
  tenant: string,
  query: ReaderQuery,
): Promise<{ items: ReaderStatus[]; next: string | null }> {
  const limit = Math.max(1, Math.min(query.limit, 1000));
  parts.ledger.readers.settle();
  const bare = new Map<string, Bare>();
  for (const reader of await written(parts, tenant, query, limit)) bare.set(reader.shown.id, reader);
  for (const account of parts.ledger.readers.live.values()) {
    if (!bare.has(account.id) && isAsked(account, tenant, query)) bare.set(account.id, unwritten(account));
  }
  const sorted = [...bare.values()]
    .filter(({ shown }) => query.state === undefined || shown.state === query.state)
    .sort((a, b) => (a.shown.id < b.shown.id ? -1 : 1));
  const page = sorted.slice(0, limit);
  const items = await withLag(parts.lag, page);
  return { items, next: sorted.length > limit || bare.size >= limit ? (page.at(-1)?.shown.id ?? null) : null };
}

export async function oneReader(parts: ReaderListParts, tenant: string, id: string): Promise<ReaderStatus | undefined> {
  parts.ledger.readers.settle();
  const [row] = await parts.database.query(
    `SELECT ${columns}, ${sums} FROM reader w LEFT JOIN usage_range u ON u.reader = w.id WHERE w.tenant = ? AND w.id = ? GROUP BY w.id`,
    [tenant, id],
  );
  const account = parts.ledger.readers.live.get(id);
  const bare = row === undefined ? (account?.lineage.subjects.tenant === tenant ? unwritten(account) : undefined) : fromRow(parts, row);
  return bare === undefined ? undefined : (await withLag(parts.lag, [bare]))[0];
}

async function written(parts: ReaderListParts, tenant: string, query: ReaderQuery, limit: number): Promise<readonly Bare[]> {
  const conditions = ['w.tenant = ?', '(w.name IS NOT NULL OR w.closed_at IS NULL OR w.closed_at >= ?)'];
  const parameters: SqlValue[] = [tenant, parts.clock.now() - resumableMilliseconds];
  const add = (condition: string, value: SqlValue | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    parameters.push(value);
  };
  add('w.id > ?', query.after);
  add('w.subscription = ?', query.subscription);
  add('w.application = ?', query.application);
  add('w.api = ?', query.api);
  if (query.state !== undefined) {
    const ids = [...parts.ledger.readers.live]
      .filter(([, { lineage }]) => query.state === 'closed' || lineage.state === query.state)
      .map(([id]) => id);
    add(`w.id ${query.state === 'closed' ? 'NOT IN' : 'IN'} (SELECT value FROM json_each(?))`, JSON.stringify(ids));
  }
  parameters.push(limit + 1);
  const rows = await parts.database.query(
    `SELECT ${columns}, ${sums} FROM (SELECT * FROM reader w WHERE ${conditions.join(' AND ')} ORDER BY w.id LIMIT ?) w
     LEFT JOIN usage_range u ON u.reader = w.id GROUP BY w.id ORDER BY w.id`,
    parameters,
  );
  return rows.map((row) => fromRow(parts, row));
}

function isAsked(account: Account, tenant: string, query: ReaderQuery): boolean {
  const { subjects } = account.lineage;
  return (
    subjects.tenant === tenant &&
    (query.after === undefined || account.id > query.after) &&
    (query.subscription === undefined || query.subscription === subjects.subscription) &&
    (query.application === undefined || query.application === subjects.application) &&
    (query.api === undefined || query.api === subjects.api)
  );
}

/** A connection that was charged nothing so far: only the memory knows of it. */
function unwritten({ lineage }: Account): Bare {
  const { reader, name, subscription, application, api, log, address, createdAt } = lineage.subjects;
  return {
    log,
    shown: {
      id: reader,
      name: name ?? null,
      subscription,
      application,
      api,
      plan: lineage.plan ?? null,
      protocol: lineage.protocol,
      address,
      state: lineage.state,
      cursor: lineage.cursor,
      delivered: 0,
      bytes: 0,
      redelivered: 0,
      dropped: 0,
      createdAt,
      lastDeliveredAt: lineage.deliveredAt ?? null,
    },
  };
}

function fromRow(parts: ReaderListParts, row: Readonly<Record<string, SqlValue>>): Bare {
  const text = (column: string): string => String(row[column]);
  const live = parts.ledger.readers.live.get(text('id'))?.lineage;
  return {
    log: text('log'),
    shown: {
      id: text('id'),
      name: row['name'] === null ? null : text('name'),
      subscription: text('subscription'),
      application: text('application'),
      api: text('api'),
      plan: row['plan'] === null ? null : text('plan'),
      protocol: text('protocol'),
      address: text('address'),
      state: live?.state ?? 'closed',
      cursor: live?.cursor ?? text('cursor'),
      delivered: Number(row['delivered']),
      bytes: Number(row['bytes']),
      redelivered: Number(row['redelivered']),
      dropped: Number(row['dropped']),
      createdAt: Number(row['created_at']),
      lastDeliveredAt: row['delivered_at'] === null ? null : Number(row['delivered_at']),
    },
  };
}

async function withLag(lag: ReaderLag, readers: readonly Bare[]): Promise<ReaderStatus[]> {
  const lags = await lag.of(readers.map(({ log, shown }) => ({ log, address: shown.address, position: shown.cursor as Position })));
  return readers.map((reader, index) => ({ ...reader.shown, lag: lags[index] ?? null }));
}

import type { Database } from '../store/database.ts';
import type { AnalyticsQuery } from './insights.ts';
import type { ConnectionBook } from './connection-book.ts';
import type { Scope } from './usage-scope.ts';

interface Connections {
  readonly id: string;
  open: number;
  opened: number;
  closed: number;
  /** Connection time. */
  seconds: number;
  /** Most at once of one subscription and protocol. */
  peak: number;
  readonly byProtocol: Record<string, { open: number; opened: number; closed: number; seconds: number; peak: number }>;
}

/** Connections that stay open: how many now, how many came and went, and for how long. */
export async function connections(
  database: Database,
  book: ConnectionBook,
  tenant: string,
  query: AnalyticsQuery,
  scope: Scope,
): Promise<readonly Connections[]> {
  if (query.by === 'reader' || query.by === 'channel') return [];
  const { by } = query;
  const items = new Map<string, Connections>();
  const rows = await database.query(
    `SELECT ${scope.id} AS id, protocol, sum(opened) AS opened, sum(closed) AS closed, sum(milliseconds) AS time, max(peak) AS peak
     FROM connection_usage w WHERE ${scope.where} GROUP BY 1, 2`,
    scope.parameters,
  );
  for (const row of rows) {
    const figures = {
      open: 0,
      opened: Number(row['opened']),
      closed: Number(row['closed']),
      seconds: Number(row['time']) / 1000,
      peak: Number(row['peak']),
    };
    add(items, String(row['id']), String(row['protocol']), figures);
  }
  for (const { subscription, protocol, open } of book.current()) {
    const id = by === 'subscription' ? subscription.id : subscription[by];
    if (subscription.tenant !== tenant || (query.id !== undefined && query.id !== id)) continue;
    add(items, id, protocol, { open, opened: 0, closed: 0, seconds: 0, peak: open });
  }
  return [...items.values()].sort((a, b) => b.open - a.open || b.seconds - a.seconds);
}

type Figures = Omit<Connections, 'id' | 'byProtocol'>;

function add(items: Map<string, Connections>, id: string, protocol: string, figures: Figures): void {
  let item = items.get(id);
  if (item === undefined) items.set(id, (item = { id, open: 0, opened: 0, closed: 0, seconds: 0, peak: 0, byProtocol: {} }));
  const own = (item.byProtocol[protocol] ??= { open: 0, opened: 0, closed: 0, seconds: 0, peak: 0 });
  for (const target of [item, own]) {
    target.open += figures.open;
    target.opened += figures.opened;
    target.closed += figures.closed;
    target.seconds += figures.seconds;
    target.peak = Math.max(target.peak, figures.peak);
  }
}

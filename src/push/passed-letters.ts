import type { Position } from '../core/position.ts';
import type { Database, SqlValue } from '../store/database.ts';
import type { Resource } from '../store/resources.ts';
import { isAhead } from './is-ahead.ts';

interface Places {
  readonly database: Pick<Database, 'query'>;
  /** Orders positions of one log; throws BAD_REQUEST for those of two. */
  readonly compare: (a: Position, b: Position) => number;
}

/** Of `push_delivery`, with its position. */
type Row = Readonly<Record<string, SqlValue>>;

/** Bytes of events deleted in one transaction, past the first: the writer has others to serve. */
const mostBytes = 16 * 1024 * 1024;

/**
 * Those that the cursor of the endpoint's reader has passed, as it is on disk. What it has not must stay: the row is all that keeps a
 * restart from reading the event of the log and sending it again.
 */
export async function passedLetters(
  places: Places,
  { name, spec }: Pick<Resource<'endpoint'>, 'name' | 'spec'>,
  rows: readonly Row[],
): Promise<readonly Row[]> {
  const [reader] = await places.database.query('SELECT cursor FROM reader WHERE subscription = ? AND name = ? AND address = ?', [
    spec.subscription,
    name,
    spec.address,
  ]);
  if (reader === undefined) return rows;
  const cursor = String(reader['cursor']) as Position;
  return rows.filter(({ position }) => !isAhead(places, String(position) as Position, cursor));
}

/** The first rows, which have their `bytes`: as many as may be deleted at once. */
export function firstBytes(rows: readonly Row[]): readonly Row[] {
  let bytes = 0;
  const end = rows.findIndex((row) => (bytes += Number(row['bytes'])) > mostBytes);
  return end === -1 ? rows : rows.slice(0, Math.max(1, end));
}

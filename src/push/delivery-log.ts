import { isUtf8 } from 'node:buffer';
import type { Database, SqlValue } from '../store/database.ts';
import { RowReader } from '../store/row-reader.ts';
import { readHealth } from './endpoint-health.ts';

/** Most rows of one page, whatever is asked for: each attempt may have 16 KiB of an answer. */
const mostRows = 250;

/** A stretch of a list. */
export interface DeliveryPage {
  readonly items: readonly Readonly<Record<string, unknown>>[];
  /** What the next page comes after; undefined at the end. */
  readonly next: number | undefined;
}

interface PageWish {
  /** A page may have fewer though there are more. */
  readonly limit: number;
  /** The `next` of the page before. */
  readonly after: number | undefined;
}

export interface AttemptWish extends PageWish {
  /** Id of the event. */
  readonly event: string | undefined;
  readonly outcome: 'delivered' | 'retry' | 'dead' | 'held' | undefined;
}

export interface DeliveryWish extends PageWish {
  readonly state: 'waiting' | 'dead' | undefined;
}

/** Dead letters that were kept long enough. */
export interface DroppedLetters {
  readonly letters: number;
  /** Wall time in milliseconds of the last of them. */
  readonly at: number;
}

type Row = Readonly<Record<string, SqlValue>>;

/** What is on disk of the deliveries to an endpoint, as its owner sees it: plain JSON values, never a secret. */
export class DeliveryLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Newest first. */
  async attempts(endpoint: string, { event, outcome, limit, after }: AttemptWish): Promise<DeliveryPage> {
    // An attempt bears its first event; others are looked up.
    const ofEvent = '(event_id = ? OR id IN (SELECT attempt FROM push_attempt_event WHERE endpoint = ? AND event_id = ?))';
    const conditions: (readonly [sql: string, values: readonly (SqlValue | undefined)[]])[] = [
      ['endpoint = ?', [endpoint]],
      [ofEvent, [event, endpoint, event]],
      ['outcome = ?', [outcome]],
      ['id < ?', [after]],
    ];
    const given = conditions.filter(([, [value]]) => value !== undefined);
    const most = Math.min(limit, mostRows);
    const rows = await this.#database.query(
      `SELECT id, position, event_id, event_type, attempt, lane, at, outcome, status, failure, sentence, duration, detail, response, next_at, events
       FROM push_attempt WHERE ${given.map(([sql]) => sql).join(' AND ')} ORDER BY id DESC LIMIT ?`,
      [...given.flatMap(([, values]) => values as readonly SqlValue[]), most + 1],
    );
    return pageOf(rows, most, attemptView);
  }

  /** What is owed or dead, in the order in which the reader passed it over. */
  async deliveries(endpoint: string, { state, limit, after }: DeliveryWish): Promise<DeliveryPage> {
    const most = Math.min(limit, mostRows);
    const rows = await this.#database.query(
      `SELECT rowid AS id, position, address, event_id, event_type, ordering_key, state, reason, attempts, due_at, accepted_at, changed_at
       FROM push_delivery WHERE rowid IN (
         SELECT rowid FROM push_delivery WHERE endpoint = ? AND state IN (?, ?) AND rowid > ? ORDER BY rowid LIMIT ?
       ) ORDER BY rowid`,
      [endpoint, state ?? 'waiting', state ?? 'dead', after ?? 0, most + 1],
    );
    return pageOf(rows, most, deliveryView);
  }

  /** How many are owed, how many are dead, and how many dead ones were dropped for their age, at last when. */
  async counts(
    endpoint: string,
  ): Promise<{ readonly waiting: number; readonly dead: number; readonly dropped: DroppedLetters | undefined }> {
    const [rows, [dropped]] = await Promise.all([
      this.#database.query('SELECT state, count(*) AS n FROM push_delivery WHERE endpoint = ? GROUP BY state', [endpoint]),
      this.#database.query('SELECT letters, at FROM push_dropped WHERE endpoint = ?', [endpoint]),
    ]);
    const count = (state: string): number => Number(rows.find((row) => row['state'] === state)?.['n'] ?? 0);
    return {
      waiting: count('waiting'),
      dead: count('dead'),
      dropped: dropped && { letters: Number(dropped['letters']), at: Number(dropped['at']) },
    };
  }

  /** How the endpoint did when it was last delivered to, as it was given to `PushBook.keepState`; undefined where that cannot be read. */
  async health(endpoint: string): Promise<unknown> {
    const [row] = await this.#database.query('SELECT state FROM push_endpoint WHERE endpoint = ?', [endpoint]);
    return row && readHealth(row['state']);
  }
}

function pageOf(rows: readonly Row[], most: number, view: (row: Row) => Readonly<Record<string, unknown>>): DeliveryPage {
  const shown = rows.slice(0, most);
  return { items: shown.map(view), next: rows.length > most ? Number(shown.at(-1)?.['id']) : undefined };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function attemptView(row: Row): Readonly<Record<string, unknown>> {
  const columns = new RowReader(row);
  const { response: headers, truncated, ...detail } = columns.json('detail', isObject, {});
  const events = row['events'] === null ? null : columns.json('events', Array.isArray, []);
  // Why it was cut, where it was.
  const isCut = truncated !== undefined;
  return {
    id: String(row['id']),
    position: row['position'],
    event: row['event_id'],
    events,
    type: row['event_type'],
    attempt: row['attempt'],
    lane: row['lane'],
    at: row['at'],
    outcome: row['outcome'],
    status: row['status'],
    failure: row['failure'],
    sentence: columns.damaged.length === 0 ? row['sentence'] : 'What was kept of this attempt cannot be read in part.',
    duration: row['duration'],
    nextAt: row['next_at'],
    ...detail,
    response: headers === undefined ? null : { headers, truncated: isCut, ...bodyOf(row['response'], isCut) },
  };
}

/** Text as it is, anything else in base64; a character that was cut off at the end is left out. */
function bodyOf(body: SqlValue | undefined, isCut: boolean): Readonly<Record<string, unknown>> {
  if (!(body instanceof Uint8Array)) return { body: '', encoding: 'text' };
  const most = isCut ? 3 : 0;
  for (let cut = 0; cut <= most; cut += 1) {
    const part = body.subarray(0, body.length - cut);
    if (isUtf8(part)) return { body: Buffer.from(part).toString(), encoding: 'text' };
  }
  return { body: Buffer.from(body).toString('base64'), encoding: 'base64' };
}

/** A row of `push_delivery` without its event. */
export function deliveryView(row: Row): Readonly<Record<string, unknown>> {
  return {
    position: row['position'],
    event: row['event_id'],
    type: row['event_type'],
    address: row['address'],
    key: row['ordering_key'],
    state: row['state'],
    reason: row['reason'],
    attempts: row['attempts'],
    dueAt: row['due_at'],
    acceptedAt: row['accepted_at'],
    changedAt: row['changed_at'],
  };
}

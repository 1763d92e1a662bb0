import { randomInt } from 'node:crypto';
import type { Position } from '../core/position.ts';
import type { Database, SqlValue, Statement } from '../store/database.ts';
import { RowReader } from '../store/row-reader.ts';

/** `waiting`: for those before it, or for an endpoint that is paused or cannot be delivered to. */
export type ReplayState = 'waiting' | 'running' | 'done' | 'cancelled' | 'failed';

/** What is to be delivered again: a stretch of the log, or what is given up. */
export interface ReplayWish {
  readonly endpoint: string;
  readonly tenant: string;
  /** What the endpoint read when it was asked for. */
  readonly address: string;
  readonly kind: 'range' | 'dead';
  /** Exclusive; empty for dead letters. */
  readonly after: Position;
  /** Inclusive; empty for dead letters. */
  readonly until: Position;
  /** Of a range only these, and those that begin with what ends in `.*`; empty: all. */
  readonly types: readonly string[];
  /** Of dead letters those that died before this wall time in milliseconds. */
  readonly before: number | undefined;
  /** About how many events. */
  readonly total: number;
}

/** A replay as it is on disk. */
export interface Replay extends ReplayWish {
  readonly id: string;
  readonly state: ReplayState;
  /** Why it failed, or why it waits. */
  readonly reason: { readonly code: string; readonly sentence: string } | undefined;
  readonly cursor: Position;
  readonly passed: number;
  readonly sent: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly createdAt: number;
  readonly changedAt: number;
}

/** What a replay that is over has left in the store. */
export interface Leftover {
  readonly id: string;
  /** Id of the reader it had. */
  readonly reader: string;
  /** Its endpoint was deleted. */
  readonly isForgotten: boolean;
}

/** Replays of one endpoint that are not over. */
export const mostUnfinished = 10;
/** Replays of one endpoint that are remembered when they are over. */
const mostOver = 100;
/** Rows deleted in one transaction. */
const rowsAtOnce = 1000;

const unfinished = `state IN ('waiting', 'running')`;

/** The replays there are, in the store. Rejects with StoreError. */
export class ReplayLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Undefined: the endpoint has as many as it may that are not over. */
  async add(wish: ReplayWish, now: number): Promise<Replay | undefined> {
    const id = newReplayId();
    const { endpoint, tenant, address, kind, after, until, types, before, total } = wish;
    const values = [id, tenant, endpoint, address, kind, after, until, JSON.stringify(types), before ?? null, total, after, now, now];
    const [added] = await this.#database.transact([
      {
        sql: `INSERT INTO push_replay (id, tenant, endpoint, address, kind, after, until, types, before, total, cursor, created_at,
                changed_at, state, passed, sent, succeeded, failed)
              SELECT ${values.map(() => '?').join(', ')}, 'waiting', 0, 0, 0, 0
              WHERE (SELECT count(*) FROM push_replay WHERE endpoint = ? AND ${unfinished}) < ?`,
        parameters: [...values, endpoint, mostUnfinished],
      },
      {
        sql: `DELETE FROM push_replay WHERE rowid IN (
                SELECT rowid FROM push_replay WHERE endpoint = ? AND NOT ${unfinished} ORDER BY rowid DESC LIMIT -1 OFFSET ?)`,
        parameters: [endpoint, mostOver],
      },
    ]);
    return added?.changes === 1 ? await this.get(endpoint, id) : undefined;
  }

  async get(endpoint: string, id: string): Promise<Replay | undefined> {
    const [row] = await this.#database.query('SELECT * FROM push_replay WHERE endpoint = ? AND id = ?', [endpoint, id]);
    return row && readReplay(row);
  }

  /** Newest first. */
  async list(endpoint: string): Promise<readonly Replay[]> {
    const rows = await this.#database.query('SELECT * FROM push_replay WHERE endpoint = ? ORDER BY rowid DESC LIMIT ?', [
      endpoint,
      mostUnfinished + mostOver,
    ]);
    return rows.map(readReplay);
  }

  /** Those that are not over, oldest first. One that cannot be read has failed from then on, and is told of. */
  async unfinished(kind: Replay['kind'], now: number, onDamaged: (error: Error) => void): Promise<readonly Replay[]> {
    const ofKind = kind === 'dead' ? `kind = 'dead'` : `kind <> 'dead'`;
    const rows = await this.#database.query(`SELECT rowid AS row, * FROM push_replay WHERE ${unfinished} AND ${ofKind} ORDER BY rowid`);
    const sound: Replay[] = [];
    for (const row of rows) {
      const replay = readReplay(row);
      if (replay.state !== 'failed') sound.push(replay);
      else await this.#endDamaged(replay, Number(row['row']), { now, onDamaged });
    }
    return sound;
  }

  /** Those that are over and have left something behind. */
  async leftovers(): Promise<readonly Leftover[]> {
    const rows = await this.#database.query(
      `SELECT id, reader, state FROM push_replay WHERE reader IS NOT NULL AND NOT ${unfinished} ORDER BY rowid`,
    );
    return rows.map(({ id, reader, state }) => ({ id: String(id), reader: String(reader), isForgotten: state === 'forgotten' }));
  }

  /** It has begun, and reads as this reader. */
  async began(id: string, reader: string, now: number): Promise<void> {
    await this.#database.transact([
      {
        sql: `UPDATE push_replay SET state = 'running', code = NULL, sentence = NULL, changed_at = ? WHERE id = ? AND ${unfinished}`,
        parameters: [now, id],
      },
      { sql: 'UPDATE push_replay SET reader = ? WHERE id = ?', parameters: [reader, id] },
    ]);
  }

  /** False: it was over already. */
  async move(id: string, state: ReplayState, now: number, reason?: Replay['reason']): Promise<boolean> {
    const [moved] = await this.#database.transact([
      {
        sql: `UPDATE push_replay SET state = ?, code = ?, sentence = ?, changed_at = ? WHERE id = ? AND ${unfinished}`,
        parameters: [state, reason?.code ?? null, reason?.sentence ?? null, now, id],
      },
    ]);
    return moved?.changes === 1;
  }

  /** Of dead letters: how many were made due so far, and how many cannot be read. */
  async passed(id: string, { passed, failed }: Pick<Replay, 'passed' | 'failed'>, now: number): Promise<void> {
    await this.#database.transact([
      {
        sql: `UPDATE push_replay SET passed = ?, failed = ?, changed_at = ? WHERE id = ? AND ${unfinished}`,
        parameters: [passed, failed, now, id],
      },
    ]);
  }

  /** By its row: its id may be what is damaged. */
  async #endDamaged(
    { id, endpoint, reason }: Replay,
    row: number,
    { now, onDamaged }: { readonly now: number; readonly onDamaged: (error: Error) => void },
  ): Promise<void> {
    onDamaged(new Error(`The replay ${id} to ${endpoint} has failed. ${reason?.sentence}`));
    const sql = `UPDATE push_replay SET state = 'failed', code = ?, sentence = ?, changed_at = ? WHERE rowid = ? AND ${unfinished}`;
    await this.#database.transact([{ sql, parameters: [reason?.code ?? null, reason?.sentence ?? null, now, row] }]);
  }

  /** Deletes what a replay that is over still owes, in parts. */
  async clear({ id, isForgotten }: Leftover): Promise<void> {
    for (;;) {
      const [owed] = await this.#database.transact([
        {
          sql: 'DELETE FROM push_delivery WHERE rowid IN (SELECT rowid FROM push_delivery WHERE endpoint = ? LIMIT ?)',
          parameters: [id, rowsAtOnce],
        },
        // No more of them than a window has.
        { sql: 'DELETE FROM push_settled WHERE endpoint = ?', parameters: [id] },
      ]);
      if ((owed?.changes ?? 0) < rowsAtOnce) break;
    }
    const sql = isForgotten ? 'DELETE FROM push_replay WHERE id = ?' : 'UPDATE push_replay SET reader = NULL WHERE id = ?';
    await this.#database.transact([{ sql, parameters: [id] }]);
  }
}

/** Statements that forget the replays of a deleted endpoint; those that have left something behind go when that is gone. */
export function forgetReplays(endpoint: string): readonly Statement[] {
  return [
    { sql: 'DELETE FROM push_replay WHERE endpoint = ? AND reader IS NULL', parameters: [endpoint] },
    { sql: `UPDATE push_replay SET state = 'forgotten' WHERE endpoint = ?`, parameters: [endpoint] },
  ];
}

const kinds = ['range', 'dead'] as const;
const states = ['failed', 'waiting', 'running', 'done', 'cancelled'] as const;
const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every((one) => typeof one === 'string');

/** One that is damaged has failed, whatever stands there. */
function readReplay(row: Readonly<Record<string, SqlValue>>): Replay {
  const columns = new RowReader(row);
  const code = columns.textOrNone('code');
  const replay: Replay = {
    id: columns.text('id'),
    endpoint: columns.text('endpoint'),
    tenant: columns.text('tenant'),
    address: columns.text('address'),
    kind: columns.choice('kind', kinds),
    after: columns.text('after') as Position,
    until: columns.text('until') as Position,
    types: columns.json('types', isTexts, []),
    before: columns.amountOrNone('before'),
    total: columns.amount('total'),
    state: columns.choice('state', states),
    reason: code === undefined ? undefined : { code, sentence: String(row['sentence']) },
    cursor: columns.text('cursor') as Position,
    passed: columns.amount('passed'),
    sent: columns.amount('sent'),
    succeeded: columns.amount('succeeded'),
    failed: columns.amount('failed'),
    createdAt: columns.amount('created_at'),
    changedAt: columns.amount('changed_at'),
  };
  return columns.damaged.length === 0 ? replay : { ...replay, state: 'failed', reason: damage(columns.damaged) };
}

function damage(columns: readonly string[]): Replay['reason'] {
  const sentence = `What was kept of it cannot be read (${columns.join(', ')}). What it had not sent yet is not sent: ask for another one.`;
  return { code: 'UNREADABLE', sentence };
}

const digits = '0123456789abcdefghijklmnopqrstuvwxyz';

function newReplayId(): string {
  return `rpl_${Array.from({ length: 12 }, () => digits[randomInt(36)]).join('')}`;
}

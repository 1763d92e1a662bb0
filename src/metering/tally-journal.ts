import type { Database, SqlValue, Statement } from '../store/database.ts';
import { bulk } from './bulk.ts';
import type { SharedTally, Stretch } from './tally.ts';

/** A stretch that is over, and whose it is. */
interface Entry {
  readonly tally: string;
  readonly stretch: Stretch;
}

/** Stretches of a tally before a number, which no reader's row refers to any more. */
interface Spent {
  readonly tally: string;
  readonly before: number;
}

/**
 * What groups of readers were charged, written once for all members. A member's row names its tally and the first stretch that is
 * not in its own rows; so a reader that leaves must be written before the next stretch is, and a stretch goes with the last part of
 * a round of commits, all of whose parts were taken.
 */
export class TallyJournal {
  #entries: Entry[] = [];
  #spent: Spent[] = [];
  /** What the round under way writes at its end; nothing once a part of it has failed. */
  #roundEntries: readonly Entry[] = [];
  #roundSpent: readonly Spent[] = [];

  get dirty(): boolean {
    return this.#entries.length > 0 || this.#spent.length > 0 || this.#roundEntries.length > 0 || this.#roundSpent.length > 0;
  }

  add({ id }: SharedTally, stretches: readonly Stretch[]): void {
    for (const stretch of stretches) this.#entries.push({ tally: id, stretch });
  }

  /** Everybody whose row may refer to a stretch before `next` is among what the next round writes. */
  spend({ id, next }: SharedTally): void {
    this.#spent.push({ tally: id, before: next });
  }

  beginRound(): void {
    this.#roundEntries = this.#entries;
    this.#roundSpent = this.#spent;
    this.#entries = [];
    this.#spent = [];
  }

  /** For the last part of a round. */
  statements(): readonly Statement[] {
    const spent = new Map(this.#roundSpent.map(({ tally, before }) => [tally, before]));
    const rows = this.#roundEntries.filter(({ tally, stretch }) => stretch.serial >= (spent.get(tally) ?? 0)).map(rowOf);
    return [
      ...bulk(
        'INSERT OR REPLACE INTO tally_stretch (tally, serial, minute, hi, n_billable, n_filtered, bytes, by_type, t_first, t_last)',
        '',
        10,
        rows,
      ),
      ...[...spent].map(([tally, before]) => ({
        sql: 'DELETE FROM tally_stretch WHERE tally = ? AND serial < ?',
        parameters: [tally, before],
      })),
    ];
  }

  written(): void {
    this.#roundEntries = [];
    this.#roundSpent = [];
  }

  failed(): void {
    this.#entries = [...this.#roundEntries, ...this.#entries];
    this.#spent = [...this.#roundSpent, ...this.#spent];
    this.written();
  }
}

function rowOf({ tally, stretch }: Entry): readonly SqlValue[] {
  const { serial, minute, position, events, filtered, bytes, types, counts, first, at } = stretch;
  const byType = JSON.stringify(types.map((type, index) => [type, counts[2 * index], counts[2 * index + 1]]));
  return [tally, serial, minute, position, events, filtered, bytes, byType, first, at];
}

/** What the members that joined at the same stretch are charged in one minute. */
interface Due {
  readonly minute: number;
  hi: string;
  events: number;
  filtered: number;
  bytes: number;
  readonly types: Map<string, [events: number, bytes: number]>;
  readonly first: number;
  last: number;
}

/** After a crash: gives every reader what its tally was charged last, in one commit. */
export async function recoverTallies(database: Database): Promise<void> {
  const groups = await database.query('SELECT DISTINCT tally, stretch FROM reader WHERE tally IS NOT NULL');
  const statements: Statement[] = [];
  for (const { tally, stretch } of groups) {
    const rows = await database.query('SELECT * FROM tally_stretch WHERE tally = ? AND serial >= ? ORDER BY serial', [
      tally as string,
      stretch as number,
    ]);
    statements.push(...chargeMembers(String(tally), Number(stretch), dueOf(rows)));
  }
  statements.push({ sql: 'DELETE FROM tally_stretch', parameters: [] });
  await database.transact(statements);
}

function dueOf(rows: readonly Record<string, SqlValue>[]): readonly Due[] {
  const all: Due[] = [];
  for (const row of rows) {
    const minute = Number(row['minute']);
    let due = all.at(-1);
    if (due?.minute !== minute) {
      due = { minute, hi: '', events: 0, filtered: 0, bytes: 0, types: new Map(), first: Number(row['t_first']), last: 0 };
      all.push(due);
    }
    due.hi = String(row['hi']);
    due.events += Number(row['n_billable']);
    due.filtered += Number(row['n_filtered']);
    due.bytes += Number(row['bytes']);
    due.last = Number(row['t_last']);
    for (const [type, events, bytes] of JSON.parse(String(row['by_type'])) as [string, number, number][]) {
      const sum = due.types.get(type) ?? [0, 0];
      due.types.set(type, [sum[0] + events, sum[1] + bytes]);
    }
  }
  return all;
}

function typesJson(types: Due['types']): string {
  return JSON.stringify(Object.fromEntries(types));
}

function chargeMembers(tally: string, stretch: number, all: readonly Due[]): readonly Statement[] {
  const ranges = all.map(({ minute, hi, events, filtered, bytes, types, first, last }, index) => ({
    sql: `INSERT INTO usage_range (reader, serial, tenant, minute, lo, hi, n_billable, n_redelivered, n_filtered, n_dropped, n_conflated,
            skips, bytes, by_type, t_first, t_last)
          SELECT id, serial + ?, tenant, ?, coalesce(?, charged), ?, ?, 0, ?, 0, 0, 0, ?, ?, ?, ? FROM reader WHERE tally = ? AND stretch = ?`,
    parameters: [index + 1, minute, all[index - 1]?.hi ?? null, hi, events, filtered, bytes, typesJson(types), first, last, tally, stretch],
  }));
  const end = all.at(-1);
  return [
    ...ranges,
    {
      sql: `UPDATE reader SET serial = serial + ?, charged = coalesce(?, charged), delivered_at = coalesce(?, delivered_at),
              cursor = CASE WHEN name IS NULL THEN coalesce(?, cursor) ELSE cursor END, tally = NULL, stretch = NULL
            WHERE tally = ? AND stretch = ?`,
      parameters: [all.length, end?.hi ?? null, end?.last ?? null, end?.hi ?? null, tally, stretch],
    },
  ];
}

import type { Database, Statement } from '../store/database.ts';
import { bulk } from './bulk.ts';
import type { SharedTally, Stretch } from './tally.ts';

/** Entries in one row: some 60 KiB. */
const entriesPerRow = 512;
/** Rows read at once after a crash. */
const rowsPerRead = 64;

/** A stretch that is over, and whose it is, as it is written. */
type Entry = readonly [
  tally: string,
  serial: number,
  minute: number,
  hi: string,
  events: number,
  filtered: number,
  bytes: number,
  first: number,
  at: number,
  types: readonly (readonly [type: string, events: number, bytes: number])[],
];

/**
 * What readers were charged in groups, be it of one: an entry of some hundred bytes at the end of a table, where a reader's own rows
 * are pages here and there. A member's row names its tally and the first stretch that is not in its own rows; so a reader that leaves
 * must be written before the next stretch is, and a stretch goes with the last part of a round of commits, all of whose parts were taken.
 */
export class TallyJournal {
  #entries: Entry[] = [];
  /** No reader's row refers to any entry on disk once the next round is. */
  #isSpent = false;
  #hasRows = false;
  /** What the round under way does at its end. */
  #roundEntries: readonly Entry[] = [];
  #roundSpends = false;

  get dirty(): boolean {
    return this.#entries.length > 0 || this.#isSpent || this.#roundEntries.length > 0 || this.#roundSpends;
  }

  add({ id }: SharedTally, stretches: readonly Stretch[]): void {
    for (const stretch of stretches) this.#entries.push(entryOf(id, stretch));
  }

  /** Everybody whose row may refer to what was added so far is among what the next round writes. */
  spend(): void {
    this.#entries = [];
    this.#isSpent ||= this.#hasRows || this.#roundEntries.length > 0;
  }

  beginRound(): void {
    this.#roundEntries = this.#entries;
    this.#roundSpends = this.#isSpent;
    this.#entries = [];
    this.#isSpent = false;
  }

  /** For the last part of a round. All rows there are were written before it began. */
  statements(): readonly Statement[] {
    const rows: [string][] = [];
    for (let next = 0; next < this.#roundEntries.length; next += entriesPerRow)
      rows.push([JSON.stringify(this.#roundEntries.slice(next, next + entriesPerRow))]);
    const spends = this.#roundSpends ? [{ sql: 'DELETE FROM tally_journal', parameters: [] }] : [];
    return [...spends, ...bulk('INSERT INTO tally_journal (entries)', '', 1, rows)];
  }

  written(): void {
    this.#hasRows = this.#roundEntries.length > 0 || (this.#hasRows && !this.#roundSpends);
    this.#endRound();
  }

  /** Nobody knows what of the round is on disk: it is as if everything was spent, so that a store that refuses costs no memory. */
  failed(): void {
    this.spend();
    this.#isSpent ||= this.#roundSpends;
    this.#endRound();
  }

  #endRound(): void {
    this.#roundEntries = [];
    this.#roundSpends = false;
  }
}

function entryOf(tally: string, { serial, minute, position, events, filtered, bytes, first, at, types, counts }: Stretch): Entry {
  const byType = types.map((type, index) => [type, counts[2 * index] as number, counts[2 * index + 1] as number] as const);
  return [tally, serial, minute, position, events, filtered, bytes, first, at, byType];
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

/** Members of a tally that joined at the same stretch. */
interface Joined {
  readonly stretch: number;
  readonly dues: Due[];
}

/** After a crash: gives every reader what its tally was charged last, in one commit. */
export async function recoverTallies(database: Database): Promise<void> {
  const groups = new Map<string, Joined[]>();
  for (const { tally, stretch } of await database.query('SELECT DISTINCT tally, stretch FROM reader WHERE tally IS NOT NULL')) {
    const joined = { stretch: Number(stretch), dues: [] };
    const others = groups.get(String(tally));
    if (others === undefined) groups.set(String(tally), [joined]);
    else others.push(joined);
  }
  await readJournal(database, (entry) => {
    for (const { stretch, dues } of groups.get(entry[0]) ?? []) if (entry[1] >= stretch) addTo(dues, entry);
  });
  const statements: Statement[] = [];
  for (const [tally, all] of groups) for (const { stretch, dues } of all) statements.push(...chargeMembers(tally, stretch, dues));
  statements.push({ sql: 'DELETE FROM tally_journal', parameters: [] });
  await database.transact(statements);
}

/** The entries of each tally come by rising serial. */
async function readJournal(database: Database, take: (entry: Entry) => void): Promise<void> {
  for (let last = 0; ;) {
    const rows = await database.query('SELECT id, entries FROM tally_journal WHERE id > ? ORDER BY id LIMIT ?', [last, rowsPerRead]);
    if (rows.length === 0) return;
    for (const { id, entries } of rows) {
      last = Number(id);
      for (const entry of JSON.parse(String(entries)) as Entry[]) take(entry);
    }
  }
}

function addTo(dues: Due[], [, , minute, hi, events, filtered, bytes, first, at, types]: Entry): void {
  let due = dues.at(-1);
  if (due?.minute !== minute) {
    due = { minute, hi, events: 0, filtered: 0, bytes: 0, types: new Map(), first, last: 0 };
    dues.push(due);
  }
  due.hi = hi;
  due.events += events;
  due.filtered += filtered;
  due.bytes += bytes;
  due.last = at;
  for (const [type, n, size] of types) {
    const sum = due.types.get(type) ?? [0, 0];
    due.types.set(type, [sum[0] + n, sum[1] + size]);
  }
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

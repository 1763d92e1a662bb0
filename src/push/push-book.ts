import type { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import type { Book } from '../metering/book.ts';
import { bulk } from '../metering/bulk.ts';
import type { SqlValue, Statement } from '../store/database.ts';
import { attemptColumns, attemptRow, type AttemptRecord } from './attempt-record.ts';
import { owedColumns, owedRow, type OwedDelivery } from './owed-delivery.ts';
import type { ReplayProgress } from './replay-run.ts';
import { SettledMarks, type MarkChanges, type MarkSource } from './settled-marks.ts';

/** Attempts that may wait for the store, past which nothing new is begun. */
const mostWaitingAttempts = 10_000;

/** A row as the next commit leaves it; undefined: there is none. */
type OwedChange = { readonly delivery: OwedDelivery; readonly event: Event } | undefined;

interface Writing {
  readonly owed: Map<string, OwedChange>;
  readonly states: Map<string, readonly SqlValue[]>;
  readonly replays: Map<string, ReplayProgress>;
  readonly attempts: readonly AttemptRecord[];
  readonly marks: readonly { readonly source: MarkSource; readonly own: SettledMarks; readonly changes: MarkChanges }[];
}

const nothing: Writing = { owed: new Map(), states: new Map(), replays: new Map(), attempts: [], marks: [] };

const putOwed = `INSERT INTO push_delivery (${owedColumns.join(', ')})`;
const replaceOwed = `ON CONFLICT (endpoint, position) DO UPDATE SET state = excluded.state, reason = excluded.reason,
  attempts = excluded.attempts, counted = excluded.counted, throttled = excluded.throttled, format_refused = excluded.format_refused,
  due_at = excluded.due_at, billed = excluded.billed, batch = excluded.batch, changed_at = excluded.changed_at`;

/**
 * What push readers leave behind: deliveries that are owed, attempts, what is done ahead of the cursor, and how endpoints do. The first
 * of the ledger's books, so that it is written in the transaction of the cursors, or in one before.
 */
export class PushBook implements Book {
  readonly #marks = new Map<string, SettledMarks>();
  #owed = new Map<string, OwedChange>();
  #states = new Map<string, readonly SqlValue[]>();
  #replays = new Map<string, ReplayProgress>();
  #attempts: AttemptRecord[] = [];
  /** With something that the next commit has to mark, by endpoint. */
  readonly #sources = new Map<string, MarkSource>();
  /** With marks that may have to go when all cursors of the round of commits under way are on disk, by endpoint. */
  readonly #unfinished = new Map<string, MarkSource>();
  #writing = nothing;
  #onAttempted: (record: AttemptRecord) => void = () => undefined;

  /** `onAttempted` is told of each attempt as it is put down, before anything of that turn is written. */
  watch(onAttempted: (record: AttemptRecord) => void): void {
    this.#onAttempted = onAttempted;
  }

  /** Whether so much waits for the store that no attempt may begin. */
  get isFull(): boolean {
    return this.#attempts.length + this.#writing.attempts.length >= mostWaitingAttempts;
  }

  /** Marks of an endpoint that are on disk; from now on another source has them. */
  restore(endpoint: string, marks: Iterable<Position>): void {
    this.forget(endpoint);
    this.#marks.set(endpoint, new SettledMarks(marks));
  }

  /** The endpoint is no longer delivered to; what it left is still written, what was done ahead of its cursor with it. */
  release(source: MarkSource): void {
    this.#sources.set(source.id, source);
  }

  /** Nothing of it is on disk any more, and nothing more comes. */
  forget(owner: string): void {
    this.#sources.delete(owner);
    this.#unfinished.delete(owner);
    this.#marks.delete(owner);
  }

  put(delivery: OwedDelivery, event: Event): void {
    this.#owed.set(keyOf(delivery.endpoint, delivery.position), { delivery, event });
  }

  /** The event of a delivery that is owed, while it is on its way to the store. */
  eventOf(endpoint: string, position: Position): Event | undefined {
    const key = keyOf(endpoint, position);
    return (this.#owed.get(key) ?? this.#writing.owed.get(key))?.event;
  }

  /** Whether the row of a delivery is not yet on disk as it is. */
  isChanging(endpoint: string, position: Position): boolean {
    const key = keyOf(endpoint, position);
    return this.#owed.has(key) || this.#writing.owed.has(key);
  }

  /** It was delivered. */
  remove(endpoint: string, position: Position): void {
    this.#owed.set(keyOf(endpoint, position), undefined);
  }

  attempted(record: AttemptRecord): void {
    this.#attempts.push(record);
    this.#onAttempted(record);
  }

  /** How an endpoint does, as JSON. */
  keepState(endpoint: string, tenant: string, state: string): void {
    this.#states.set(endpoint, [endpoint, tenant, state]);
  }

  keepReplay(replay: string, progress: ReplayProgress): void {
    this.#replays.set(replay, progress);
  }

  /** Something was done ahead of the cursor, or the cursor has passed something. */
  moved(source: MarkSource): void {
    this.#sources.set(source.id, source);
  }

  get dirty(): boolean {
    return this.#owed.size > 0 || this.#states.size > 0 || this.#replays.size > 0 || this.#attempts.length > 0 || this.#hasMarks;
  }

  /** What is delivered and not on disk is delivered again after a crash. */
  get isUrgent(): boolean {
    return this.#attempts.length > 0;
  }

  collect(now: number, isContinued = false): readonly Statement[] {
    const marks = this.#collectMarks(isContinued);
    this.#writing = { owed: this.#owed, states: this.#states, replays: this.#replays, attempts: this.#attempts, marks };
    this.#owed = new Map();
    this.#states = new Map();
    this.#replays = new Map();
    this.#attempts = [];
    const { owed, replays } = this.#writing;
    return [...owedStatements(owed, now), ...this.#otherStatements(), ...replayStatements(replays, now), ...markStatements(marks)];
  }

  committed(): void {
    for (const { source, own } of this.#writing.marks) if (own.isLeaving) this.#keep(source, own, this.#unfinished);
    this.#writing = nothing;
  }

  failed(): void {
    const { owed, states, replays, attempts, marks } = this.#writing;
    for (const [key, change] of owed) if (!this.#owed.has(key)) this.#owed.set(key, change);
    for (const [key, row] of states) if (!this.#states.has(key)) this.#states.set(key, row);
    for (const [key, progress] of replays) if (!this.#replays.has(key)) this.#replays.set(key, progress);
    this.#attempts = [...attempts, ...this.#attempts];
    // The round ends here, with cursors that are not on disk.
    for (const id of this.#unfinished.keys()) this.#marks.get(id)?.stay();
    for (const { source, own, changes } of marks) {
      own.undo(changes);
      this.#keep(source, own, this.#sources);
    }
    this.#writing = nothing;
  }

  get #hasMarks(): boolean {
    return this.#sources.size > 0 || this.#unfinished.size > 0;
  }

  /** Within a round none goes: the cursor that has passed it may be written with a later part. */
  #collectMarks(isContinued: boolean): Writing['marks'] {
    const sources = isContinued ? [...this.#sources.values()] : [...new Map([...this.#unfinished, ...this.#sources]).values()];
    this.#sources.clear();
    if (!isContinued) this.#unfinished.clear();
    return sources.map((source) => {
      const own = this.#marksOf(source.id);
      if (isContinued) this.#unfinished.set(source.id, source);
      const ahead = source.settledAhead();
      return { source, own, changes: isContinued ? own.add(ahead) : own.change(ahead) };
    });
  }

  /** Not when another source has its marks by now. */
  #keep(source: MarkSource, own: SettledMarks, sources: Map<string, MarkSource>): void {
    if (this.#marks.get(source.id) === own) sources.set(source.id, source);
  }

  #marksOf(endpoint: string): SettledMarks {
    let marks = this.#marks.get(endpoint);
    if (marks === undefined) this.#marks.set(endpoint, (marks = new SettledMarks([])));
    return marks;
  }

  #otherStatements(): readonly Statement[] {
    const { states, attempts } = this.#writing;
    return [
      ...bulk('INSERT INTO push_endpoint (endpoint, tenant, state)', 'ON CONFLICT (endpoint) DO UPDATE SET state = excluded.state', 3, [
        ...states.values(),
      ]),
      ...bulk(`INSERT INTO push_attempt (${attemptColumns.join(', ')})`, '', attemptColumns.length, attempts.map(attemptRow)),
    ];
  }
}

function owedStatements(owed: ReadonlyMap<string, OwedChange>, now: number): readonly Statement[] {
  const put: (readonly SqlValue[])[] = [];
  const gone: (readonly [string, string])[] = [];
  for (const [key, change] of owed) {
    if (change === undefined) gone.push(partsOf(key));
    else put.push(owedRow(change.delivery, change.event, now));
  }
  return [...bulk(putOwed, replaceOwed, owedColumns.length, put), ...deletions('push_delivery', gone)];
}

function replayStatements(replays: ReadonlyMap<string, ReplayProgress>, now: number): readonly Statement[] {
  return [...replays].map(([id, { cursor, passed, sent, succeeded, failed }]) => ({
    sql: 'UPDATE push_replay SET cursor = ?, passed = ?, sent = ?, succeeded = ?, failed = ?, changed_at = ? WHERE id = ?',
    parameters: [cursor, passed, sent, succeeded, failed, now, id],
  }));
}

function markStatements(marks: Writing['marks']): readonly Statement[] {
  const added = marks.flatMap(({ source, changes }) => changes.add.map((position) => [source.id, position] as const));
  const removed = marks.flatMap(({ source, changes }) => changes.remove.map((position) => [source.id, position] as const));
  return [
    ...bulk('INSERT INTO push_settled (endpoint, position)', 'ON CONFLICT DO NOTHING', 2, added),
    ...deletions('push_settled', removed),
  ];
}

function deletions(table: 'push_delivery' | 'push_settled', rows: readonly (readonly [string, string])[]): readonly Statement[] {
  if (rows.length === 0) return [];
  const sql = `DELETE FROM ${table} WHERE (endpoint, position) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))`;
  return [{ sql, parameters: [JSON.stringify(rows)] }];
}

/** Neither has a space. */
function keyOf(endpoint: string, position: Position): string {
  return `${endpoint} ${position}`;
}

function partsOf(key: string): readonly [string, string] {
  return key.split(' ') as unknown as readonly [string, string];
}

import type { Clock } from '../core/clock.ts';
import type { RefusalRecord } from '../core/meter.ts';
import type { Statement } from '../store/database.ts';
import type { Book } from './book.ts';
import { bulk } from './bulk.ts';
import { minuteOf } from './calendar.ts';
import { MinuteRows, type MinuteRow } from './minute-rows.ts';
import { OTHER } from './usage-range.ts';

/** Decisions kept for each subscription, give or take `PRUNE_AFTER`. */
const MOST_KEPT = 1000;
const PRUNE_AFTER = 100;
/** Different refusals told apart within a second, and decisions that wait for the store. Past it the oldest are only counted. */
const MOST_PENDING = 2000;
/** Different reasons counted apart in a minute. */
const MOST_COUNTS = 5000;
/** Longest text kept of what a client made up. */
const MOST_CHARACTERS = 512;

interface RefusalRow {
  readonly record: RefusalRecord;
  readonly n: number;
  readonly at: number;
  lastAt: number;
  count: number;
  events: number;
}

interface RefusalCount extends MinuteRow {
  readonly record: RefusalRecord;
  readonly address: string;
  readonly reason: string;
  readonly firstAt: number;
  lastAt: number;
  decisions: number;
  events: number;
}

/** What becomes of refusals besides the books: a log line and a metric. */
export interface RefusalListener {
  /** The first of its kind within a second. */
  decided(record: RefusalRecord): void;
  /** `count` more of the same followed within that second. */
  repeated(record: RefusalRecord, count: number): void;
}

/** Decisions against clients: rows for the subscriber, repeats within a second as one row, and counts by minute. */
export class RefusalBook implements Book {
  readonly #clock: Clock;
  readonly #part: number;
  readonly #listener: RefusalListener;
  readonly #counts = new MinuteRows<RefusalCount>(MOST_COUNTS);
  readonly #sincePruned = new Map<string, number>();
  #second = 0;
  #n = 0;
  #ofSecond = new Map<string, RefusalRow>();
  #dirty = new Set<RefusalRow>();
  #writing = new Set<RefusalRow>();
  #forgone = 0;

  constructor(clock: Clock, part: number, listener: RefusalListener) {
    this.#clock = clock;
    this.#part = part;
    this.#listener = listener;
  }

  /** Rows that were only counted, because too many waited. */
  get forgone(): number {
    return this.#forgone;
  }

  record(record: RefusalRecord): void {
    const now = this.#clock.now();
    this.#count(record, now);
    this.#turn(now);
    const key = `${record.tenant}\n${record.subscription ?? ''}\n${record.stage}\n${record.code}\n${record.reason}`;
    const known = this.#ofSecond.get(key);
    if (known !== undefined) {
      known.count += 1;
      known.events += record.events;
      known.lastAt = now;
      this.#dirty.add(known);
      return;
    }
    if (this.#ofSecond.size >= MOST_PENDING) {
      this.#forgone += 1;
      return;
    }
    this.#listener.decided(record);
    const row: RefusalRow = { record, n: (this.#n += 1), at: now, lastAt: now, count: 1, events: record.events };
    this.#ofSecond.set(key, row);
    this.#dirty.add(row);
    this.#shed();
  }

  /** Says how often the refusals of a second that is over were repeated. */
  tick(): void {
    this.#turn(this.#clock.now());
  }

  get dirty(): boolean {
    return this.#dirty.size > 0 || this.#counts.dirty;
  }

  collect(): readonly Statement[] {
    this.#writing = this.#dirty;
    this.#dirty = new Set();
    return [...this.#rowStatements(), ...this.#countStatements(), ...this.#pruneStatements()];
  }

  committed(): void {
    this.#writing = new Set();
    this.#counts.committed(minuteOf(this.#clock.now()));
  }

  failed(): void {
    for (const row of this.#dirty) this.#writing.add(row);
    this.#dirty = this.#writing;
    this.#writing = new Set();
    this.#counts.failed();
    this.#shed();
  }

  #turn(now: number): void {
    const second = Math.floor(now / 1000);
    if (second === this.#second) return;
    this.#second = second;
    const over = this.#ofSecond;
    this.#ofSecond = new Map();
    for (const row of over.values()) if (row.count > 1) this.#listener.repeated(row.record, row.count - 1);
  }

  #shed(): void {
    while (this.#dirty.size > MOST_PENDING) {
      const oldest = this.#dirty.values().next().value as RefusalRow;
      this.#dirty.delete(oldest);
      this.#forgone += 1;
    }
  }

  #count(record: RefusalRecord, now: number): void {
    const minute = minuteOf(now);
    const fine = `${minute}\n${record.tenant}\n${record.subscription ?? ''}\n${record.api ?? ''}\n${record.address ?? ''}\n${record.stage}\n${record.code}\n${record.reason}`;
    const row = this.#counts.get(fine) ?? this.#newCount(fine, record, minute, now);
    row.decisions += 1;
    row.events += record.events;
    row.lastAt = now;
    this.#counts.touch(row);
  }

  #newCount(fine: string, record: RefusalRecord, minute: number, now: number): RefusalCount {
    const isFull = this.#counts.isFull;
    const key = isFull
      ? `${minute}\n${record.tenant}\n${record.subscription ?? ''}\n${record.api ?? ''}\n${record.stage}\n${record.code}`
      : fine;
    const known = isFull ? this.#counts.get(key) : undefined;
    if (known !== undefined) return known;
    return this.#counts.add(key, {
      record,
      minute,
      isDirty: false,
      address: isFull ? OTHER : clip(record.address ?? ''),
      reason: isFull ? OTHER : clip(record.reason),
      firstAt: now,
      lastAt: now,
      decisions: 0,
      events: 0,
    });
  }

  #rowStatements(): readonly Statement[] {
    const rows = [...this.#writing].map((row) => {
      const { record } = row;
      const retryAfter = record.retryAfter === undefined ? null : Math.round(record.retryAfter);
      return [
        this.#part,
        row.n,
        record.tenant,
        record.subscription ?? '',
        record.application ?? null,
        record.api ?? null,
        record.plan ?? null,
        record.protocol,
        record.address === undefined ? null : clip(record.address),
        record.stage,
        record.code,
        clip(record.reason),
        clip(record.sentence),
        row.events,
        row.count,
        retryAfter,
        row.at,
        row.lastAt,
      ];
    });
    return bulk(
      `INSERT INTO refusal (part, n, tenant, subscription, application, api, plan, protocol, address, stage, code, reason, sentence,
         events, count, retry_after, at, last_at)`,
      'ON CONFLICT (part, n) DO UPDATE SET events = excluded.events, count = excluded.count, last_at = excluded.last_at',
      18,
      rows,
    );
  }

  #countStatements(): readonly Statement[] {
    const rows = this.#counts.collect().map((row) => {
      const { tenant, subscription, application, api, stage, code } = row.record;
      return [
        tenant,
        row.minute,
        this.#part,
        subscription ?? '',
        application ?? '',
        api ?? '',
        row.address,
        stage,
        code,
        row.reason,
        row.decisions,
        row.events,
        row.firstAt,
        row.lastAt,
      ];
    });
    return bulk(
      `INSERT INTO refusal_count (tenant, minute, part, subscription, application, api, address, stage, code, reason,
         decisions, events, first_at, last_at)`,
      `ON CONFLICT (tenant, minute, part, subscription, api, address, stage, code, reason) DO UPDATE SET
         decisions = excluded.decisions, events = excluded.events, last_at = excluded.last_at`,
      14,
      rows,
    );
  }

  /** Keeps the newest of each subscription; the first decision of a run prunes what earlier runs left. */
  #pruneStatements(): readonly Statement[] {
    const statements: Statement[] = [];
    for (const { record } of this.#writing) {
      const subscription = record.subscription ?? '';
      const key = `${record.tenant}\n${subscription}`;
      const since = (this.#sincePruned.get(key) ?? PRUNE_AFTER) + 1;
      this.#sincePruned.set(key, since <= PRUNE_AFTER ? since : 0);
      if (since <= PRUNE_AFTER) continue;
      statements.push({
        sql: `DELETE FROM refusal WHERE (part, n) IN (SELECT part, n FROM refusal WHERE tenant = ? AND subscription = ?
          ORDER BY at DESC, part DESC, n DESC LIMIT -1 OFFSET ?)`,
        parameters: [record.tenant, subscription, MOST_KEPT],
      });
    }
    return statements;
  }
}

function clip(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
}

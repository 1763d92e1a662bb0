import type { Batch } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import type { SqlValue } from '../store/database.ts';
import type { BatchTotals } from './batch-totals.ts';
import type { RateSource, Subjects } from './rate-source.ts';
import type { ReaderLatencies } from './reader-latencies.ts';
import type { SharedTally, Stretch } from './tally.ts';
import { UsageRange } from './usage-range.ts';

/** Orders two positions of a log; negative when a is before b. Throws when they are not of the same epoch. */
export type ComparePositions = (log: string, a: Position, b: Position) => number;

/** Who a lineage belongs to and where it reads. */
export interface LineageIdentity extends Subjects {
  readonly reader: string;
  readonly name: string | undefined;
  readonly log: string;
  readonly filter: string | undefined;
  readonly start: Position;
  readonly createdAt: number;
}

/** One reader through all its connections: where it is, what it was charged, and the range that is growing. Constant in size. */
export class Lineage implements RateSource {
  readonly subjects: LineageIdentity;
  readonly measure = 'delivered';
  protocol: string;
  plan: string | undefined;
  /** Where delivery goes on. */
  cursor: Position;
  state: 'live' | 'catching-up' | 'paused' | 'closed' = 'closed';
  closedAt: number | undefined;
  /** Whether a connection may go on with it once it is closed. */
  isResumable = true;
  deliveredAt: number | undefined;
  /** What was charged behind this was charged to connections, while the reader is an endpoint's otherwise. */
  lentFrom: Position | undefined = undefined;
  /** Whether the store has its row. */
  isWritten = false;
  /** Whether it is on the list of the next commit. */
  isDirty = false;
  /** Whether a commit that holds it is under way. */
  isWriting = false;
  /** The group it is charged with now, and the first of its stretches that is not in this reader's own books. */
  tally: SharedTally | undefined = undefined;
  stretch = 0;
  /** The tally that its row on disk refers to: what that is charged need not be written here. */
  journaledIn: SharedTally | undefined = undefined;
  #writtenTally: SharedTally | undefined = undefined;
  readonly range: UsageRange;
  /** Row of a range that is over and not known to be on disk. */
  #sealed: readonly SqlValue[] | undefined;
  readonly #latencies: ReaderLatencies;

  isFresh = false;
  freshEvents = 0;
  freshBytes = 0;
  series: RateSource['series'] = undefined;
  generation = -1;

  constructor(
    subjects: LineageIdentity,
    at: { readonly cursor: Position; readonly charged: Position; readonly serial: number },
    latencies: ReaderLatencies,
  ) {
    this.subjects = subjects;
    this.protocol = '';
    this.plan = undefined;
    this.cursor = at.cursor;
    this.range = new UsageRange(at.serial, at.charged);
    this.#latencies = latencies;
  }

  /** Everything up to here was charged. */
  get charged(): Position {
    return this.range.hi;
  }

  /** Charges a batch of which nothing was charged before. */
  charge(batch: Batch, totals: BatchTotals): void {
    const n = batch.events.length;
    const range = this.#grow(totals);
    range.bill(n, batch.bytes, totals);
    range.filtered += batch.filtered;
    range.deferred += batch.deferred ?? 0;
    range.hi = batch.position;
    this.deliveredAt = totals.at;
    this.freshEvents += n;
    this.freshBytes += batch.bytes;
    this.#latencies.count(totals.latency, n);
  }

  /** Bills events that an earlier charge deferred. */
  chargeLate(n: number, bytes: number, totals: BatchTotals): void {
    const range = this.#grow(totals);
    range.bill(n, bytes, totals);
    range.late += n;
    this.deliveredAt = totals.at;
    this.freshEvents += n;
    this.freshBytes += bytes;
    this.#latencies.count(totals.latency, n);
  }

  /** Charges what a group was charged while this reader was in it. */
  settle(stretch: Stretch): void {
    const { events, bytes, latencies } = stretch;
    if (this.range.minute !== stretch.minute) this.#split(stretch.minute);
    const range = this.#grow({ at: stretch.first, minute: stretch.minute });
    range.last = stretch.at;
    range.filtered += stretch.filtered;
    range.hi = stretch.position;
    if (events === 0) return;
    range.bill(events, bytes, stretch);
    this.deliveredAt = stretch.at;
    this.freshEvents += events;
    this.freshBytes += bytes;
    for (let index = 0; index < latencies.length; index += 2) {
      this.#latencies.count(latencies[index] as number, latencies[index + 1] as number);
    }
  }

  /** Records what was sent again; `ahead` when the batch nevertheless ends past what was charged, by events that were filtered or deferred. */
  redeliver(n: number, { filtered, deferred }: Batch, totals: BatchTotals, ahead: Position | undefined): void {
    const range = this.#grow(totals);
    range.redelivered += n;
    if (ahead === undefined) return;
    range.filtered += filtered;
    range.deferred += deferred ?? 0;
    range.hi = ahead;
  }

  /** Records events given up; `ahead` when that moves the reader on. */
  drop(events: number, reason: 'dropped' | 'conflated', at: Pick<BatchTotals, 'at' | 'minute'>, ahead: Position | undefined): void {
    const range = this.#grow(at);
    range[reason] += events;
    if (ahead !== undefined) range.hi = ahead;
  }

  /** Moves the cursor. Where that is past what was charged (`isAhead`), what lies between is nobody's bill, and ranges still tile. */
  confirm(position: Position, isAhead: boolean, at: Pick<BatchTotals, 'at' | 'minute'>): void {
    if (isAhead) {
      const range = this.#grow(at);
      range.hi = position;
      range.skips += 1;
    }
    this.cursor = position;
  }

  /** Rows of the ranges to write; a range whose minute is over grows no more. */
  rangeRows(minute: number): readonly (readonly SqlValue[])[] {
    const { range, subjects } = this;
    const rows = this.#sealed === undefined ? [] : [this.#sealed];
    if (!range.isDirty) return rows;
    const row = range.row(subjects.tenant, subjects.reader);
    range.isDirty = false;
    range.isWriting = true;
    if (range.minute < minute && this.#sealed === undefined) {
      this.#sealed = row;
      range.isOver = true;
    }
    return [...rows, row];
  }

  written(): void {
    this.journaledIn = this.#writtenTally;
    this.#sealed = undefined;
    this.range.isWriting = false;
    this.isWriting = false;
    this.isWritten = true;
  }

  /** What was collected goes with the next commit. */
  unwritten(): void {
    const { range } = this;
    this.journaledIn = undefined;
    if (range.isWriting && !range.isOver) range.isDirty = true;
    range.isWriting = false;
    this.isWriting = false;
  }

  identityRow(): readonly SqlValue[] {
    const { reader, tenant, name, subscription, application, api, log, address, filter, start, createdAt } = this.subjects;
    const names = [reader, tenant, name ?? null, subscription, application, api, log, address, filter ?? null];
    return [...names, start, createdAt, ...this.movingRow().slice(1)];
  }

  /** id, protocol, plan, cursor, charged, serial, delivered_at, closed_at, tally, stretch, lent_from. */
  movingRow(): readonly SqlValue[] {
    const { tally } = this;
    this.#writtenTally = tally;
    return [
      this.subjects.reader,
      this.protocol,
      this.plan ?? null,
      this.cursor,
      this.charged,
      this.range.serial,
      this.deliveredAt ?? null,
      // Closed at no time that is looked for: after a crash as little as after a restart.
      this.isResumable ? (this.closedAt ?? null) : 0,
      tally?.id ?? null,
      tally === undefined ? null : this.stretch,
      this.lentFrom ?? null,
    ];
  }

  /** A minute that is over while its range waits to be written. */
  #split(minute: number): void {
    const { range, subjects } = this;
    if (!range.isDirty || range.isWriting || this.isWriting || range.isOver || this.#sealed !== undefined) return;
    this.#sealed = range.row(subjects.tenant, subjects.reader);
    range.isDirty = false;
    range.next(minute);
  }

  /** A range that waits to be written is split once at most, so that a store that refuses costs no memory. */
  #grow(at: Pick<BatchTotals, 'at' | 'minute'>): UsageRange {
    const { range } = this;
    if (range.isOver || (!range.isDirty && !range.isWriting && range.minute !== at.minute)) range.next(at.minute);
    if (range.first === 0) range.first = at.at;
    range.last = at.at;
    range.isDirty = true;
    return range;
  }
}

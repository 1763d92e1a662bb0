import type { Position } from '../core/position.ts';
import type { SqlValue } from '../store/database.ts';
import type { BatchTotals } from './batch-totals.ts';

/** Event types told apart in one range: types are named by publishers, so there must be an end. */
const MOST_TYPES = 256;

/** Stands for what is past a bound on different names. */
export const OTHER = '(other)';

/** The range of positions that a reader is being charged for: one row, written again while it grows. */
export class UsageRange {
  serial: number;
  minute = -1;
  lo: Position;
  hi: Position;
  billable = 0;
  redelivered = 0;
  filtered = 0;
  dropped = 0;
  conflated = 0;
  /** Events passed over that were still to be delivered, and events billed that an earlier range passed over. */
  deferred = 0;
  late = 0;
  /** How often its end moved over events that are in none of the counts. */
  skips = 0;
  bytes = 0;
  first = 0;
  last = 0;
  /** Whether it changed since it was last handed to the store. */
  isDirty = false;
  /** Whether a commit that holds it is under way. */
  isWriting = false;
  /** Whether its minute is over and its last row is with the store: the next event begins another. */
  isOver = false;
  readonly #types: string[] = [];
  readonly #counts: number[] = [];

  constructor(serial: number, at: Position) {
    this.serial = serial;
    this.lo = at;
    this.hi = at;
  }

  /** Goes on as the next range, which starts where this one ended. */
  next(minute: number): void {
    this.serial += 1;
    this.minute = minute;
    this.lo = this.hi;
    this.billable = this.redelivered = this.filtered = this.dropped = this.conflated = this.skips = this.bytes = 0;
    this.deferred = this.late = 0;
    this.first = 0;
    this.isOver = false;
    this.isWriting = false;
    this.#types.length = 0;
    this.#counts.length = 0;
  }

  /** Bills a whole batch. */
  bill(n: number, bytes: number, totals: Pick<BatchTotals, 'type' | 'types' | 'counts'>): void {
    this.billable += n;
    this.bytes += bytes;
    if (totals.type !== undefined) {
      this.#count(totals.type, n, bytes);
      return;
    }
    const { types, counts } = totals;
    for (let index = 0; index < types.length; index += 1) {
      this.#count(types[index] as string, counts[2 * index] as number, counts[2 * index + 1] as number);
    }
  }

  row(tenant: string, reader: string): readonly SqlValue[] {
    return [
      reader,
      this.serial,
      tenant,
      this.minute,
      this.lo,
      this.hi,
      this.billable,
      this.redelivered,
      this.filtered,
      this.dropped,
      this.conflated,
      this.skips,
      this.bytes,
      this.#byType(),
      this.first,
      this.last,
      this.deferred,
      this.late,
    ];
  }

  #count(type: string, events: number, bytes: number): void {
    const types = this.#types;
    let index = types[0] === type ? 0 : types.indexOf(type);
    if (index === -1) {
      if (types.length >= MOST_TYPES) {
        if (type !== OTHER) this.#count(OTHER, events, bytes);
        else this.#add(types.indexOf(OTHER), events, bytes);
        return;
      }
      const last = types.length === MOST_TYPES - 1;
      index = types.push(last ? OTHER : type) - 1;
      this.#counts.push(0, 0);
    }
    this.#add(index, events, bytes);
  }

  #add(index: number, events: number, bytes: number): void {
    const counts = this.#counts;
    counts[2 * index] = (counts[2 * index] as number) + events;
    counts[2 * index + 1] = (counts[2 * index + 1] as number) + bytes;
  }

  /** `{type: [events, bytes]}`. */
  #byType(): string {
    const entries = this.#types.map((type, index) => `${JSON.stringify(type)}:[${this.#counts[2 * index]},${this.#counts[2 * index + 1]}]`);
    return `{${entries.join(',')}}`;
  }
}

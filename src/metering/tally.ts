import type { Batch, Tally } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import type { BatchTotals, BatchTotalsCache } from './batch-totals.ts';
import type { Account } from './reader-account.ts';

/** Event types told apart in one stretch; the next one begins another. */
const MOST_TYPES = 64;

/** What a tally was charged while its members were the same, within one minute. */
export class Stretch {
  /** Place among the stretches of its tally. */
  readonly serial: number;
  readonly minute: number;
  /** Wall times in milliseconds of the first and the last charge. */
  readonly first: number;
  at: number;
  events = 0;
  bytes = 0;
  filtered = 0;
  position: Position;
  readonly types: string[] = [];
  /** Events and bytes of `types[i]` at `2i` and `2i + 1`. */
  readonly counts: number[] = [];
  /** Histogram bucket and events by turns. */
  readonly latencies: number[] = [];

  constructor(serial: number, totals: BatchTotals, position: Position) {
    this.serial = serial;
    this.minute = totals.minute;
    this.first = totals.at;
    this.at = totals.at;
    this.position = position;
  }

  /** The type of all events when they are of one type. */
  get type(): string | undefined {
    return this.types.length === 1 ? this.types[0] : undefined;
  }

  takes({ minute, types }: BatchTotals): boolean {
    return minute === this.minute && this.types.length + types.length <= MOST_TYPES;
  }

  add(batch: Batch, totals: BatchTotals): void {
    const n = batch.events.length;
    this.at = totals.at;
    this.position = batch.position;
    this.filtered += batch.filtered;
    if (n === 0) return;
    this.events += n;
    this.bytes += batch.bytes;
    addPairs(this.latencies, totals.latency, n);
    for (let index = 0; index < totals.types.length; index += 1) {
      this.#count(totals.types[index] as string, totals.counts[2 * index] as number, totals.counts[2 * index + 1] as number);
    }
  }

  #count(type: string, events: number, bytes: number): void {
    let index = this.types.indexOf(type);
    if (index === -1) {
      index = this.types.push(type) - 1;
      this.counts.push(0, 0);
    }
    this.counts[2 * index] = (this.counts[2 * index] as number) + events;
    this.counts[2 * index + 1] = (this.counts[2 * index + 1] as number) + bytes;
  }
}

export interface TallyOwner {
  readonly totals: BatchTotalsCache;
  /** The tally has something that its members do not have yet. */
  touchTally(tally: SharedTally): void;
  /** What members were charged whose rows refer to this tally. */
  journal(tally: SharedTally, stretches: readonly Stretch[]): void;
  /** The last member has left. */
  tallyEnded(tally: SharedTally): void;
}

/**
 * The books of a group of readers: a flush is one entry here, and each member's own books get the sum of its entries when
 * somebody looks at them: the next commit, the next sample, or its leaving.
 */
export class SharedTally implements Tally {
  /** Unique over all runs. */
  readonly id: string;
  readonly #owner: TallyOwner;
  /** Each knows the first stretch that is not in its own books. */
  readonly #members = new Set<Account>();
  #stretches: Stretch[] = [];
  /** Number of the first of the stretches. */
  #base = 0;
  /** Whether the last stretch is not everybody's. */
  #isSealed = false;
  #isDirty = false;

  constructor(id: string, owner: TallyOwner) {
    this.id = id;
    this.#owner = owner;
  }

  get members(): Iterable<Account> {
    return this.#members;
  }

  /** Number of the next stretch. */
  get next(): number {
    return this.#base + this.#stretches.length;
  }

  charge(batch: Batch): void {
    const totals = this.#owner.totals.of(batch);
    let stretch = this.#stretches.at(-1);
    if (stretch === undefined || this.#isSealed || !stretch.takes(totals)) {
      this.#stretches.push((stretch = new Stretch(this.next, totals, batch.position)));
      this.#isSealed = false;
    }
    stretch.add(batch, totals);
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#owner.touchTally(this);
  }

  join(account: Account): void {
    this.#members.add(account);
    account.lineage.stretch = this.#seal();
  }

  leave(account: Account): void {
    this.#give(account);
    if (this.#members.delete(account) && this.#members.size === 0) this.#owner.tallyEnded(this);
  }

  /** Brings one member's books up to date. */
  settleOne(account: Account): void {
    this.#give(account);
    account.lineage.stretch = this.#seal();
  }

  /** Brings all members' books up to date. */
  settle(): void {
    this.#isDirty = false;
    if (this.#stretches.length === 0) return;
    const { next } = this;
    let isReferredTo = false;
    for (const account of this.#members) {
      this.#give(account);
      account.lineage.stretch = next;
      if (account.lineage.journaledIn === this) isReferredTo = true;
    }
    if (isReferredTo) this.#owner.journal(this, this.#stretches);
    this.#base = next;
    this.#stretches = [];
    this.#isSealed = false;
  }

  /** What comes next is kept apart from what was; returns its number. */
  #seal(): number {
    this.#isSealed = this.#stretches.length > 0;
    return this.next;
  }

  #give(account: Account): void {
    const from = Math.max(0, account.lineage.stretch - this.#base);
    for (let index = from; index < this.#stretches.length; index += 1) account.settle(this.#stretches[index] as Stretch);
  }
}

function addPairs(pairs: number[], key: number, n: number): void {
  for (let index = 0; index < pairs.length; index += 2) {
    if (pairs[index] !== key) continue;
    pairs[index + 1] = (pairs[index + 1] as number) + n;
    return;
  }
  pairs.push(key, n);
}

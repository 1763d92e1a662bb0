import type { Clock } from '../core/clock.ts';
import type { Event } from '../core/event.ts';
import type { Batch, ReaderAccount, Tally } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import { BatchTotals, type BatchTotalsCache } from './batch-totals.ts';
import { minuteOf } from './calendar.ts';
import type { ComparePositions, Lineage } from './lineage.ts';
import type { SharedTally, Stretch } from './tally.ts';

/** What accounts tell the book they belong to. */
export interface AccountOwner {
  readonly clock: Clock;
  readonly totals: BatchTotalsCache;
  readonly compare: ComparePositions;
  /** The lineage has something to write. */
  touch(lineage: Lineage): void;
  /** The lineage has something to write that must be in the very next commit, with what another book writes of it. */
  press(lineage: Lineage): void;
  /** The lineage has events for the sampler. */
  freshen(lineage: Lineage): void;
  closed(account: Account): void;
}

/** One connection's hold on a lineage; once another connection has taken it over, nothing here has an effect but what it bills late meanwhile. */
export class Account implements ReaderAccount {
  readonly lineage: Lineage;
  readonly #owner: AccountOwner;
  readonly #onTaken: () => void;
  #isOver = false;

  constructor(lineage: Lineage, owner: AccountOwner, onTaken: () => void) {
    this.lineage = lineage;
    this.#owner = owner;
    this.#onTaken = onTaken;
  }

  get id(): string {
    return this.lineage.subjects.reader;
  }

  get cursor(): Position {
    return this.lineage.cursor;
  }

  get charged(): Position {
    return this.lineage.charged;
  }

  get lentFrom(): Position | undefined {
    return this.lineage.lentFrom;
  }

  takeBack(): void {
    const { lineage } = this;
    if (this.#isOver || lineage.lentFrom === undefined) return;
    lineage.lentFrom = undefined;
    this.#owner.touch(lineage);
  }

  charge(batch: Batch, redelivered: number): void {
    if (this.#isOver) return;
    const { lineage } = this;
    if (redelivered === 0 && batch.events.length > 0) lineage.charge(batch, this.#owner.totals.of(batch));
    else this.#chargePart(batch, redelivered);
    if (lineage.subjects.name === undefined) lineage.cursor = batch.position;
    if (!lineage.isDirty) this.#owner.touch(lineage);
    if (!lineage.isFresh) this.#owner.freshen(lineage);
  }

  chargeLate(events: readonly Event[]): void {
    // It moves nobody, and what was delivered is to be billed; but what nobody holds may be in no book any more.
    if (events.length === 0 || (this.#isOver && this.lineage.closedAt !== undefined)) return;
    const bytes = events.reduce((sum, event) => sum + event.bytes, 0);
    this.lineage.chargeLate(events.length, bytes, new BatchTotals(events, this.#owner.clock.now()));
    // Whoever owed them says in the next commit that they are delivered.
    this.#owner.press(this.lineage);
    if (!this.lineage.isFresh) this.#owner.freshen(this.lineage);
  }

  /** All tallies there are come from the book this account belongs to. */
  join(tally: Tally): void {
    if (this.#isOver) return;
    this.lineage.tally = tally as SharedTally;
    this.lineage.tally.join(this);
  }

  leave(): void {
    const { lineage } = this;
    if (this.#isOver || lineage.tally === undefined) return;
    lineage.tally.leave(this);
    lineage.tally = undefined;
    // Its row must no longer refer to what others go on to be charged.
    if (lineage.journaledIn !== undefined || lineage.isWriting) this.#owner.touch(lineage);
  }

  /** The tally it is in hands over what it was charged. */
  settle(stretch: Stretch): void {
    const { lineage } = this;
    lineage.settle(stretch);
    if (lineage.subjects.name === undefined) lineage.cursor = stretch.position;
    if (!lineage.isDirty && lineage.journaledIn !== lineage.tally) this.#owner.touch(lineage);
    if (!lineage.isFresh) this.#owner.freshen(lineage);
  }

  /** What its tally was charged so far is in its own books. */
  bringUpToDate(): void {
    this.lineage.tally?.settleOne(this);
  }

  drop(events: number, position: Position, reason: 'dropped' | 'conflated'): void {
    if (this.#isOver) return;
    const isAhead = this.#isAhead(position);
    this.lineage.drop(events, reason, this.#now(), isAhead ? position : undefined);
    if (isAhead && this.lineage.subjects.name === undefined) this.lineage.cursor = position;
    this.#owner.touch(this.lineage);
  }

  confirm(position: Position): void {
    const { lineage } = this;
    if (this.#isOver) return;
    this.bringUpToDate();
    if (this.#owner.compare(lineage.subjects.log, position, lineage.cursor) <= 0) return;
    lineage.confirm(position, this.#isAhead(position), this.#now());
    this.#owner.touch(lineage);
  }

  state(state: 'live' | 'catching-up' | 'paused'): void {
    if (!this.#isOver) this.lineage.state = state;
  }

  close(): void {
    if (this.#isOver) return;
    this.leave();
    this.#isOver = true;
    this.#owner.closed(this);
  }

  /** Another connection goes on with the lineage. What was charged so far stays charged. */
  taken(): void {
    if (this.#isOver) return;
    this.leave();
    this.#isOver = true;
    this.#onTaken();
  }

  #chargePart(batch: Batch, redelivered: number): void {
    const { lineage } = this;
    const n = batch.events.length;
    const again = Math.min(redelivered, n);
    const totals = this.#owner.totals.of(batch);
    if (again === n) {
      const ahead = this.#isAhead(batch.position) ? batch.position : undefined;
      if (again > 0 || ahead !== undefined) lineage.redeliver(again, batch, totals, ahead);
      return;
    }
    const events = batch.events.slice(again);
    let bytes = 0;
    for (const event of events) bytes += event.bytes;
    lineage.redeliver(again, batch, totals, undefined);
    const { position, filtered, deferred } = batch;
    lineage.charge({ events, bytes, position, filtered, deferred }, new BatchTotals(events, totals.at));
  }

  #isAhead(position: Position): boolean {
    return this.#owner.compare(this.lineage.subjects.log, position, this.lineage.charged) > 0;
  }

  #now(): { readonly at: number; readonly minute: number } {
    const at = this.#owner.clock.now();
    return { at, minute: minuteOf(at) };
  }
}

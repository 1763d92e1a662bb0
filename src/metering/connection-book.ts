import type { Clock } from '../core/clock.ts';
import type { SubscriptionContext } from '../core/policy.ts';
import type { Statement } from '../store/database.ts';
import type { Book } from './book.ts';
import { bulk } from './bulk.ts';
import { minuteOf } from './calendar.ts';
import { MinuteRows, type MinuteRow } from './minute-rows.ts';

/** Subscriptions and protocols counted apart in a minute; both are the operator's, so this is a guard only. */
const MOST_ROWS = 100_000;

/** One open connection; `close` may be called more than once. */
export interface ConnectionLease {
  close(): void;
}

interface Group {
  readonly key: string;
  readonly subscription: SubscriptionContext;
  readonly protocol: string;
  open: number;
  /** Up to when connection time is in the books. */
  accruedAt: number;
}

interface ConnectionRow extends MinuteRow {
  readonly group: Group;
  opened: number;
  closed: number;
  milliseconds: number;
  peak: number;
}

/**
 * How many connections are open and for how long they were, by subscription and protocol. Time is added at every change and
 * at a heartbeat, so that a crash loses at most one heartbeat of it.
 */
export class ConnectionBook implements Book {
  readonly #clock: Clock;
  readonly #part: number;
  readonly #groups = new Map<string, Group>();
  readonly #rows = new MinuteRows<ConnectionRow>(MOST_ROWS);

  constructor(clock: Clock, part: number) {
    this.#clock = clock;
    this.#part = part;
  }

  open(subscription: SubscriptionContext, protocol: string): ConnectionLease {
    const key = `${subscription.id}\n${protocol}`;
    let group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, (group = { key, subscription, protocol, open: 0, accruedAt: this.#clock.now() }));
    this.#accrue(group);
    group.open += 1;
    const row = this.#row(group);
    row.opened += 1;
    row.peak = Math.max(row.peak, group.open);
    this.#rows.touch(row);
    return new Lease(this, group);
  }

  /** Adds the time since the last change to all that is open. */
  heartbeat(): void {
    for (const group of this.#groups.values()) this.#accrue(group);
  }

  /** What is open now. */
  *current(): Iterable<{ readonly subscription: SubscriptionContext; readonly protocol: string; readonly open: number }> {
    yield* this.#groups.values();
  }

  get dirty(): boolean {
    return this.#rows.dirty;
  }

  collect(): readonly Statement[] {
    const rows = this.#rows.collect().map((row) => {
      const { tenant, id, application, api } = row.group.subscription;
      return [
        tenant,
        row.minute,
        this.#part,
        id,
        application,
        api,
        row.group.protocol,
        row.opened,
        row.closed,
        Math.round(row.milliseconds),
        row.peak,
      ];
    });
    return bulk(
      'INSERT INTO connection_usage (tenant, minute, part, subscription, application, api, protocol, opened, closed, milliseconds, peak)',
      `ON CONFLICT (tenant, minute, part, subscription, protocol) DO UPDATE SET opened = excluded.opened, closed = excluded.closed,
         milliseconds = excluded.milliseconds, peak = excluded.peak`,
      11,
      rows,
    );
  }

  committed(): void {
    this.#rows.committed(minuteOf(this.#clock.now()));
  }

  failed(): void {
    this.#rows.failed();
  }

  /** One connection of the group has ended. */
  end(group: Group): void {
    this.#accrue(group);
    group.open -= 1;
    const row = this.#row(group);
    row.closed += 1;
    this.#rows.touch(row);
    if (group.open === 0) this.#groups.delete(group.key);
  }

  #accrue(group: Group): void {
    const now = this.#clock.now();
    const elapsed = now - group.accruedAt;
    if (elapsed > 0 && group.open > 0) {
      const row = this.#row(group);
      row.milliseconds += elapsed * group.open;
      row.peak = Math.max(row.peak, group.open);
      this.#rows.touch(row);
    }
    group.accruedAt = now;
  }

  #row(group: Group): ConnectionRow {
    const minute = minuteOf(this.#clock.now());
    const key = `${minute}\n${group.key}`;
    return this.#rows.get(key) ?? this.#rows.add(key, { group, minute, isDirty: false, opened: 0, closed: 0, milliseconds: 0, peak: 0 });
  }
}

class Lease implements ConnectionLease {
  readonly #book: ConnectionBook;
  readonly #group: Group;
  #isOver = false;

  constructor(book: ConnectionBook, group: Group) {
    this.#book = book;
    this.#group = group;
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#book.end(this.#group);
  }
}

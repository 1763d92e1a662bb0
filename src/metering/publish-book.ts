import type { Clock } from '../core/clock.ts';
import type { PublishRecord } from '../core/meter.ts';
import type { Statement } from '../store/database.ts';
import type { Book } from './book.ts';
import { bulk } from './bulk.ts';
import { minuteOf } from './calendar.ts';
import { MinuteRows, type MinuteRow } from './minute-rows.ts';
import type { RateSource, Subjects } from './rate-source.ts';
import { OTHER } from './usage-range.ts';

/** Addresses and types are the publishers' to choose: past this many in a minute they are counted as `(other)`. */
const MOST_ROWS = 10_000;

interface PublishRow extends MinuteRow, RateSource {
  readonly type: string;
  calls: number;
  duplicates: number;
  events: number;
  bytes: number;
}

/** What was accepted from publishers, by minute, channel and event type. */
export class PublishBook implements Book {
  readonly #clock: Clock;
  readonly #part: number;
  readonly #freshen: (source: RateSource) => void;
  readonly #rows = new MinuteRows<PublishRow>(MOST_ROWS);

  /** `part` tells this run of the process from others that wrote in the same minute. */
  constructor(clock: Clock, part: number, freshen: (source: RateSource) => void) {
    this.#clock = clock;
    this.#part = part;
    this.#freshen = freshen;
  }

  record(record: PublishRecord): void {
    const minute = minuteOf(this.#clock.now());
    const call = this.#row(record, minute, '');
    call.calls += 1;
    call.duplicates += record.duplicates;
    this.#rows.touch(call);
    for (const [type, count] of record.byType) {
      const row = this.#row(record, minute, type);
      row.events += count.events;
      row.bytes += count.bytes;
      row.freshEvents += count.events;
      row.freshBytes += count.bytes;
      this.#rows.touch(row);
      if (!row.isFresh) this.#freshen(row);
    }
  }

  get dirty(): boolean {
    return this.#rows.dirty;
  }

  collect(): readonly Statement[] {
    const rows = this.#rows.collect().map((row) => {
      const { tenant, subscription, application, api, address } = row.subjects;
      return [
        tenant,
        row.minute,
        this.#part,
        subscription,
        application,
        api,
        address,
        row.type,
        row.calls,
        row.duplicates,
        row.events,
        row.bytes,
      ];
    });
    return bulk(
      `INSERT INTO publish_usage (tenant, minute, part, subscription, application, api, address, type, calls, duplicates, events, bytes)`,
      `ON CONFLICT (tenant, minute, part, subscription, address, type) DO UPDATE SET calls = excluded.calls,
         duplicates = excluded.duplicates, events = excluded.events, bytes = excluded.bytes`,
      12,
      rows,
    );
  }

  committed(): void {
    this.#rows.committed(minuteOf(this.#clock.now()));
  }

  failed(): void {
    this.#rows.failed();
  }

  #row(record: PublishRecord, minute: number, type: string): PublishRow {
    const key = `${minute}\n${record.subscription.id}\n${record.address}\n${type}`;
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    if (!this.#rows.isFull) return this.#rows.add(key, newRow(record, minute, record.address, type));
    const coarse = `${minute}\n${record.subscription.id}\n${OTHER}\n${type === '' ? '' : OTHER}`;
    return this.#rows.get(coarse) ?? this.#rows.add(coarse, newRow(record, minute, OTHER, type === '' ? '' : OTHER));
  }
}

function newRow(record: PublishRecord, minute: number, address: string, type: string): PublishRow {
  const { tenant, id: subscription, application, api, plan } = record.subscription;
  const subjects: Subjects = { tenant, subscription, application, api, address };
  return {
    minute,
    isDirty: false,
    type,
    calls: 0,
    duplicates: 0,
    events: 0,
    bytes: 0,
    subjects,
    measure: 'published',
    protocol: record.protocol,
    plan,
    freshEvents: 0,
    freshBytes: 0,
    isFresh: false,
    series: undefined,
    generation: -1,
  };
}

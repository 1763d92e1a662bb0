import { Event } from '../core/event.ts';
import type { Position } from '../core/position.ts';
import { encodeEvent } from '../protocols/cloudevents/encode.ts';
import { decodeStructured } from '../protocols/cloudevents/structured.ts';
import type { SqlValue } from '../store/database.ts';
import { RowReader } from '../store/row-reader.ts';
import { noTries, type Tries } from './retry-schedule.ts';

/** A delivery that its reader has passed over: it waits for another attempt, or is dead until somebody sends it again. */
export interface OwedDelivery {
  /** Id of the endpoint, or of the replay whose it is. */
  readonly endpoint: string;
  readonly tenant: string;
  readonly position: Position;
  readonly eventId: string;
  readonly eventType: string;
  /** What its order goes by; undefined: it waits for nobody. */
  readonly key: string | undefined;
  readonly state: 'waiting' | 'dead';
  /** Why the last attempt did not deliver it, or why it is dead. */
  readonly reason: string;
  /** Attempts made, whoever was at fault. */
  readonly attempts: number;
  readonly tries: Tries;
  /** Wall time in milliseconds of the next attempt; undefined when it is dead. */
  readonly dueAt: number | undefined;
  /** Of one that was read: the milliseconds for which it was to wait when it was written. */
  readonly wait?: number | undefined;
  /** Charged before, so that it is not billed when it is delivered. */
  readonly isBilled: boolean;
  /** Those that have the same are attempted together; undefined: it is attempted alone. */
  readonly batch?: string | undefined;
}

/** A dead one with its whole schedule before it again; the number of its attempts goes on. */
export function begunAnew(dead: OwedDelivery, now: number): OwedDelivery {
  return { ...dead, state: 'waiting', tries: noTries, dueAt: now, batch: undefined };
}

/** The same at a wall time of another run: it waits for no longer than was meant, also where the clock was set back since it was written. */
export function dueAnew(owed: OwedDelivery, now: number): OwedDelivery {
  const { dueAt, wait } = owed;
  return dueAt === undefined || wait === undefined ? owed : { ...owed, dueAt: Math.min(dueAt, now + wait) };
}

/** The values of `owedColumns`, in that order. */
export function owedRow(delivery: OwedDelivery, event: Event, now: number): readonly SqlValue[] {
  const { endpoint, position, tenant, eventId, eventType, key, state, reason, attempts, tries, dueAt, isBilled, batch } = delivery;
  return [
    endpoint,
    position,
    tenant,
    event.address,
    eventId,
    eventType,
    key ?? null,
    state,
    reason,
    attempts,
    tries.counted,
    tries.throttled,
    tries.formatRefused,
    dueAt ?? null,
    isBilled ? 1 : 0,
    batch ?? null,
    event.acceptedAt,
    now,
    encodeEvent(event),
  ];
}

export const owedColumns = [
  'endpoint',
  'position',
  'tenant',
  'address',
  'event_id',
  'event_type',
  'ordering_key',
  'state',
  'reason',
  'attempts',
  'counted',
  'throttled',
  'format_refused',
  'due_at',
  'billed',
  'batch',
  'accepted_at',
  'changed_at',
  'event',
] as const;

type Row = Readonly<Record<string, SqlValue>>;

/** What `readOwed` reads of `push_delivery`. */
export const owedFields = `endpoint, position, tenant, event_id, event_type, ordering_key, state, reason, attempts, counted, throttled,
  format_refused, due_at, billed, batch, changed_at`;

/** A row without its event. What is damaged of it costs nothing but attempts that are not counted: it waits unless it is dead, and is due unless it says when. */
export function readOwed(row: Row): OwedDelivery {
  const columns = new RowReader(row);
  const dueAt = columns.amountOrNone('due_at');
  const changedAt = columns.amountOrNone('changed_at');
  return {
    endpoint: String(row['endpoint']),
    tenant: String(row['tenant']),
    position: String(row['position']) as Position,
    eventId: String(row['event_id']),
    eventType: String(row['event_type']),
    key: row['ordering_key'] === null ? undefined : String(row['ordering_key']),
    state: row['state'] === 'dead' ? 'dead' : 'waiting',
    reason: String(row['reason']),
    attempts: columns.amount('attempts'),
    tries: { counted: columns.amount('counted'), throttled: columns.amount('throttled'), formatRefused: columns.amount('format_refused') },
    dueAt,
    wait: dueAt === undefined || changedAt === undefined ? undefined : dueAt - changedAt,
    isBilled: row['billed'] === 1,
    batch: row['batch'] === null ? undefined : String(row['batch']),
  };
}

/** The event of a row that has `event`, `address`, `position` and `accepted_at`, byte for byte as it was published. Throws where that cannot be read. */
export function readOwedEvent(row: Row): Event {
  const draft = decodeStructured(row['event'] as Uint8Array);
  const acceptedAt = Number(row['accepted_at']);
  if (!Number.isFinite(acceptedAt)) throw new Error('It is not known when it was accepted.');
  return new Event(draft, String(row['address']), String(row['position']) as Position, acceptedAt);
}

/** As `readOwedEvent`, of a row that has `endpoint` too; what is wrong with one that cannot be read. */
export function keptEvent(row: Row): Event | Error {
  try {
    return readOwedEvent(row);
  } catch (cause) {
    return new Error(`The event kept for ${String(row['endpoint'])} at ${String(row['position'])} cannot be read.`, { cause });
  }
}

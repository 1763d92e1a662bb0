import type { Position } from '../core/position.ts';
import type { SqlValue } from '../store/database.ts';
import type { Lane } from './lane-turns.ts';

/** One attempt as it is kept for the endpoint's owner. */
export interface AttemptRecord {
  readonly tenant: string;
  readonly endpoint: string;
  readonly position: Position;
  readonly eventId: string;
  readonly eventType: string;
  /** Ids of all its events where it carried several, of which the above is the first. */
  readonly eventIds?: readonly string[] | undefined;
  /** 1 for the first. */
  readonly attempt: number;
  readonly lane: Lane;
  /** Wall time in milliseconds at which it began. */
  readonly at: number;
  readonly outcome: 'delivered' | 'retry' | 'dead' | 'held';
  readonly status: number | undefined;
  readonly failure: string | undefined;
  readonly sentence: string | undefined;
  /** Milliseconds. */
  readonly duration: number;
  /** Phase times, address, headers of both sides; secrets are taken out. */
  readonly detail: Readonly<Record<string, unknown>>;
  readonly response: Uint8Array | undefined;
  /** Wall time in milliseconds of the next attempt. */
  readonly nextAt: number | undefined;
}

export const attemptColumns = [
  'tenant',
  'endpoint',
  'position',
  'event_id',
  'event_type',
  'attempt',
  'lane',
  'at',
  'outcome',
  'status',
  'failure',
  'sentence',
  'duration',
  'detail',
  'response',
  'next_at',
  'events',
] as const;

/** The values of `attemptColumns`, in that order. */
export function attemptRow(record: AttemptRecord): readonly SqlValue[] {
  return [
    record.tenant,
    record.endpoint,
    record.position,
    record.eventId,
    record.eventType,
    record.attempt,
    record.lane,
    record.at,
    record.outcome,
    record.status ?? null,
    record.failure ?? null,
    record.sentence ?? null,
    Math.round(record.duration),
    JSON.stringify(record.detail),
    record.response ?? null,
    record.nextAt ?? null,
    record.eventIds === undefined ? null : JSON.stringify(record.eventIds),
  ];
}

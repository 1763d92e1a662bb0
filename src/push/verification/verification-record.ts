import type { EndpointSpec, Resource } from '../../store/resources.ts';
import type { Database, SqlValue, Statement } from '../../store/database.ts';
import { RowReader } from '../../store/row-reader.ts';
import type { Verdict } from './verification-check.ts';

export type VerificationPolicy = NonNullable<EndpointSpec['verification']>;

/** Whether a receiver has said that it wants deliveries, as it is kept over a restart. */
export interface VerificationRecord {
  readonly endpoint: string;
  readonly tenant: string;
  /** What was asked: of another policy, URL or origin nothing is known. */
  readonly subject: string;
  /** `failed`: it is asked no more by itself. */
  readonly state: 'pending' | 'verified' | 'failed';
  /** How often it was asked in vain since it was last to be asked anew. */
  readonly tries: number;
  /** Wall times in milliseconds. */
  readonly nextAt: number | undefined;
  readonly verifiedAt: number | undefined;
  /** Deliveries a minute the receiver allows; undefined: as many as there are. */
  readonly perMinute: number | undefined;
  /** Why it last said no. */
  readonly sentence: string | undefined;
}

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
/** Milliseconds from one time it is asked in vain to the next: three days in all. */
const delays = [10 * second, minute, 5 * minute, 30 * minute, 2 * hour, 6 * hour, 12 * hour, 24 * hour, 24 * hour];

/** What a receiver is asked; undefined: nothing. */
export function subjectOf({ spec }: Resource<'endpoint'>, origin: string): string | undefined {
  if (spec.verification === undefined) return undefined;
  return JSON.stringify([spec.verification, spec.url, ...(spec.verification === 'cloudevents' ? [origin] : [])]);
}

export function newRecord({ id, tenant }: Resource<'endpoint'>, subject: string, now: number): VerificationRecord {
  const nothing = { verifiedAt: undefined, perMinute: undefined, sentence: undefined };
  return { endpoint: id, tenant, subject, state: 'pending', tries: 0, nextAt: now, ...nothing };
}

/** What is known after a receiver was asked; `random` is a number from 0 up to but not including 1. */
export function afterVerdict(
  record: VerificationRecord,
  verdict: Verdict,
  { now, random }: { now: number; random: number },
): VerificationRecord {
  if (verdict.isVerified) {
    const { perMinute } = verdict;
    return { ...record, state: 'verified', tries: 0, nextAt: undefined, verifiedAt: now, perMinute, sentence: undefined };
  }
  const delay = delays[record.tries];
  const nextAt = delay === undefined ? undefined : now + Math.round(delay * (0.8 + 0.4 * random));
  const state = delay === undefined ? 'failed' : 'pending';
  return { ...record, state, tries: record.tries + 1, nextAt, perMinute: undefined, sentence: verdict.sentence };
}

const columns = ['endpoint', 'tenant', 'subject', 'state', 'tries', 'next_at', 'verified_at', 'per_minute', 'sentence'];

export function putRecord(record: VerificationRecord): Statement {
  const { endpoint, tenant, subject, state, tries, nextAt = null, verifiedAt = null, perMinute = null, sentence = null } = record;
  const parameters: SqlValue[] = [endpoint, tenant, subject, state, tries, nextAt, verifiedAt, perMinute, sentence];
  return { sql: `INSERT OR REPLACE INTO push_verification (${columns.join(', ')}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, parameters };
}

export function forgetRecord(endpoint: string): Statement {
  return { sql: 'DELETE FROM push_verification WHERE endpoint = ?', parameters: [endpoint] };
}

/** What receivers said. Of one whose record cannot be read nothing is known, so that it is asked anew; that is told. */
export async function loadRecords(
  database: Pick<Database, 'query'>,
  onDamaged: (error: Error) => void,
): Promise<readonly VerificationRecord[]> {
  const rows = await database.query(`SELECT ${columns.join(', ')} FROM push_verification`, []);
  return rows.flatMap((row) => {
    const reader = new RowReader(row);
    const record = readRecord(reader);
    if (reader.damaged.length === 0) return record;
    onDamaged(new Error(`What the receiver of ${record.endpoint} said cannot be read (${reader.damaged.join(', ')}); it is asked anew.`));
    return [];
  });
}

function readRecord(row: RowReader): VerificationRecord {
  return {
    endpoint: row.text('endpoint'),
    tenant: row.text('tenant'),
    subject: row.text('subject'),
    state: row.choice('state', ['pending', 'verified', 'failed']),
    tries: row.amount('tries'),
    nextAt: row.amountOrNone('next_at'),
    verifiedAt: row.amountOrNone('verified_at'),
    perMinute: row.amountOrNone('per_minute'),
    sentence: row.textOrNone('sentence'),
  };
}

import type { SqlValue } from '../store/database.ts';
import type { AnalyticsQuery } from './insights.ts';
import type { SubjectKind } from './series-board.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Subjects one answer holds at most, those with the most first. */
export const mostItems = 1000;

/** What a question is about, as SQL over a table `w` that names subjects: ranges by their reader, or rows that carry the names. */
export interface Scope {
  /** Expression of the subject's id. */
  readonly id: string;
  /** Conditions on tenant, minutes and id; `minute` is a column of the table that is counted. */
  readonly where: string;
  readonly parameters: readonly SqlValue[];
  /** Whole minutes, as wall time in milliseconds. */
  readonly from: number;
  readonly to: number;
}

const ids: Readonly<Record<SubjectKind, string>> = {
  reader: 'w.id',
  subscription: 'w.subscription',
  application: 'w.application',
  api: 'w.api',
  channel: `w.api || '/' || w.address`,
};

/** The subjects and the minutes a query asks about; the last day when it names no time. */
export function scopeOf(tenant: string, query: AnalyticsQuery, now: number): Scope {
  const from = Math.floor((query.from ?? now - DAY) / MINUTE);
  const to = Math.ceil((query.to ?? now + 1) / MINUTE);
  const id = ids[query.by];
  const conditions = ['w.tenant = ?', 'minute >= ?', 'minute < ?'];
  const parameters: SqlValue[] = [tenant, from, to];
  if (query.id !== undefined) {
    conditions.push(`${id} = ?`);
    parameters.push(query.id);
  }
  return { id, where: conditions.join(' AND '), parameters, from: from * MINUTE, to: to * MINUTE };
}

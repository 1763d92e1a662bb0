import type { Database, SqlValue } from '../store/database.ts';
import { mostItems, type Scope } from './usage-scope.ts';

/** Codes that say a limit of the plan was reached. */
export const limitCodes: readonly string[] = ['LIMIT_REACHED', 'DURATION_OVER', 'TOO_SLOW'];

interface Reason {
  readonly stage: string;
  readonly code: string;
  readonly reason: string;
  readonly decisions: number;
  readonly events: number;
  /** Wall time in milliseconds. */
  readonly first: number;
  readonly last: number;
}

interface Errors {
  readonly id: string;
  decisions: number;
  events: number;
  readonly byStage: Record<string, { decisions: number; events: number }>;
  readonly reasons: Reason[];
}

/** Decisions against clients by stage and reason; only those with one of `codes` when given. */
export async function errors(database: Database, scope: Scope, codes?: readonly string[]): Promise<readonly Errors[]> {
  const parameters: SqlValue[] = [...scope.parameters];
  if (codes !== undefined) parameters.push(JSON.stringify(codes));
  const rows = await database.query(
    `SELECT ${scope.id} AS id, stage, code, reason, sum(decisions) AS decisions, sum(events) AS events, min(first_at) AS first, max(last_at) AS last
     FROM refusal_count w WHERE ${scope.where} ${codes === undefined ? '' : 'AND code IN (SELECT value FROM json_each(?))'}
     GROUP BY 1, 2, 3, 4 ORDER BY decisions DESC LIMIT 10000`,
    parameters,
  );
  const items = new Map<string, Errors>();
  for (const row of rows) {
    const id = String(row['id']);
    let item = items.get(id);
    if (item === undefined) items.set(id, (item = { id, decisions: 0, events: 0, byStage: {}, reasons: [] }));
    add(item, {
      stage: String(row['stage']),
      code: String(row['code']),
      reason: String(row['reason']),
      decisions: Number(row['decisions']),
      events: Number(row['events']),
      first: Number(row['first']),
      last: Number(row['last']),
    });
  }
  return [...items.values()].sort((a, b) => b.decisions - a.decisions).slice(0, mostItems);
}

/** Events accepted, to compare those refused with. */
export async function accepted(database: Database, scope: Scope): Promise<ReadonlyMap<string, number>> {
  const rows = await database.query(
    `SELECT ${scope.id} AS id, sum(events) AS events FROM publish_usage w WHERE ${scope.where} GROUP BY 1`,
    scope.parameters,
  );
  return new Map(rows.map((row) => [String(row['id']), Number(row['events'])]));
}

function add(item: Errors, reason: Reason): void {
  item.decisions += reason.decisions;
  item.events += reason.events;
  const stage = (item.byStage[reason.stage] ??= { decisions: 0, events: 0 });
  stage.decisions += reason.decisions;
  stage.events += reason.events;
  if (item.reasons.length < 100) item.reasons.push(reason);
}

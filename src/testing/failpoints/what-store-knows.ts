import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** One attempt that is on disk, but for those of replays. */
export interface StoredAttempt {
  readonly row: number;
  readonly endpoint: string;
  readonly position: string;
  readonly event: string;
  readonly attempt: number;
  readonly outcome: string;
  readonly status: number | null;
}

/** What a Sluice that is dead has left on disk. */
export interface Legacy {
  /** Behind the row that was asked for. */
  readonly attempts: readonly StoredAttempt[];
  /** Ids of endpoints there are. */
  readonly endpoints: ReadonlySet<string>;
  /** Ids of endpoints that are stopped because they want no more. */
  readonly stopped: ReadonlySet<string>;
  /** The newest secret of each endpoint, sealed. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Ids of endpoints that something is kept of, though there is no such endpoint. */
  readonly orphans: readonly string[];
}

const attemptsAfter = `SELECT id AS row, endpoint, position, event_id AS event, attempt, outcome, status FROM push_attempt
  WHERE id > ? AND lane <> 'replay' ORDER BY id`;
const kept = `SELECT endpoint FROM push_delivery UNION SELECT endpoint FROM push_settled UNION SELECT endpoint FROM push_endpoint`;

/** Reads the folder of a process that has ended, and changes nothing in it. */
export function readLegacy(data: string, afterRow: number): Legacy {
  const database = new DatabaseSync(join(data, 'sluice.db'), { readOnly: true, timeout: 10_000 });
  try {
    const column = (sql: string): string[] =>
      database
        .prepare(sql)
        .all()
        .map((row) => String(Object.values(row)[0]));
    const newest = database.prepare(`SELECT id, spec ->> '$.secrets[0].sealed' AS sealed FROM resource WHERE kind = 'endpoint'`).all();
    const secrets = new Map(newest.map(({ id, sealed }) => [String(id), String(sealed)]));
    const endpoints = new Set(secrets.keys());
    return {
      attempts: database.prepare(attemptsAfter).all(afterRow) as unknown as StoredAttempt[],
      endpoints,
      secrets,
      stopped: new Set(column(`SELECT endpoint FROM push_endpoint WHERE state ->> '$.failing.state' = 'stopped'`)),
      orphans: column(kept).filter((id) => !endpoints.has(id)),
    };
  } finally {
    database.close();
  }
}

/** Makes the oldest attempts up to a row older than they are kept for, beside the process that runs. */
export function ageAttempts(data: string, { upTo, count }: { readonly upTo: number; readonly count: number }): void {
  const database = new DatabaseSync(join(data, 'sluice.db'), { timeout: 10_000 });
  try {
    database
      .prepare('UPDATE push_attempt SET at = 0 WHERE id IN (SELECT id FROM push_attempt WHERE id <= ? ORDER BY id LIMIT ?)')
      .run(upTo, count);
  } finally {
    database.close();
  }
}

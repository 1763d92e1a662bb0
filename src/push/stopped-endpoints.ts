import type { Database } from '../store/database.ts';

/** Ids of endpoints that were stopped, by their receiver or because they failed, as far as that is on disk. */
export async function stoppedEndpoints(database: Database): Promise<readonly string[]> {
  const rows = await database.query(
    `SELECT endpoint FROM push_endpoint WHERE CASE WHEN json_valid(state) THEN state ->> '$.failing.state' END = 'stopped'`,
  );
  return rows.map((row) => String(row['endpoint']));
}

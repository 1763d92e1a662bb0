import type { Database } from '../store/database.ts';

/** Endpoints that were stopped, by their receiver or because they failed, as far as that is on disk: ids, and the version that was delivered to. */
export async function stoppedEndpoints(database: Database): Promise<ReadonlyMap<string, number>> {
  const rows = await database.query(
    `SELECT endpoint, state ->> '$.version' AS version FROM push_endpoint WHERE CASE WHEN json_valid(state) THEN state ->> '$.failing.state' END = 'stopped'`,
  );
  return new Map(rows.map(({ endpoint, version }) => [String(endpoint), Number(version)]));
}

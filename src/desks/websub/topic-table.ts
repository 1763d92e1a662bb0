import type { Database } from '../../store/database.ts';
import { RowReader } from '../../store/row-reader.ts';

/** What a hub knows of a topic of others. */
export interface KnownTopic {
  /** Id of the API that distributes it. */
  readonly api: string;
  /** Its URL. */
  readonly topic: string;
  /** Wall time in milliseconds of the ping that is not answered by a look yet. */
  readonly pingedAt: number | undefined;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** SHA-256 of the last content with its type, hex; undefined before the first. */
  readonly hash: string | undefined;
  /** How many contents there have been, each different from the one before. */
  readonly contents: number;
}

/** Pings and what was fetched last, on disk. All reject with StoreError. */
export class TopicTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async pinged(): Promise<readonly Pick<KnownTopic, 'api' | 'topic'>[]> {
    const rows = await this.#database.query('SELECT api, topic FROM websub_topic WHERE pinged_at IS NOT NULL ORDER BY pinged_at');
    return rows.map((row) => ({ api: String(row['api']), topic: String(row['topic']) }));
  }

  /** Forgets the topics of APIs that are no more. */
  async keep(apis: readonly string[]): Promise<void> {
    const sql = 'DELETE FROM websub_topic WHERE api NOT IN (SELECT value FROM json_each(?))';
    await this.#database.transact([{ sql, parameters: [JSON.stringify(apis)] }]);
  }

  async get(api: string, topic: string): Promise<KnownTopic | undefined> {
    const [row] = await this.#database.query('SELECT * FROM websub_topic WHERE api = ? AND topic = ?', [api, topic]);
    if (row === undefined) return undefined;
    const columns = new RowReader(row);
    const pingedAt = columns.amountOrNone('pinged_at');
    const known = {
      api,
      topic,
      pingedAt,
      etag: columns.textOrNone('etag'),
      lastModified: columns.textOrNone('last_modified'),
      hash: columns.textOrNone('hash'),
      contents: columns.amount('contents'),
    };
    if (columns.damaged.length === 0) return known;
    // As if it had never been looked at, but for a number that no content has had.
    return {
      api,
      topic,
      pingedAt,
      etag: undefined,
      lastModified: undefined,
      hash: undefined,
      contents: Math.max(known.contents, pingedAt ?? 0),
    };
  }

  /** They are to be looked at, whatever becomes of this process. */
  async ping(api: string, topics: readonly string[], now: number): Promise<void> {
    const sql = `INSERT INTO websub_topic (api, topic, pinged_at, contents) SELECT ?, value, ?, 0 FROM json_each(?) WHERE true
      ON CONFLICT (api, topic) DO UPDATE SET pinged_at = max(coalesce(pinged_at, 0) + 1, excluded.pinged_at)`;
    await this.#database.transact([{ sql, parameters: [api, now, JSON.stringify(topics)] }]);
  }

  /** It was looked at because of the ping it had then; one that came meanwhile stays. */
  async looked({ api, topic, pingedAt, etag, lastModified, hash, contents }: KnownTopic): Promise<void> {
    const sql = `UPDATE websub_topic SET etag = ?, last_modified = ?, hash = ?, contents = ?,
      pinged_at = CASE WHEN pinged_at = ? OR typeof(pinged_at) = 'text' THEN NULL ELSE pinged_at END WHERE api = ? AND topic = ?`;
    const parameters = [etag ?? null, lastModified ?? null, hash ?? null, contents, pingedAt ?? null, api, topic];
    await this.#database.transact([{ sql, parameters }]);
  }
}

import type { Database } from '../../store/database.ts';
import type { TopicSubscription } from './topic-subscription.ts';

/** Subscriptions at hubs, on disk before anybody relies on them; the database has been opened with `inboundMigrations`. */
export class InboundTopicTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async all(): Promise<readonly TopicSubscription[]> {
    const rows = await this.#database.query('SELECT state FROM inbound_topic ORDER BY token');
    return rows.map(({ state }) => JSON.parse(String(state)) as TopicSubscription);
  }

  async save(subscription: TopicSubscription): Promise<void> {
    const sql = 'INSERT INTO inbound_topic (token, state) VALUES (?, ?) ON CONFLICT (token) DO UPDATE SET state = excluded.state';
    await this.#database.transact([{ sql, parameters: [subscription.token, JSON.stringify(subscription)] }]);
  }

  async remove(token: string): Promise<void> {
    await this.#database.transact([{ sql: 'DELETE FROM inbound_topic WHERE token = ?', parameters: [token] }]);
  }
}

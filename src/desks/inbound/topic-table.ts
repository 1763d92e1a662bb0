import type { Database } from '../../store/database.ts';
import { RowReader } from '../../store/row-reader.ts';
import { isTopicSubscription, type TopicSubscription } from './topic-subscription.ts';

/** Subscriptions at hubs, on disk before anybody relies on them; the database has been opened with `inboundMigrations`. */
export class InboundTopicTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** One that cannot be read is forgotten, and told of: its source subscribes anew, and the hub's lease of the old one ends by itself. */
  async all(onDamaged: (error: Error) => void): Promise<readonly TopicSubscription[]> {
    const sound: TopicSubscription[] = [];
    for (const row of await this.#database.query('SELECT token, state FROM inbound_topic ORDER BY token')) {
      const subscription = new RowReader(row).json<TopicSubscription | undefined>('state', isTopicSubscription, undefined);
      if (subscription !== undefined && subscription.token === row['token']) {
        sound.push(subscription);
        continue;
      }
      const [, source = 'unknown'] = /"source":"([\w-]{1,64})"/.exec(String(row['state'])) ?? [];
      onDamaged(new Error(`What was kept of the subscription of the source ${source} at a hub cannot be read; it is asked for anew.`));
      await this.remove(String(row['token']));
    }
    return sound;
  }

  async save(subscription: TopicSubscription): Promise<void> {
    const sql = 'INSERT INTO inbound_topic (token, state) VALUES (?, ?) ON CONFLICT (token) DO UPDATE SET state = excluded.state';
    await this.#database.transact([{ sql, parameters: [subscription.token, JSON.stringify(subscription)] }]);
  }

  async remove(token: string): Promise<void> {
    await this.#database.transact([{ sql: 'DELETE FROM inbound_topic WHERE token = ?', parameters: [token] }]);
  }
}

import type { Denial } from '../../protocols/websub/verification.ts';
import type { Database, SqlValue, Statement } from '../../store/database.ts';
import type { Wish } from './wish.ts';

/** A subscriber that is still to be told that it has no subscription. */
export interface StoredDenial extends Denial {
  readonly id: string;
  /** Wall time in milliseconds after which it is not tried any more. */
  readonly deadline: number;
}

/** Requests and denials on disk: what a hub has promised and not yet done. All reject with StoreError. */
export class WishTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** In the order in which they were accepted. */
  async wishes(): Promise<readonly Wish[]> {
    return (await this.#database.query('SELECT * FROM websub_request ORDER BY accepted_at, rowid')).map(readWish);
  }

  async denials(): Promise<readonly StoredDenial[]> {
    return (await this.#database.query('SELECT * FROM websub_denial')).map(readDenial);
  }

  async put({ request, subscription, address, self, callback }: Wish, now: number): Promise<void> {
    const { id, mode, topicAsGiven, hub, deadline } = request;
    const [lease, secret] = request.mode === 'subscribe' ? [request.leaseSeconds, request.secret ?? null] : [null, null];
    const row = [id, mode, subscription, address, self, callback, topicAsGiven, hub, lease, secret, deadline, now];
    const sql = `INSERT INTO websub_request (id, mode, subscription, address, self, callback, topic, hub, lease, secret, deadline, accepted_at)
      VALUES (${row.map(() => '?').join(', ')})`;
    await this.#database.transact([{ sql, parameters: row }]);
  }

  /** Forgets requests; with a denial, that is kept in the same commit. */
  async remove(ids: readonly string[], denial?: StoredDenial): Promise<void> {
    const gone: Statement = {
      sql: 'DELETE FROM websub_request WHERE id IN (SELECT value FROM json_each(?))',
      parameters: [JSON.stringify(ids)],
    };
    await this.#database.transact(denial === undefined ? [gone] : [gone, insertion(denial)]);
  }

  async putDenial(denial: StoredDenial): Promise<void> {
    await this.#database.transact([insertion(denial)]);
  }

  async removeDenial(id: string): Promise<void> {
    await this.#database.transact([{ sql: 'DELETE FROM websub_denial WHERE id = ?', parameters: [id] }]);
  }
}

function insertion({ id, callback, topic, reason, deadline }: StoredDenial): Statement {
  const sql = 'INSERT INTO websub_denial (id, callback, topic, reason, deadline) VALUES (?, ?, ?, ?, ?)';
  return { sql, parameters: [id, callback, topic, reason ?? null, deadline] };
}

function readWish(row: Readonly<Record<string, SqlValue>>): Wish {
  const frame = {
    id: String(row['id']),
    topicAsGiven: String(row['topic']),
    hub: String(row['hub']),
    deadline: Number(row['deadline']),
  };
  const secret = row['secret'] === null ? undefined : String(row['secret']);
  return {
    request:
      row['mode'] === 'subscribe'
        ? { ...frame, mode: 'subscribe', secret, leaseSeconds: Number(row['lease']) }
        : { ...frame, mode: 'unsubscribe' },
    subscription: String(row['subscription']),
    address: String(row['address']),
    self: String(row['self']),
    callback: String(row['callback']),
  };
}

function readDenial(row: Readonly<Record<string, SqlValue>>): StoredDenial {
  return {
    id: String(row['id']),
    callback: String(row['callback']),
    topic: String(row['topic']),
    reason: row['reason'] === null ? undefined : String(row['reason']),
    deadline: Number(row['deadline']),
  };
}

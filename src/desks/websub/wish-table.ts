import type { Denial } from '../../protocols/websub/verification.ts';
import type { Database, Statement } from '../../store/database.ts';
import { RowReader } from '../../store/row-reader.ts';
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

  /** In the order in which they were accepted. Those that cannot be read are forgotten, and told of: their subscribers have to ask again. */
  async wishes(onDamaged: (error: Error) => void): Promise<readonly Wish[]> {
    return await this.#sound('websub_request', 'accepted_at, rowid', { read: readWish, onDamaged });
  }

  /** Those that cannot be read are forgotten, and told of. */
  async denials(onDamaged: (error: Error) => void): Promise<readonly StoredDenial[]> {
    return await this.#sound('websub_denial', 'rowid', { read: readDenial, onDamaged });
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

  async #sound<T>(table: string, order: string, { read, onDamaged }: Reading<T>): Promise<readonly T[]> {
    const sound: T[] = [];
    const damaged: number[] = [];
    for (const row of await this.#database.query(`SELECT rowid AS row, * FROM ${table} ORDER BY ${order}`)) {
      const columns = new RowReader(row);
      const one = read(columns);
      if (columns.damaged.length === 0) {
        sound.push(one);
        continue;
      }
      damaged.push(Number(row['row']));
      const whose = `of ${String(row['callback'])} for ${String(row['topic'])}`;
      onDamaged(new Error(`What a WebSub hub still had to do ${whose} cannot be read (${columns.damaged.join(', ')}), and is forgotten.`));
    }
    const sql = `DELETE FROM ${table} WHERE rowid IN (SELECT value FROM json_each(?))`;
    if (damaged.length > 0) await this.#database.transact([{ sql, parameters: [JSON.stringify(damaged)] }]);
    return sound;
  }
}

interface Reading<T> {
  readonly read: (columns: RowReader) => T;
  readonly onDamaged: (error: Error) => void;
}

function insertion({ id, callback, topic, reason, deadline }: StoredDenial): Statement {
  const sql = 'INSERT INTO websub_denial (id, callback, topic, reason, deadline) VALUES (?, ?, ?, ?, ?)';
  return { sql, parameters: [id, callback, topic, reason ?? null, deadline] };
}

function readWish(columns: RowReader): Wish {
  const frame = {
    id: columns.text('id'),
    topicAsGiven: columns.text('topic'),
    hub: columns.text('hub'),
    deadline: columns.amount('deadline'),
  };
  const secret = columns.textOrNone('secret');
  return {
    request:
      columns.choice('mode', ['unsubscribe', 'subscribe']) === 'subscribe'
        ? { ...frame, mode: 'subscribe', secret, leaseSeconds: columns.amount('lease') }
        : { ...frame, mode: 'unsubscribe' },
    subscription: columns.text('subscription'),
    address: columns.text('address'),
    self: columns.text('self'),
    callback: columns.url('callback'),
  };
}

function readDenial(columns: RowReader): StoredDenial {
  return {
    id: columns.text('id'),
    callback: columns.url('callback'),
    topic: columns.text('topic'),
    reason: columns.textOrNone('reason'),
    deadline: columns.amount('deadline'),
  };
}

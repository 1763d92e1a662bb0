import type { Backbone, Channel } from '../../core/backbone.ts';
import type { Clock } from '../../core/clock.ts';
import type { Database, SqlValue } from '../../store/database.ts';
import { RowReader } from '../../store/row-reader.ts';
import { noticeEvent, noticeKinds, type Notice } from './notice.ts';

/** Where the notices of an application are published. */
export interface NoticeChannel {
  readonly backbone: Pick<Backbone, 'publish'>;
  readonly channel: Channel;
}

export interface NoticePublisherParts {
  readonly database: Database;
  readonly clock: Clock;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  /** Whether an application of this name has this id: what is to be told to one that was deleted is forgotten. */
  readonly isThere: (application: string, owner: string) => boolean;
  /** Undefined while nothing carries them: they wait. */
  readonly channelOf: (application: string) => NoticeChannel | undefined;
  /** They are on their channel. */
  readonly onPublished?: (notices: readonly Notice[]) => void;
  readonly onBug: (error: unknown) => void;
}

const rowsAtOnce = 100;
/** Milliseconds after which what could not be published is tried again. */
const tryAgainAfter = 30_000;
/** Milliseconds a notice waits for a channel that is not there; then it is forgotten. */
const keepFor = 30 * 86_400_000;
/** Milliseconds of the last moment a date can be: what is due later is damaged, and so is what is no number, which comes after all. */
const latest = 8_640_000_000_000_000;

type Row = Readonly<Record<string, SqlValue>>;

/**
 * Takes notices from the outbox to their channels, in the order in which they were written. One that was published before a crash, and
 * not yet taken out, is published again with the same source and id, which the channel takes once.
 */
export class NoticePublisher {
  readonly #parts: NoticePublisherParts;
  #running: Promise<void> | undefined;
  #isWoken = false;
  #isClosed = false;
  #cancel: (() => void) | undefined;

  constructor(parts: NoticePublisherParts) {
    this.#parts = parts;
  }

  /** There may be something to publish. */
  wake(): void {
    this.#isWoken = true;
    if (this.#isClosed) return;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  /** Resolves when nothing of it runs any more; what waits is published at the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isWoken && !this.#isClosed) {
      this.#isWoken = false;
      this.#cancel?.();
      try {
        await this.#publishDue();
        await this.#waitForNext();
      } catch (error) {
        this.#parts.onBug(error);
        this.#wakeAt(this.#parts.clock.now() + tryAgainAfter);
      }
    }
  }

  async #publishDue(): Promise<void> {
    const { database, clock } = this.#parts;
    let last = 0;
    while (!this.#isClosed) {
      const rows = await database.query(
        `SELECT rowid AS row, * FROM push_notice WHERE (due_at <= ? OR due_at > ${latest}) AND rowid > ? ORDER BY rowid LIMIT ?`,
        [clock.now(), last, rowsAtOnce],
      );
      if (rows.length === 0) return;
      last = Number(rows.at(-1)?.['row']);
      for (const notices of byApplication(await this.#sound(rows))) await this.#publish(notices);
    }
  }

  /** Without those that cannot be read: they are taken out, and told of. */
  async #sound(rows: readonly Row[]): Promise<readonly Notice[]> {
    const sound: Notice[] = [];
    const damaged: Row[] = [];
    for (const row of rows) {
      const columns = new RowReader(row);
      const notice = readNotice(columns);
      if (columns.damaged.length === 0) {
        sound.push(notice);
        continue;
      }
      damaged.push(row);
      const whose = `of ${notice.application} about the endpoint ${notice.endpoint}`;
      this.#parts.onBug(new Error(`A notice ${whose} cannot be read (${columns.damaged.join(', ')}), and is not told.`));
    }
    const sql = 'DELETE FROM push_notice WHERE rowid IN (SELECT value FROM json_each(?))';
    if (damaged.length > 0) await this.#parts.database.transact([{ sql, parameters: [JSON.stringify(damaged.map(({ row }) => row))] }]);
    return sound;
  }

  /** Some of one application. */
  async #publish(notices: readonly Notice[]): Promise<void> {
    const { application = '', owner = '' } = notices[0] ?? {};
    if (owner !== '' && !this.#parts.isThere(application, owner)) return await this.#takeOut(notices);
    const found = this.#parts.channelOf(application);
    if (found === undefined) return;
    await found.backbone.publish(found.channel, notices.map(noticeEvent), this);
    this.#parts.onPublished?.(notices);
    await this.#takeOut(notices);
  }

  async #takeOut(notices: readonly Notice[]): Promise<void> {
    const ids = JSON.stringify(notices.map(({ id }) => id));
    await this.#parts.database.transact([
      { sql: 'DELETE FROM push_notice WHERE id IN (SELECT value FROM json_each(?))', parameters: [ids] },
    ]);
  }

  async #waitForNext(): Promise<void> {
    const { database, clock } = this.#parts;
    const [row] = await database.query('SELECT min(due_at) AS due FROM push_notice');
    if (typeof row?.['due'] !== 'number') return;
    const now = clock.now();
    if (row['due'] > now) return this.#wakeAt(row['due']);
    // Those that are due by now have no channel.
    await database.transact([{ sql: 'DELETE FROM push_notice WHERE at < ?', parameters: [now - keepFor] }]);
    this.#wakeAt(now + tryAgainAfter);
  }

  #wakeAt(at: number): void {
    if (!this.#isClosed && !this.#isWoken) this.#cancel = this.#parts.schedule(at, () => this.wake());
  }
}

function byApplication(notices: readonly Notice[]): Iterable<readonly Notice[]> {
  return Map.groupBy(notices, ({ application, owner }) => `${application} ${owner}`).values();
}

function readNotice(columns: RowReader): Notice {
  columns.amount('due_at');
  return {
    id: columns.text('id'),
    tenant: columns.text('tenant'),
    application: columns.text('application'),
    owner: columns.text('owner'),
    kind: columns.choice('kind', noticeKinds),
    endpoint: columns.text('endpoint'),
    at: columns.amount('at'),
    data: columns.json('data', isObject, {}),
  };
}

function isObject(value: unknown): value is Notice['data'] {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

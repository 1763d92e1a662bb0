import type { Backbone, Channel } from '../../core/backbone.ts';
import type { Clock } from '../../core/clock.ts';
import type { Database, SqlValue } from '../../store/database.ts';
import { noticeEvent, type Notice, type NoticeKind } from './notice.ts';

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
      const rows = await database.query('SELECT rowid AS row, * FROM push_notice WHERE due_at <= ? AND rowid > ? ORDER BY rowid LIMIT ?', [
        clock.now(),
        last,
        rowsAtOnce,
      ]);
      if (rows.length === 0) return;
      last = Number(rows.at(-1)?.['row']);
      for (const notices of byApplication(rows.map(readNotice))) await this.#publish(notices);
    }
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

function readNotice(row: Readonly<Record<string, SqlValue>>): Notice {
  return {
    id: String(row['id']),
    tenant: String(row['tenant']),
    application: String(row['application']),
    owner: String(row['owner']),
    kind: String(row['kind']) as NoticeKind,
    endpoint: String(row['endpoint']),
    at: Number(row['at']),
    data: JSON.parse(String(row['data'])) as Notice['data'],
  };
}

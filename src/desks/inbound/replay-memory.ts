import { createHash } from 'node:crypto';
import type { Database, Statement } from '../../store/database.ts';

interface ReplayMemoryParts {
  readonly database: Database;
  readonly now: () => number;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  /** Most requests that are remembered, of all sources; of more the oldest are forgotten. */
  readonly maxRequests?: number;
  readonly onBug: (error: unknown) => void;
}

/** Some 100 bytes each. */
const defaultMaxRequests = 100_000;
const sweepInterval = 600_000;
const upsert = 'INSERT INTO inbound_request (key, until) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET until = excluded.until';

/**
 * Remembers which requests were taken, so that each is taken once, whatever id or time a repetition comes with: on disk after the events
 * and before the answer. Of a request that was under way in a crash the log tells a repetition by the ids of its events.
 */
export class ReplayMemory {
  readonly #parts: ReplayMemoryParts;
  readonly #maxRequests: number;
  /** Until when each is remembered, in milliseconds; the oldest first. */
  readonly #until: Map<string, number>;
  readonly #underWay = new Map<string, Promise<unknown>>();
  readonly #writing = new Set<Promise<unknown>>();
  #cancelSweep: (() => void) | undefined;

  private constructor(parts: ReplayMemoryParts, until: Map<string, number>) {
    this.#parts = parts;
    this.#maxRequests = parts.maxRequests ?? defaultMaxRequests;
    this.#until = until;
    this.#sweepLater();
  }

  /** With what earlier runs remembered; the database has been opened with `inboundMigrations`. */
  static async open(parts: ReplayMemoryParts): Promise<ReplayMemory> {
    const rows = await parts.database.query('SELECT key, until FROM inbound_request WHERE until > ? ORDER BY until DESC LIMIT ?', [
      parts.now(),
      parts.maxRequests ?? defaultMaxRequests,
    ]);
    return new ReplayMemory(parts, new Map(rows.toReversed().map(({ key, until }) => [String(key), Number(until)])));
  }

  /** Requests that are remembered. */
  get size(): number {
    return this.#until.size;
  }

  /**
   * Does the work of a request once: a repetition while it is under way waits for it, and one after it is `repeated`. Work that fails is
   * not remembered. `span` is for how many milliseconds a repetition is recognised.
   */
  async once<T>(request: readonly [source: string, key: string], span: number, work: () => Promise<T>): Promise<T | 'repeated'> {
    const key = keyOf(request);
    for (;;) {
      if ((this.#until.get(key) ?? 0) > this.#parts.now()) return 'repeated';
      const first = this.#underWay.get(key);
      if (first === undefined) return await this.#begin(key, span, work);
      await first.catch(() => undefined);
    }
  }

  /** Resolves when what was taken is on disk. */
  async close(): Promise<void> {
    this.#cancelSweep?.();
    await Promise.all(this.#writing);
  }

  async #begin<T>(key: string, span: number, work: () => Promise<T>): Promise<T> {
    const working = work().then(async (result) => {
      await this.#remember(key, this.#parts.now() + span);
      return result;
    });
    this.#underWay.set(key, working);
    try {
      return await working;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #remember(key: string, until: number): Promise<void> {
    this.#until.delete(key);
    this.#until.set(key, until);
    const statements: Statement[] = [{ sql: upsert, parameters: [key, until] }];
    if (this.#until.size > this.#maxRequests) {
      const [oldest = ''] = this.#until.keys();
      this.#until.delete(oldest);
      statements.push({ sql: 'DELETE FROM inbound_request WHERE key = ?', parameters: [oldest] });
    }
    await this.#write(statements);
  }

  /** Never rejects: what was taken stays taken when it cannot be remembered. */
  #write(statements: readonly Statement[]): Promise<void> {
    const writing: Promise<void> = this.#parts.database
      .transact(statements)
      .then(
        () => undefined,
        (error: unknown) => this.#parts.onBug(error),
      )
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
    return writing;
  }

  #sweepLater(): void {
    const { schedule, now } = this.#parts;
    this.#cancelSweep = schedule(now() + sweepInterval, () => {
      for (const [key, until] of this.#until) if (until <= now()) this.#until.delete(key);
      void this.#write([{ sql: 'DELETE FROM inbound_request WHERE until <= ?', parameters: [now()] }]);
      this.#sweepLater();
    });
  }
}

/** Of one length, whatever a provider's ids are. */
function keyOf([source, key]: readonly [source: string, key: string]): string {
  return createHash('sha256').update(`${source}\0${key}`).digest('base64url');
}

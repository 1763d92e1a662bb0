import { createHash } from 'node:crypto';
import type { Database, Statement } from '../../store/database.ts';
import { TakenRequests, type MemoryBounds } from './taken-requests.ts';

interface ReplayMemoryParts {
  readonly database: Database;
  readonly now: () => number;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  readonly bounds?: MemoryBounds;
  /** Whose a source is, the widest first: they share what can be remembered. */
  readonly ownersOf?: (source: string) => readonly string[];
  readonly onBug: (error: unknown) => void;
}

const sweepInterval = 600_000;
const upsert = `INSERT INTO inbound_request (key, until, source) VALUES (?, ?, ?)
  ON CONFLICT (key) DO UPDATE SET until = excluded.until, source = excluded.source`;

/**
 * Remembers which requests were taken, so that each is taken once, whatever id or time a repetition comes with: on disk after the events
 * and before the answer. Of a request that was under way in a crash the log tells a repetition by the ids of its events.
 */
export class ReplayMemory {
  readonly #parts: ReplayMemoryParts;
  readonly #taken: TakenRequests;
  readonly #underWay = new Map<string, Promise<unknown>>();
  readonly #writing = new Set<Promise<unknown>>();
  #cancelSweep: (() => void) | undefined;

  private constructor(parts: ReplayMemoryParts, taken: TakenRequests) {
    this.#parts = parts;
    this.#taken = taken;
    this.#sweepLater();
  }

  /** With what earlier runs remembered; the database has been opened with `inboundMigrations`. */
  static async open(parts: ReplayMemoryParts): Promise<ReplayMemory> {
    const taken = new TakenRequests(parts.bounds, parts.ownersOf);
    const rows = await parts.database.query('SELECT key, until, source FROM inbound_request WHERE until > ? ORDER BY until', [parts.now()]);
    const forgotten = rows.flatMap(({ key, until, source }) => taken.add(String(source), String(key), Number(until)) ?? []);
    const memory = new ReplayMemory(parts, taken);
    if (forgotten.length > 0) await memory.#write(forgotten.map(forget));
    return memory;
  }

  /** Requests that are remembered. */
  get size(): number {
    return this.#taken.size;
  }

  /**
   * Does the work of a request once: a repetition while it is under way waits for it, and one after it is `repeated`. Work that fails is
   * not remembered. `span` is for how many milliseconds a repetition is recognised.
   */
  async once<T>(request: readonly [source: string, key: string], span: number, work: () => Promise<T>): Promise<T | 'repeated'> {
    const [source] = request;
    const key = keyOf(request);
    for (;;) {
      if (this.#isKnown(source, key)) return 'repeated';
      const first = this.#underWay.get(key);
      if (first === undefined) return await this.#begin(source, key, span, work);
      await first.catch(() => undefined);
    }
  }

  /** Resolves when what was taken is on disk. */
  async close(): Promise<void> {
    this.#cancelSweep?.();
    await Promise.all(this.#writing);
  }

  /** Those that were taken before sources were told apart are nobody's. */
  #isKnown(source: string, key: string): boolean {
    return Math.max(this.#taken.until(source, key), this.#taken.until('', key)) > this.#parts.now();
  }

  async #begin<T>(source: string, key: string, span: number, work: () => Promise<T>): Promise<T> {
    const working = work().then(async (result) => {
      await this.#remember(source, key, this.#parts.now() + span);
      return result;
    });
    this.#underWay.set(key, working);
    try {
      return await working;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #remember(source: string, key: string, until: number): Promise<void> {
    const forgotten = this.#taken.add(source, key, until);
    await this.#write([{ sql: upsert, parameters: [key, until, source] }, ...(forgotten === undefined ? [] : [forget(forgotten)])]);
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
      this.#taken.sweep(now());
      void this.#write([{ sql: `DELETE FROM inbound_request WHERE until <= ? OR typeof(until) <> 'integer'`, parameters: [now()] }]);
      this.#sweepLater();
    });
  }
}

function forget(key: string): Statement {
  return { sql: 'DELETE FROM inbound_request WHERE key = ?', parameters: [key] };
}

/** Of one length, whatever a provider's ids are. */
function keyOf([source, key]: readonly [source: string, key: string]): string {
  return createHash('sha256').update(`${source}\0${key}`).digest('base64url');
}

import type { Placed } from '../../core/backbone.ts';
import type { Clock } from '../../core/clock.ts';
import type { GatewayError } from '../../core/errors.ts';
import type { EventDraft } from '../../core/event.ts';
import type { Database } from '../../store/database.ts';
import { closed, overloaded, toBackboneError } from './backbone-error.ts';
import { BatchEncoder } from './batch-encoder.ts';
import { Commit } from './commit.ts';
import { eventKey, hashKey } from './event-key.ts';
import type { KeyHash } from './event-key.ts';
import type { Claim, Log } from './log.ts';

/** Events of one commit at most, so that it takes milliseconds. */
const MAX_COMMIT_EVENTS = 16_384;
/** Bytes of events of one commit, passed by one publish at most. */
const MAX_COMMIT_BYTES = 8 * 1024 * 1024;

/** What an append works with. */
interface AppenderParts {
  readonly database: Database;
  readonly clock: Clock;
  /** Bytes of events that may wait for the disk. */
  readonly maxPendingBytes: number;
  /** The event at a sequence number, for comparison with one of the same hash; undefined when it is not kept any more. */
  readonly eventAt: (log: Log, seq: number) => Promise<{ readonly key: string; readonly acceptedAt: number } | undefined>;
  /** Reads head and new keys from disk after a commit whose outcome is unknown. */
  readonly resync: (log: Log) => Promise<void>;
  /** Told of every commit: undefined when it succeeded. */
  readonly onOutcome: (error: GatewayError | undefined) => void;
  /** Told after a commit that made the log exceed what it may keep. */
  readonly onGrowth: (log: Log) => void;
}

/** One publish on its way. */
export interface Entry {
  readonly log: Log;
  readonly address: string;
  readonly drafts: readonly EventDraft[];
  readonly bytes: number;
  readonly keys: readonly string[];
  readonly hashes: readonly KeyHash[];
  /** The place of each event, its own or the first one's. */
  readonly claims: (Claim | undefined)[];
  readonly duplicate: boolean[];
  /** Sequence numbers that have the hash of an event but are not the event. */
  readonly refuted: Set<number>;
  /** Whether all suspicions that its events are repetitions were looked into. */
  isVerified: boolean;
  readonly resolve: (placed: readonly Placed[]) => void;
  readonly reject: (error: GatewayError) => void;
}

/** An event of an entry that may be the one at a sequence number. */
interface Suspect {
  readonly index: number;
  readonly seq: number;
}

/** The one writer of all logs: gathers what is published while a commit is under way, gives sequence numbers, and acknowledges after the commit. */
export class Appender {
  readonly #parts: AppenderParts;
  readonly #encoder = new BatchEncoder();
  #waiting: Entry[] = [];
  /** By publisher, in order: entries that are looked into, or came after one that is. */
  readonly #lines = new Map<object, Entry[]>();
  /** Logs whose head may differ from what is on disk, because the outcome of a commit is unknown. */
  readonly #suspect = new Set<Log>();
  #pendingBytes = 0;
  /** Publishes not answered yet. */
  #open = 0;
  #running: Promise<void> | undefined;
  #scheduled = false;
  #closed = false;
  #onIdle: (() => void) | undefined;

  constructor(parts: AppenderParts) {
    this.#parts = parts;
  }

  /** What one `publisher` offers reaches the log in the order it came. */
  publish(log: Log, address: string, drafts: readonly EventDraft[], publisher: object = {}): Promise<readonly Placed[]> {
    if (this.#closed) return Promise.reject(closed());
    if (drafts.length === 0) return Promise.resolve([]);
    const bytes = sizeOf(drafts);
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > this.#parts.maxPendingBytes) return Promise.reject(overloaded());
    this.#pendingBytes += bytes;
    this.#open++;
    return new Promise<readonly Placed[]>((resolve, reject) => {
      const keys = drafts.map((draft) => eventKey(address, draft));
      const hashes = keys.map((key) => hashKey(key, log.seed));
      const claims: (Claim | undefined)[] = Array.from({ length: drafts.length });
      const duplicate: boolean[] = Array.from({ length: drafts.length }, () => false);
      const entry = { log, address, drafts, bytes, keys, hashes, claims, duplicate, refuted: new Set<number>(), isVerified: false };
      this.#admit({ ...entry, resolve, reject }, publisher);
    }).finally(() => {
      this.#pendingBytes -= bytes;
      if (--this.#open === 0) this.#onIdle?.();
    });
  }

  /** Refuses what comes from now on and resolves when everything before is answered. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#open > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await this.#running;
  }

  #admit(entry: Entry, publisher: object): void {
    const suspects = this.#suspects(entry);
    const line = this.#lines.get(publisher);
    if (suspects.length === 0 && line === undefined) {
      this.#take(entry);
      return;
    }
    if (line === undefined) this.#lines.set(publisher, [entry]);
    else line.push(entry);
    if (suspects.length === 0) entry.isVerified = true;
    else void this.#lookInto(entry, suspects, publisher);
  }

  /** Verifies at once, whoever is before it in the line. */
  async #lookInto(entry: Entry, suspects: readonly Suspect[], publisher: object): Promise<void> {
    entry.isVerified = false;
    try {
      await this.#verify(entry, suspects);
      entry.isVerified = true;
    } catch (error) {
      const line = this.#lines.get(publisher);
      line?.splice(line.indexOf(entry), 1);
      entry.reject(toBackboneError(error));
    }
    this.#advance(publisher);
  }

  #advance(publisher: object): void {
    const line = this.#lines.get(publisher) ?? [];
    for (let first = line[0]; first?.isVerified === true; first = line[0]) {
      // Others may have published the same meanwhile.
      const suspects = this.#suspects(first);
      if (suspects.length > 0) {
        void this.#lookInto(first, suspects, publisher);
        return;
      }
      line.shift();
      this.#take(first);
    }
    if (line.length === 0) this.#lines.delete(publisher);
  }

  #take(entry: Entry): void {
    const { unsettled, dedup } = entry.log;
    for (let index = 0; index < entry.drafts.length; index++) {
      if (entry.claims[index] !== undefined) continue;
      const key = entry.keys[index]!;
      const first = dedup === undefined ? undefined : unsettled.get(key);
      entry.duplicate[index] = first !== undefined;
      entry.claims[index] = first ?? { seq: 0 };
      if (first === undefined) unsettled.set(key, entry.claims[index]!);
    }
    this.#waiting.push(entry);
    this.#schedule();
  }

  /** Events whose hash is that of a durable one not yet compared. */
  #suspects({ log, hashes, claims, keys, refuted }: Entry): Suspect[] {
    const suspects: Suspect[] = [];
    for (let index = 0; index < hashes.length; index++) {
      if (claims[index] !== undefined) continue;
      const found = log.dedup?.find(hashes[index]!);
      if (found === undefined || log.unsettled.has(keys[index]!)) continue;
      for (const seq of found) if (!refuted.has(seq)) suspects.push({ index, seq });
    }
    return suspects;
  }

  async #verify(entry: Entry, suspects: readonly Suspect[]): Promise<void> {
    const since = this.#parts.clock.now() - entry.log.policy.dedupWindow;
    for (const { index, seq } of suspects) {
      if (entry.claims[index] !== undefined) continue;
      const stored = await this.#parts.eventAt(entry.log, seq);
      if (stored !== undefined && stored.key === entry.keys[index] && stored.acceptedAt > since) {
        entry.claims[index] = { seq };
        entry.duplicate[index] = true;
      } else {
        entry.refuted.add(seq);
      }
    }
  }

  /** At the end of the turn of the loop: what arrives in one turn goes into one commit. */
  #schedule(): void {
    if (this.#scheduled || this.#running !== undefined) return;
    this.#scheduled = true;
    setImmediate(() => this.#start());
  }

  #start(): void {
    this.#scheduled = false;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  async #run(): Promise<void> {
    let done: Commit | undefined;
    for (;;) {
      if (this.#suspect.size > 0 && !(await this.#recover())) {
        this.#refuse();
        return;
      }
      const commit = this.#next();
      const writing = commit?.write(this.#parts.database);
      // While the disk works on the next commit, the last one is told.
      done?.announce();
      done = undefined;
      if (commit === undefined) return;
      try {
        await writing;
        commit.advance();
        done = commit;
        this.#parts.onOutcome(undefined);
        for (const log of commit.logs) if (log.bytes > (log.policy.retainBytes ?? Infinity)) this.#parts.onGrowth(log);
      } catch (error) {
        await this.#fail(commit, toBackboneError(error));
      }
    }
  }

  #refuse(): void {
    const entries = this.#waiting;
    this.#waiting = [];
    const error = toBackboneError(undefined);
    for (const { log, reject } of entries) {
      log.unsettled.clear();
      reject(error);
    }
  }

  #next(): Commit | undefined {
    if (this.#waiting.length === 0) return undefined;
    let taken = 0;
    let bytes = 0;
    let events = 0;
    while (taken < this.#waiting.length && (taken === 0 || (bytes < MAX_COMMIT_BYTES && events < MAX_COMMIT_EVENTS))) {
      const entry = this.#waiting[taken++]!;
      bytes += entry.bytes;
      events += entry.drafts.length;
    }
    const entries = taken === this.#waiting.length ? this.#waiting : this.#waiting.slice(0, taken);
    this.#waiting = taken === this.#waiting.length ? [] : this.#waiting.slice(taken);
    return new Commit(entries, this.#parts.clock.now(), this.#encoder);
  }

  /** What waits may be a repetition of what failed, so it fails with it; then the disk is asked what it really has. */
  async #fail(commit: Commit, error: GatewayError): Promise<void> {
    const entries = [...commit.entries, ...this.#waiting];
    this.#waiting = [];
    for (const { log } of entries) log.unsettled.clear();
    for (const log of commit.logs) this.#suspect.add(log);
    this.#parts.onOutcome(error);
    await this.#recover();
    for (const entry of entries) entry.reject(error);
  }

  /** Makes sure that no sequence number is given twice; false while the disk cannot be asked. */
  async #recover(): Promise<boolean> {
    try {
      for (const log of this.#suspect) {
        await this.#parts.resync(log);
        this.#suspect.delete(log);
      }
      return true;
    } catch {
      return false;
    }
  }
}

function sizeOf(drafts: readonly EventDraft[]): number {
  let bytes = 0;
  for (const draft of drafts) bytes += 256 + (draft.data === undefined ? 0 : draft.data.byteLength);
  return bytes;
}

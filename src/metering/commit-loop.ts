import type { Clock } from '../core/clock.ts';
import type { Database, Statement } from '../store/database.ts';
import type { Book } from './book.ts';

/** Longest time between two commits, however long one takes. */
const LONGEST_INTERVAL = 1000;
/** A pause of this many times the commit's own length: many small changes wait for each other, and the books cost about a hundredth of what the disk can do. */
const REST = 80;
/** Pause after a commit that the store refused. */
const AFTER_FAILURE = 2000;

export interface CommitLoopParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly books: readonly Book[];
  /** Shortest milliseconds between two commits. */
  readonly interval: number;
  /** Told after each commit, with the error of one that failed. */
  readonly onOutcome: (error: Error | undefined) => void;
}

/** Writes all books, one transaction at a time; what fails stays in the books and goes with the next commit. */
export class CommitLoop {
  readonly #parts: CommitLoopParts;
  #timer: NodeJS.Timeout | undefined;
  #inFlight: Promise<void> | undefined;
  /** The one after that, while somebody waits for it: all who come meanwhile share it. */
  #next: Promise<void> | undefined;
  /** On the monotonic clock: from when on a commit is worth its cost. */
  #dueAt = 0;
  #isClosed = false;

  constructor(parts: CommitLoopParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#schedule(this.#parts.interval);
  }

  /** Resolves when everything in the books at the call is on disk; rejects with what the store said. */
  flush(): Promise<void> {
    if (this.#inFlight === undefined && this.#next === undefined) return this.#commit();
    return (this.#next ??= this.#commitNext());
  }

  /** Commits what is left. Rejects when the store does not take it. */
  async close(): Promise<void> {
    this.stop();
    await this.flush();
  }

  /** No commits from now on: what is in the books is forgotten, as in a crash. */
  stop(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #schedule(delay: number): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#turn(), delay);
    this.#timer.unref();
  }

  async #turn(): Promise<void> {
    const { interval, books } = this.#parts;
    const begun = performance.now();
    const early = this.#dueAt - begun;
    if (early > 0 && !books.some((book) => book.isUrgent === true)) {
      this.#schedule(Math.min(early, interval));
      return;
    }
    try {
      if (this.#inFlight === undefined) await this.#commit();
      const now = performance.now();
      this.#dueAt = now + Math.min(LONGEST_INTERVAL, Math.max(interval, REST * (now - begun)));
      this.#schedule(interval);
    } catch {
      this.#schedule(AFTER_FAILURE);
    }
  }

  async #commitNext(): Promise<void> {
    while (this.#inFlight !== undefined) await this.#inFlight.catch(() => undefined);
    this.#next = undefined;
    await this.#commit();
  }

  #commit(): Promise<void> {
    if (!this.#parts.books.some((book) => book.dirty)) return Promise.resolve();
    this.#inFlight = this.#write().finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  /** What would be long goes in parts, so that neither this thread nor who publishes meanwhile waits for the whole. */
  async #write(): Promise<void> {
    const { database, clock, books, onOutcome } = this.#parts;
    let isContinued = false;
    do {
      const { statements, taken } = collectPart(books, clock.now(), isContinued);
      try {
        await database.transact(statements);
      } catch (error) {
        for (const book of taken) book.failed();
        onOutcome(error as Error);
        throw error;
      }
      for (const book of taken) book.committed();
      isContinued = taken.at(-1)?.hasMore === true;
    } while (isContinued);
    onOutcome(undefined);
  }
}

/**
 * Up to the first book that gives only a part: those behind it go with its last one, so that no count is on disk before the usage it
 * counts. Those before it go with every part: a part has what is so when it is collected, and must not be on disk before them.
 */
function collectPart(
  books: readonly Book[],
  now: number,
  isContinued: boolean,
): { readonly statements: Statement[]; readonly taken: readonly Book[] } {
  const statements: Statement[] = [];
  const taken: Book[] = [];
  for (const book of books) {
    if (!book.dirty) continue;
    statements.push(...book.collect(now, isContinued));
    taken.push(book);
    if (book.hasMore === true) break;
  }
  return { statements, taken };
}

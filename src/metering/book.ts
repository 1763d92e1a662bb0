import type { Statement } from '../store/database.ts';

/**
 * A part of the ledger that is written with each commit. `collect` hands over what changed since; until `committed` or `failed` is
 * called nothing is collected again. What changes meanwhile waits for the next commit.
 */
export interface Book {
  /** Whether there is anything to write. */
  readonly dirty: boolean;
  /** `isContinued`: a book behind this one goes on with a round of which earlier parts are committed, and so may be some of what belongs together. */
  collect(now: number, isContinued?: boolean): readonly Statement[];
  /** The last `collect` was only a part: the next one belongs to the same round, and follows once this one is committed. */
  readonly hasMore?: boolean;
  /** What it has to write must not wait for longer than the shortest interval, because a crash would make others notice. */
  readonly isUrgent?: boolean;
  committed(): void;
  failed(): void;
}

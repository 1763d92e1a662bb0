import type { Statement } from '../store/database.ts';

/**
 * A part of the ledger that is written with each commit. `collect` hands over what changed since; until `committed` or `failed` is
 * called nothing is collected again. What changes meanwhile waits for the next commit.
 */
export interface Book {
  /** Whether there is anything to write. */
  readonly dirty: boolean;
  collect(now: number): readonly Statement[];
  committed(): void;
  failed(): void;
}

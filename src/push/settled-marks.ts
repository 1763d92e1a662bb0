import type { Position } from '../core/position.ts';

/** Whose deliveries may be done out of the order of the log. */
export interface MarkSource {
  /** Id of the endpoint. */
  readonly id: string;
  /** What is done and not yet passed by the reader's cursor. */
  settledAhead(): readonly Position[];
}

/** What one commit changes of the marks of an endpoint. */
export interface MarkChanges {
  readonly add: readonly Position[];
  readonly remove: readonly Position[];
}

/**
 * The marks of one endpoint as they are on disk. A mark goes one round of commits after the cursor has passed it: the cursor may be written
 * by a later transaction than the marks, and a crash between the two must not send again what was delivered.
 */
export class SettledMarks {
  readonly #written: Set<Position>;
  #leaving = new Set<Position>();

  constructor(written: Iterable<Position>) {
    this.#written = new Set(written);
  }

  /** Whether the next commit has something to remove even if nothing happens. */
  get isLeaving(): boolean {
    return this.#leaving.size > 0;
  }

  /** What has to be written so that all of `ahead` is marked; counts as written until `undo`. */
  add(ahead: readonly Position[]): MarkChanges {
    const add = ahead.filter((position) => !this.#written.has(position));
    for (const position of add) this.#written.add(position);
    return { add, remove: [] };
  }

  /** What has to be written so that the marks are as `ahead` says; counts as written until `undo`. */
  change(ahead: readonly Position[]): MarkChanges {
    const wanted = new Set(ahead);
    const add = ahead.filter((position) => !this.#written.has(position));
    const gone = [...this.#written].filter((position) => !wanted.has(position));
    const remove = gone.filter((position) => this.#leaving.has(position));
    this.#leaving = new Set(gone.filter((position) => !this.#leaving.has(position)));
    for (const position of add) this.#written.add(position);
    for (const position of remove) this.#written.delete(position);
    return { add, remove };
  }

  /** The commit failed. */
  undo({ add, remove }: MarkChanges): void {
    for (const position of add) this.#written.delete(position);
    for (const position of remove) this.#written.add(position);
    this.stay();
  }

  /** A commit failed that may have had the cursor: what is leaving goes one whole round of commits later. */
  stay(): void {
    this.#leaving.clear();
  }
}

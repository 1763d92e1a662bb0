import type { Lineage } from './lineage.ts';

/** Readers written in one commit: some two milliseconds here and in the store, which is what an event waits that is published meanwhile. */
const mostAtOnce = 32;

/**
 * Which readers go with which commit. A round takes all that have something to write when it begins, a few with each commit, so that
 * those who change all the time do not keep it from its end. A commit that fails ends the round: the next one has what is left of it.
 */
export class ReaderRounds {
  /** Not in the round under way. */
  #dirty = new Set<Lineage>();
  #round = new Set<Lineage>();
  /** Among both, those that go with the very next commit. */
  readonly #pressing = new Set<Lineage>();
  /** In the commit under way, those first that were pressing. */
  #writing: readonly Lineage[] = [];
  #pressed = 0;

  get isEmpty(): boolean {
    return this.#round.size === 0 && this.#dirty.size === 0;
  }

  /** Whether commits of the round are still to come. */
  get isUnderWay(): boolean {
    return this.#round.size > 0;
  }

  /** It goes with the next round. */
  add(lineage: Lineage): void {
    if (lineage.isDirty) return;
    lineage.isDirty = true;
    this.#dirty.add(lineage);
  }

  /** It goes with the next commit, besides those whose turn it is. */
  press(lineage: Lineage): void {
    this.add(lineage);
    this.#pressing.add(lineage);
  }

  /** To be called when none is under way. */
  begin(): void {
    this.#round = this.#dirty;
    this.#dirty = new Set();
  }

  /** Those of the next commit; until `written` or `failed` is called nothing is taken again. */
  take(): readonly Lineage[] {
    const part = [...this.#pressing];
    this.#pressing.clear();
    this.#pressed = part.length;
    for (const lineage of part) if (!this.#round.delete(lineage)) this.#dirty.delete(lineage);
    for (const lineage of this.#round) {
      if (part.length === this.#pressed + mostAtOnce) break;
      this.#round.delete(lineage);
      part.push(lineage);
    }
    for (const lineage of part) {
      lineage.isDirty = false;
      lineage.isWriting = true;
    }
    this.#writing = part;
    return part;
  }

  /** Those that are on disk now. */
  written(): readonly Lineage[] {
    const part = this.#writing;
    for (const lineage of part) lineage.written();
    this.#writing = [];
    return part;
  }

  failed(): void {
    for (const [index, lineage] of this.#writing.entries()) {
      lineage.unwritten();
      lineage.isDirty = true;
      if (index < this.#pressed) this.#pressing.add(lineage);
    }
    this.#dirty = new Set([...this.#writing, ...this.#round, ...this.#dirty]);
    this.#round = new Set();
    this.#writing = [];
  }
}

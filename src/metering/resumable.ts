import type { Position } from '../core/position.ts';
import type { ComparePositions, Lineage } from './lineage.ts';

/** How long a closed connection may be resumed. */
export const resumableMilliseconds = 24 * 60 * 60 * 1000;

/** What a connection must have in common with a closed one to go on with it. */
interface ResumableIdentity {
  readonly subscription: string;
  readonly log: string;
  readonly address: string;
  readonly filter: string | undefined;
}

/** Closed unnamed readers that a client may resume by naming a position, found by what they were charged up to. */
export class Resumable {
  readonly #compare: ComparePositions;
  readonly #mostReaders: number;
  /** In the order in which they closed. */
  readonly #byAge = new Map<string, Lineage>();
  /** By identity; each ordered by `charged`. */
  readonly #groups = new Map<string, Lineage[]>();

  constructor(compare: ComparePositions, mostReaders: number) {
    this.#compare = compare;
    this.#mostReaders = mostReaders;
  }

  get size(): number {
    return this.#byAge.size;
  }

  add(lineage: Lineage): void {
    const key = groupKey(lineage.subjects);
    const group = this.#groups.get(key) ?? [];
    const index = this.#firstAtOrAfter(group, lineage.charged);
    if (index === undefined) {
      this.#dropGroup(group);
      group.length = 0;
    }
    group.splice(index ?? 0, 0, lineage);
    this.#groups.set(key, group);
    this.#byAge.set(lineage.subjects.reader, lineage);
    if (this.#byAge.size > this.#mostReaders) this.#forgetOldest();
  }

  /** The reader with the least charged beyond `position` among those that began before it; it is no longer resumable by another. */
  take(identity: ResumableIdentity, position: Position): Lineage | undefined {
    const key = groupKey(identity);
    const group = this.#groups.get(key);
    if (group === undefined) return undefined;
    const first = this.#firstAtOrAfter(group, position);
    if (first === undefined) {
      this.#dropGroup(group);
      this.#groups.delete(key);
      return undefined;
    }
    // What lies before a reader's start was never charged to it, so it cannot be what this client resumes.
    const index = group.findIndex(
      (lineage, at) => at >= first && this.#isAtOrBefore(lineage.subjects.log, lineage.subjects.start, position),
    );
    if (index === -1) return undefined;
    const [lineage] = group.splice(index, 1) as [Lineage];
    if (group.length === 0) this.#groups.delete(key);
    this.#byAge.delete(lineage.subjects.reader);
    return lineage;
  }

  /** Lets go of those that closed before `before`, a wall time in milliseconds. */
  expire(before: number): void {
    for (const lineage of this.#byAge.values()) {
      if ((lineage.closedAt ?? 0) >= before) return;
      this.#remove(lineage);
    }
  }

  has(reader: string): boolean {
    return this.#byAge.has(reader);
  }

  #forgetOldest(): void {
    const oldest = this.#byAge.values().next().value;
    if (oldest !== undefined) this.#remove(oldest);
  }

  #remove(lineage: Lineage): void {
    this.#byAge.delete(lineage.subjects.reader);
    const key = groupKey(lineage.subjects);
    const group = this.#groups.get(key);
    const index = group?.indexOf(lineage) ?? -1;
    if (group === undefined || index === -1) return;
    group.splice(index, 1);
    if (group.length === 0) this.#groups.delete(key);
  }

  /** Positions of a log that was made anew cannot be ordered with those before: nothing of the group can be resumed any more. */
  #dropGroup(group: readonly Lineage[]): void {
    for (const lineage of group) this.#byAge.delete(lineage.subjects.reader);
  }

  #firstAtOrAfter(group: readonly Lineage[], position: Position): number | undefined {
    let low = 0;
    let high = group.length;
    try {
      while (low < high) {
        const middle = (low + high) >> 1;
        const lineage = group[middle] as Lineage;
        const order = this.#compare(lineage.subjects.log, lineage.charged, position);
        if (Number.isNaN(order)) return undefined;
        if (order < 0) low = middle + 1;
        else high = middle;
      }
    } catch {
      return undefined;
    }
    return low;
  }

  #isAtOrBefore(log: string, start: Position, position: Position): boolean {
    try {
      return this.#compare(log, start, position) <= 0;
    } catch {
      return false;
    }
  }
}

function groupKey({ subscription, log, address, filter }: ResumableIdentity): string {
  return `${subscription}\n${log}\n${address}\n${filter ?? ''}`;
}

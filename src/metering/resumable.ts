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
  /** At or before all starts of a group, so that a place before them all is not looked for among thousands. */
  readonly #leastStarts = new WeakMap<readonly Lineage[], Position>();

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
    let index = this.#firstAtOrAfter(group, lineage.charged);
    if (index === undefined) {
      this.#dropGroup(group);
      group.length = 0;
      this.#leastStarts.delete(group);
    } else if (group[index]?.charged === lineage.charged) {
      index = lastAlike(group, index) + 1;
    }
    group.splice(index ?? 0, 0, lineage);
    this.#groups.set(key, group);
    const least = this.#leastStarts.get(group);
    if (least === undefined || this.#hasBegunBefore(lineage, least)) this.#leastStarts.set(group, lineage.subjects.start);
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
    const index = this.#firstBegunBefore(group, first, position);
    if (index === undefined) return undefined;
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

  /** What lies before a reader's start was never charged to it, so it cannot be what this client resumes. */
  #firstBegunBefore(group: readonly Lineage[], first: number, position: Position): number | undefined {
    const least = this.#leastStarts.get(group) as Position;
    if (first === group.length || this.#compare((group[first] as Lineage).subjects.log, least, position) > 0) return undefined;
    // Thousands that were cut together were charged up to the same place: the last of them leaves without moving the others.
    const last = lastAlike(group, first);
    for (let index = last; index >= first; index -= 1) if (this.#hasBegunBefore(group[index] as Lineage, position)) return index;
    for (let index = last + 1; index < group.length; index += 1) if (this.#hasBegunBefore(group[index] as Lineage, position)) return index;
    this.#leastStarts.set(group, this.#leastStartOf(group));
    return undefined;
  }

  #leastStartOf(group: readonly Lineage[]): Position {
    let { start: least } = (group[0] as Lineage).subjects;
    for (const lineage of group) if (this.#hasBegunBefore(lineage, least)) least = lineage.subjects.start;
    return least;
  }

  #firstAtOrAfter(group: readonly Lineage[], position: Position): number | undefined {
    let low = 0;
    let high = group.length;
    try {
      while (low < high) {
        const middle = (low + high) >> 1;
        const lineage = group[middle] as Lineage;
        const { charged } = lineage;
        const order = charged === position ? 0 : this.#compare(lineage.subjects.log, charged, position);
        if (Number.isNaN(order)) return undefined;
        if (order < 0) low = middle + 1;
        else high = middle;
      }
    } catch {
      return undefined;
    }
    return low;
  }

  #hasBegunBefore({ subjects: { log, start } }: Lineage, position: Position): boolean {
    try {
      return this.#compare(log, start, position) <= 0;
    } catch {
      return false;
    }
  }
}

/** The last of those in a row that were charged up to the same place as the one at `first`. */
function lastAlike(group: readonly Lineage[], first: number): number {
  const charged = group[first]?.charged;
  let low = first;
  let high = group.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (group[middle]?.charged === charged) low = middle;
    else high = middle - 1;
  }
  return low;
}

function groupKey({ subscription, log, address, filter }: ResumableIdentity): string {
  return `${subscription}\n${log}\n${address}\n${filter ?? ''}`;
}

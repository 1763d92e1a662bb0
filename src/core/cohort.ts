import { joinFrames, makeBatch, type Filter } from './batch.ts';
import { Changes } from './changes.ts';
import type { Event, WireFormat } from './event.ts';
import { Group, type FeedReader, type Governor } from './group.ts';
import type { Batch, Tally } from './meter.ts';
import type { Position } from './position.ts';

/** Where a flush stands on the log. */
export interface FlushPlace {
  /** Where the lane stood so far. */
  readonly before: Position;
  /** Where the events of the flush end. */
  readonly position: Position;
  /** Events between the two that were left out already. */
  readonly passedOver: number;
}

const nothing = Buffer.alloc(0);

/** Readers that share every byte: same wire format, same filter. Those of one subscription that are level form a group; the others are served one by one. */
export class Cohort {
  readonly #format: WireFormat;
  readonly #filter: Filter | undefined;
  readonly #openTally: () => Tally;
  readonly #groups = new Map<Governor, Group>();
  readonly #singles = new Set<FeedReader>();
  readonly #changes: Changes | undefined;

  constructor(format: WireFormat, filter: Filter | undefined, openTally: () => Tally) {
    this.#format = format;
    this.#filter = filter;
    this.#openTally = openTally;
    this.#changes = format.changes === undefined ? undefined : new Changes(format.changes.coding);
  }

  get isEmpty(): boolean {
    return this.#singles.size === 0 && this.#groups.size === 0;
  }

  /** It joins a group with the next flush in which it is level. */
  add(reader: FeedReader): void {
    this.#singles.add(reader);
    reader.changes = this.#changes;
  }

  remove(reader: FeedReader): void {
    reader.changes = undefined;
    if (reader.group === undefined) this.#singles.delete(reader);
    else this.#leaveGroup(reader);
  }

  /** From its group to those served one by one. */
  single(reader: FeedReader): void {
    if (reader.group !== undefined) this.#leaveGroup(reader);
    this.#singles.add(reader);
  }

  flush(events: readonly Event[], { before, position, passedOver }: FlushPlace): void {
    this.#gather(before);
    const batch = makeBatch(events, position, this.#filter, passedOver);
    const buffer = this.#join(batch.events);
    const alone = this.#singles.size === 0 ? [] : [...this.#singles];
    for (const group of this.#groups.values()) {
      if (group.mayTake(batch)) group.flush(batch, buffer);
      else this.#scatter(group, alone);
    }
    for (const reader of alone) this.#hand(reader, batch, buffer);
  }

  #join(events: readonly Event[]): Buffer {
    if (this.#changes === undefined) return events.length === 0 ? nothing : joinFrames(events, this.#format);
    this.#changes.add(events);
    return events.length === 0 ? nothing : this.#changes.join(events, this.#format);
  }

  /** A limit is near: each asks for itself. */
  #scatter(group: Group, alone: FeedReader[]): void {
    this.#groups.delete(group.governor);
    for (const reader of group.dissolve()) {
      this.#singles.add(reader);
      alone.push(reader);
    }
  }

  #gather(position: Position): void {
    const oldest = this.#changes?.oldest;
    for (const reader of this.#singles) {
      if (!reader.isLevel || (oldest !== undefined && !reader.knows(oldest))) continue;
      this.#singles.delete(reader);
      let group = this.#groups.get(reader.governor);
      if (group === undefined) {
        group = new Group(reader.governor, this.#openTally(), position);
        this.#groups.set(reader.governor, group);
      }
      group.add(reader);
    }
  }

  #hand(reader: FeedReader, batch: Batch, buffer: Buffer): void {
    if (!this.#singles.has(reader)) return;
    try {
      reader.take(batch, buffer);
    } catch (error) {
      reader.fail(error);
    }
  }

  #leaveGroup(reader: FeedReader): void {
    const group = reader.group as Group;
    group.remove(reader);
    if (group.size > 0) return;
    if (this.#groups.get(group.governor) === group) this.#groups.delete(group.governor);
  }
}

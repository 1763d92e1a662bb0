import type { Keys } from './conflation.ts';
import type { Event, WireFormat } from './event.ts';
import type { Position } from './position.ts';

/** What changes are computed of: a value as its format understands it, and about how many bytes it holds. */
export interface Comparable {
  readonly value: unknown;
  readonly bytes: number;
}

/** How an event is told as what changed since another one of its key. */
export interface ChangeCoding extends Keys {
  /** Undefined for an event that is only ever written whole. */
  valueOf(event: Event): Comparable | undefined;
  /** The event with what makes its value of that of the event at `base` in place of the data; undefined when the whole would be as short. */
  change(event: Event, value: Comparable, base: Position, before: Comparable): Event | undefined;
}

/** How a format writes events as changes. */
export interface ChangeFormat {
  readonly coding: ChangeCoding;
  /** The frame of an event that the coding has made. */
  encode(change: Event): Buffer;
}

interface Last {
  readonly position: Position;
  readonly value: Comparable;
  /** Number of the event, counted from the first one here. */
  readonly place: number;
}

interface Change {
  readonly base: Position;
  readonly event: Event;
  /** Encoded on first use. */
  frame?: Buffer;
}

/** Who may know the value an event is a change of. */
export interface Knowing {
  /** Whether it was given the event at this place, and since then all others of its stream. */
  knows(base: Position): boolean;
}

/** Values kept to compare with, in keys and bytes; past them the ones not changed for the longest are written whole the next time. */
const mostKeys = 10_000;
const mostBytes = 4 * 1024 * 1024;
/** Events after which an unchanged value is forgotten, so that those who came later are soon like the others. */
const mostEvents = 10_000;

/** Events of one stream, each as what changed since the last one of its key: computed once for all who read it. */
export class Changes {
  readonly #coding: ChangeCoding;
  /** Least recently changed first, so that positions ascend. */
  readonly #last = new Map<string, Last>();
  readonly #changes = new WeakMap<Event, Change>();
  #bytes = 0;
  #place = 0;
  #oldestUsed: Position | undefined;

  constructor(coding: ChangeCoding) {
    this.#coding = coding;
  }

  /** Who was given everything since before this place knows every value there is; undefined when there is none. */
  get oldest(): Position | undefined {
    for (const { position } of this.#last.values()) return position;
    return undefined;
  }

  /** The oldest place that the events added last are changes of; undefined when all of them are whole. */
  get oldestUsed(): Position | undefined {
    return this.#oldestUsed;
  }

  /** Takes the next events, in the order of the log. */
  add(events: readonly Event[]): void {
    let oldest: Last | undefined;
    for (const event of events) {
      const base = this.#add(event);
      if (base !== undefined && (oldest === undefined || base.place < oldest.place)) oldest = base;
    }
    this.#oldestUsed = oldest?.position;
  }

  /** The event as a change; undefined when it goes whole. */
  of(event: Event): Event | undefined {
    return this.#changes.get(event)?.event;
  }

  /** Frames of events that were added, always in the same format; without a reader all changes as such, for a reader those whose base it knows. */
  join(events: readonly Event[], format: WireFormat, reader?: Knowing): Buffer {
    const frames: Buffer[] = [];
    for (const event of events) {
      const change = this.#changes.get(event);
      const isWhole = change === undefined || (reader !== undefined && !reader.knows(change.base));
      frames.push(isWhole ? event.frame(format) : frameOf(change, format));
    }
    return frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames);
  }

  /** What the event is a change of, when it can be written as one. */
  #add(event: Event): Last | undefined {
    this.#place += 1;
    const key = this.#coding.keyOf(event);
    if (key === undefined) return undefined;
    const before = this.#last.get(key);
    if (before !== undefined) this.#forget(key, before);
    const value = this.#coding.valueOf(event);
    if (value === undefined) return undefined;
    this.#last.set(key, { position: event.position, value, place: this.#place });
    this.#bytes += value.bytes;
    this.#makeRoom();
    return before === undefined ? undefined : this.#compare(event, value, before);
  }

  #compare(event: Event, value: Comparable, before: Last): Last | undefined {
    const changed = this.#coding.change(event, value, before.position, before.value);
    if (changed === undefined) return undefined;
    this.#changes.set(event, { base: before.position, event: changed });
    return before;
  }

  #makeRoom(): void {
    for (const [key, last] of this.#last) {
      const isOld = this.#place - last.place >= mostEvents;
      if (!isOld && this.#last.size <= mostKeys && this.#bytes <= mostBytes) return;
      this.#forget(key, last);
    }
  }

  #forget(key: string, last: Last): void {
    this.#last.delete(key);
    this.#bytes -= last.value.bytes;
  }
}

function frameOf(change: Change, { changes }: WireFormat): Buffer {
  return (change.frame ??= (changes as ChangeFormat).encode(change.event));
}

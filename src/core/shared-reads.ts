import type { ReadResult } from './backbone.ts';
import type { Event } from './event.ts';
import type { Position } from './position.ts';

interface Slice {
  readonly after: Position;
  readonly events: readonly Event[];
  readonly position: Position;
  readonly places: ReadonlyMap<Position, number>;
}

/** Slices kept at most: readers that catch up from different places meet within one and go on together. */
const mostSlices = 8;

/**
 * Reads of one channel's log by everybody who is behind on it, one read at a time: whoever waits for it looks first
 * whether it covers his place too. So a thousand readers that come back read the log about once.
 */
export class SharedReads {
  readonly #read: (after: Position) => Promise<ReadResult>;
  #underWay: Promise<unknown> | undefined;
  /** Oldest first. */
  #slices: Slice[] = [];
  #readers = 0;

  constructor(read: (after: Position) => Promise<ReadResult>) {
    this.#read = read;
  }

  /** A reader begins to catch up; slices are kept only while there is one. */
  enter(): void {
    this.#readers += 1;
  }

  exit(): void {
    this.#readers -= 1;
    if (this.#readers === 0) this.#slices = [];
  }

  /** What follows a place, as far as the slice it lies in goes. */
  async next(after: Position): Promise<ReadResult> {
    for (;;) {
      const found = this.#find(after);
      if (found !== undefined) return found;
      if (this.#underWay === undefined) return this.#begin(after);
      await this.#underWay;
    }
  }

  #find(after: Position): ReadResult | undefined {
    for (const slice of this.#slices) {
      const found = within(slice, after);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #begin(after: Position): Promise<ReadResult> {
    const reading = this.#read(after);
    const settled = reading.then(
      (result) => this.#keep(after, result),
      () => undefined,
    );
    this.#underWay = settled.then(() => void (this.#underWay = undefined));
    return await reading;
  }

  #keep(after: Position, { events, position }: ReadResult): void {
    if (events.length === 0 || this.#readers < 2) return;
    const places = new Map(events.map((event, index) => [event.position, index]));
    this.#slices.push({ after, events, position, places });
    if (this.#slices.length > Math.min(mostSlices, this.#readers)) this.#slices.shift();
  }
}

function within(slice: Slice, after: Position): ReadResult | undefined {
  if (slice.after === after) return slice;
  const index = slice.places.get(after);
  if (index === undefined || index === slice.events.length - 1) return undefined;
  return { events: slice.events.slice(index + 1), position: slice.position };
}

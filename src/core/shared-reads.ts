import type { ReadResult } from './backbone.ts';
import { LogSlice } from './log-slice.ts';
import type { Position } from './position.ts';

/** Slices kept at most: readers that catch up from different places meet within one and go on together. */
const mostSlices = 8;
/** Milliseconds slices are kept after the last reader was level: those who come back together do so one after another. */
const lingerFor = 250;
/** Bytes of events kept meanwhile; whoever missed more than that is behind long enough to meet others. */
const mostLingeringBytes = 64 * 1024;

/**
 * Reads of one channel's log by everybody who is behind on it, one read at a time: whoever waits for it looks first
 * whether it covers his place too. So a thousand readers that come back read the log about once.
 */
export class SharedReads {
  readonly #read: (after: Position) => Promise<ReadResult>;
  #underWay: Promise<unknown> | undefined;
  /** Oldest first. */
  #slices: LogSlice[] = [];
  #readers = 0;
  /** While somebody was behind a moment ago. */
  #linger: NodeJS.Timeout | undefined;

  constructor(read: (after: Position) => Promise<ReadResult>) {
    this.#read = read;
  }

  /** A reader begins to catch up; slices are kept only while there are others, or were a moment ago. */
  enter(): void {
    this.#readers += 1;
  }

  exit(): void {
    this.#readers -= 1;
    if (this.#readers > 0) return;
    let bytes = 0;
    for (const slice of this.#slices) bytes += slice.bytes;
    if (bytes > mostLingeringBytes) this.#slices = [];
    if (this.#linger === undefined) this.#linger = setTimeout(() => this.#forget(), lingerFor).unref();
    else this.#linger.refresh();
  }

  /** What follows a place, as far as the slice it lies in goes. */
  async next(after: Position): Promise<LogSlice> {
    for (;;) {
      const found = this.#find(after);
      if (found !== undefined) return found;
      if (this.#underWay === undefined) return this.#begin(after);
      await this.#underWay;
    }
  }

  /** Nothing is kept and no timer runs any more. */
  close(): void {
    clearTimeout(this.#linger);
    this.#forget();
  }

  #find(after: Position): LogSlice | undefined {
    for (const slice of this.#slices) {
      const found = slice.from(after);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #begin(after: Position): Promise<LogSlice> {
    const reading = this.#read(after).then((result) => new LogSlice(after, result));
    const settled = reading.then(
      (slice) => this.#keep(slice),
      () => undefined,
    );
    this.#underWay = settled.then(() => void (this.#underWay = undefined));
    return await reading;
  }

  #keep(slice: LogSlice): void {
    const others = this.#linger === undefined ? this.#readers - 1 : this.#readers;
    if (slice.events.length === 0 || others < 1) return;
    this.#slices.push(slice);
    if (this.#slices.length > Math.min(mostSlices, others + 1)) this.#slices.shift();
  }

  #forget(): void {
    this.#linger = undefined;
    if (this.#readers === 0) this.#slices = [];
  }
}

import type { ReadResult } from './backbone.ts';
import { LogSlice } from './log-slice.ts';
import type { Position } from './position.ts';

/**
 * Slices kept at most, some 30 MiB of small events: as far as readers that go on together may drift apart before the log is read
 * again for the last of them.
 */
const mostSlices = 64;
/** Milliseconds slices are kept after the last reader was level: those who come back together do so one after another. */
const lingerFor = 250;
/** Bytes of events kept meanwhile; whoever missed more than that is behind long enough to meet others. */
const mostLingeringBytes = 64 * 1024;
/** Milliseconds within which a slice must be used to be kept: a reader whose socket is full may stay behind for ever. */
const useWithin = 5000;

/**
 * Reads of one channel's log by everybody who is behind on it, one read at a time: whoever waits for it looks first
 * whether it covers his place too. So a thousand readers that come back read the log about once.
 */
export class SharedReads {
  readonly #read: (after: Position) => Promise<ReadResult>;
  #underWay: Promise<unknown> | undefined;
  /** By the place they begin after, least recently used first. */
  readonly #slices = new Map<Position, LogSlice>();
  /** The place after which what was offered last begins. */
  #offered: Position | undefined;
  #readers = 0;
  /** While somebody was behind a moment ago. */
  #linger: NodeJS.Timeout | undefined;
  /** Where slices begin that were used since the last look, which is taken while there are any. */
  readonly #used = new Set<Position>();
  #looking: NodeJS.Timeout | undefined;

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
    for (const slice of this.#slices.values()) bytes += slice.bytes;
    if (bytes > mostLingeringBytes) this.#slices.clear();
    this.#stay();
  }

  /** What came in live, for those who have waited for it: they need not read it back. */
  offer(slice: LogSlice): void {
    // Nobody is on the way to it any more.
    if (this.#readers === 0 && this.#offered !== undefined) this.#slices.delete(this.#offered);
    this.#offered = slice.after;
    this.#put(slice, mostSlices);
    this.#stay();
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
    clearInterval(this.#looking);
    this.#forget();
  }

  /** Most readers stand where a slice begins, the end of the one before. */
  #find(after: Position): LogSlice | undefined {
    const begun = this.#slices.get(after);
    if (begun !== undefined) return this.#use(begun, begun);
    for (const slice of this.#slices.values()) {
      const found = slice.from(after);
      if (found !== undefined) return this.#use(slice, found);
    }
    return undefined;
  }

  #use(slice: LogSlice, found: LogSlice): LogSlice {
    this.#used.add(slice.after);
    this.#slices.delete(slice.after);
    this.#slices.set(slice.after, slice);
    return found;
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
    // Also that nothing follows is found out once for all who stand there.
    if (slice.position !== slice.after && others >= 1) this.#put(slice, Math.min(mostSlices, 16 * others));
  }

  #put(slice: LogSlice, most: number): void {
    this.#slices.set(slice.after, slice);
    this.#used.add(slice.after);
    this.#looking ??= setInterval(() => this.#look(), useWithin).unref();
    if (this.#slices.size <= most) return;
    for (const oldest of this.#slices.keys()) if (this.#slices.delete(oldest)) break;
  }

  #look(): void {
    for (const after of this.#slices.keys()) if (!this.#used.has(after)) this.#slices.delete(after);
    this.#used.clear();
    if (this.#slices.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #stay(): void {
    if (this.#linger === undefined) this.#linger = setTimeout(() => this.#forget(), lingerFor).unref();
    else this.#linger.refresh();
  }

  #forget(): void {
    this.#linger = undefined;
    if (this.#readers === 0) this.#slices.clear();
  }
}

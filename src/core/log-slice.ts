import { joinFrames } from './batch.ts';
import type { ReadResult } from './backbone.ts';
import type { Event, WireFormat } from './event.ts';
import type { Position } from './position.ts';

/** Ends of a slice kept for those who come back from places in it: they come back from a few, the last ones. */
const mostTails = 8;
/** Longest frames kept for the next reader in bytes; joining more costs little beside writing it. */
const mostFrameBytes = 256 * 1024;

/** Consecutive events of a log, read once for everybody who is behind. */
export class LogSlice implements ReadResult {
  readonly after: Position;
  readonly events: readonly Event[];
  readonly position: Position;
  /** Of the events, without envelope. */
  readonly bytes: number;
  #places: Map<Position, number> | undefined;
  /** By the place they begin after, oldest first. */
  #tails: Map<Position, LogSlice> | undefined;
  #frames: Buffer | undefined;
  #framesFormat: WireFormat | undefined;

  constructor(after: Position, { events, position }: ReadResult) {
    this.after = after;
    this.events = events;
    this.position = position;
    let bytes = 0;
    for (const event of events) bytes += event.bytes;
    this.bytes = bytes;
  }

  /** What follows a place in this slice; undefined when the place is not in it, or is its end. */
  from(after: Position): LogSlice | undefined {
    if (after === this.after) return this;
    const known = this.#tails?.get(after);
    if (known !== undefined) return known;
    this.#places ??= new Map(this.events.map((event, index) => [event.position, index]));
    const index = this.#places.get(after);
    if (index === undefined || index === this.events.length - 1) return undefined;
    const tail = new LogSlice(after, { events: this.events.slice(index + 1), position: this.position });
    this.#tails ??= new Map();
    if (this.#tails.size >= mostTails) for (const oldest of this.#tails.keys()) if (this.#tails.delete(oldest)) break;
    this.#tails.set(after, tail);
    return tail;
  }

  /** The frames of all its events as one buffer, shared by readers of the same format one after another. */
  frames(format: WireFormat): Buffer {
    if (this.#frames !== undefined && this.#framesFormat === format) return this.#frames;
    const frames = joinFrames(this.events, format);
    if (frames.length <= mostFrameBytes) {
      this.#frames = frames;
      this.#framesFormat = format;
    }
    return frames;
  }
}

import type { Filter } from './batch.ts';
import { Newest, type Conflation } from './conflation.ts';
import type { Event } from './event.ts';
import type { FeedReader } from './group.ts';
import type { Lane } from './lane.ts';
import type { Position } from './position.ts';

/** Keys, and payload bytes, held back at most; past them they go out before the interval is over. */
const mostKeys = 10_000;
const mostBytes = 4 * 1024 * 1024;

/**
 * A lane behind which readers of equal filter and conflation stand. After an interval without events the first goes out at once; what
 * comes within an interval of that waits for its end, each event until a newer one of its key replaces it. All that waits goes out
 * together, so that no position passes an event that still waits.
 */
export class ConflatingLane {
  readonly #lane: Lane;
  readonly #filter: Filter;
  readonly #conflation: Conflation;
  readonly #newest: Newest;
  #passedOver = 0;
  #position: Position;
  #timer: NodeJS.Timeout | undefined;
  /** Monotonic milliseconds: when something went out last. */
  #handedAt = -Infinity;

  constructor(lane: Lane, filter: Filter, conflation: Conflation) {
    this.#lane = lane;
    this.#filter = filter;
    this.#conflation = conflation;
    this.#newest = new Newest(conflation);
    this.#position = lane.position;
  }

  get position(): Position {
    return this.#lane.position;
  }

  get isEmpty(): boolean {
    return this.#lane.isEmpty;
  }

  get isOver(): boolean {
    return this.#lane.isOver;
  }

  room(): Promise<void> {
    return this.#lane.room();
  }

  add(reader: FeedReader): void {
    this.#lane.add(reader);
  }

  single(reader: FeedReader): void {
    this.#lane.single(reader);
  }

  remove(reader: FeedReader): void {
    this.#lane.remove(reader);
  }

  receive(events: readonly Event[], position: Position): void {
    for (const event of events) {
      if (!this.#filter.test(event) || this.#newest.add(event)) this.#passedOver += 1;
    }
    this.#position = position;
    if (this.#newest.size === 0) this.#hand();
    else this.#schedule();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#newest.take();
    this.#lane.close();
  }

  #schedule(): void {
    const rest = this.#handedAt + this.#conflation.interval - performance.now();
    const isFull = this.#newest.size >= mostKeys || this.#newest.bytes >= mostBytes;
    if (rest > 0 && !isFull) {
      this.#timer ??= setTimeout(() => this.#flush(), rest);
      return;
    }
    clearTimeout(this.#timer);
    this.#flush();
  }

  #flush(): void {
    this.#timer = undefined;
    this.#handedAt = performance.now();
    this.#hand();
  }

  #hand(): void {
    this.#lane.receive(this.#newest.take(), this.#position, this.#passedOver);
    this.#passedOver = 0;
  }
}

import type { ReadResult } from './backbone.ts';
import { makeBatch, type Filter } from './batch.ts';
import { Newest, type Conflation } from './conflation.ts';
import type { Batch } from './meter.ts';
import type { Position } from './position.ts';

/** Keys, and payload bytes, gathered at most; past them what there is goes out, and the next piece begins anew. */
const mostKeys = 10_000;
const mostBytes = 4 * 1024 * 1024;

/**
 * The newest event of each key of everything a reader is behind, piece by piece of the log. Of all it missed, so that reading again
 * what was charged before gives nothing that was passed over then: how a client cuts its reading must not change what it gets for its money.
 */
export class Gathering {
  readonly #filter: Filter;
  readonly #newest: Newest;
  #passedOver = 0;
  #position: Position;

  constructor(filter: Filter, conflation: Conflation, after: Position) {
    this.#filter = filter;
    this.#newest = new Newest(conflation);
    this.#position = after;
  }

  /** Everything up to here was read. */
  get position(): Position {
    return this.#position;
  }

  /** Takes the next piece of the log; true when what there is must be taken now. */
  add({ events, position }: ReadResult): boolean {
    for (const event of events) {
      if (!this.#filter.test(event) || this.#newest.add(event)) this.#passedOver += 1;
    }
    this.#position = position;
    return this.#newest.size >= mostKeys || this.#newest.bytes >= mostBytes;
  }

  take(): Batch {
    const batch = makeBatch(this.#newest.take(), this.#position, undefined, this.#passedOver);
    this.#passedOver = 0;
    return batch;
  }
}

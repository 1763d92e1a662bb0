import type { Clock } from '../core/clock.ts';
import type { RateSource } from './rate-source.ts';
import type { SeriesBoard } from './series-board.ts';

/** Told what a source has counted since the last sample. */
export type CountMetric = (source: RateSource, events: number, bytes: number) => void;

/** Once a second takes what was counted into the series and the metrics, so that the way of an event only adds two numbers. */
export class Sampler {
  readonly #clock: Clock;
  readonly #board: SeriesBoard;
  readonly #count: CountMetric;
  #fresh: RateSource[] = [];

  constructor(clock: Clock, board: SeriesBoard, count: CountMetric) {
    this.#clock = clock;
    this.#board = board;
    this.#count = count;
  }

  readonly freshen = (source: RateSource): void => {
    source.isFresh = true;
    this.#fresh.push(source);
  };

  /** Takes everything counted so far into the second that is ending. */
  sample(): void {
    const second = Math.floor((this.#clock.now() - 1) / 1000);
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const source of fresh) {
      source.isFresh = false;
      this.#count(source, source.freshEvents, source.freshBytes);
      this.#board.take(source, second);
    }
  }
}

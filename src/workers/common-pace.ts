/** Milliseconds after its last writing from which on a worker counts as idle: how long that took says nothing any more. */
const idleAfter = 50;
/** Of each worker: milliseconds its last writing took from when it could have begun, and when that ended. */
const numbersPerWorker = 2;

/**
 * How long the slowest of all workers takes for what they are handed, in memory they share. Where there are fewer cores than workers
 * they take turns: each is soon done with its share, but clients have everything only when the last one is, and what they send in
 * answer becomes part of the next write only where all rest for that long.
 */
export class CommonPace {
  readonly #numbers: Float64Array<SharedArrayBuffer>;
  readonly #own: number;

  /** `own`: the place of the worker that reports. */
  constructor(memory: SharedArrayBuffer, own: number) {
    this.#numbers = new Float64Array(memory);
    this.#own = own * numbersPerWorker;
  }

  static memoryFor(workers: number): SharedArrayBuffer {
    return new SharedArrayBuffer(workers * numbersPerWorker * Float64Array.BYTES_PER_ELEMENT);
  }

  /** A writing ended `now` (monotonic milliseconds), so long after it could have begun. */
  report(took: number, now: number): void {
    this.#numbers[this.#own] = took;
    this.#numbers[this.#own + 1] = now;
  }

  /** Milliseconds that the slowest of those who are busy took; 0 when nobody is. */
  slowest(now: number): number {
    let slowest = 0;
    for (let place = 0; place < this.#numbers.length; place += numbersPerWorker) {
      const isBusy = now - (this.#numbers[place + 1] as number) < idleAfter;
      if (isBusy) slowest = Math.max(slowest, this.#numbers[place] as number);
    }
    return slowest;
  }
}

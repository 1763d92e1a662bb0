import { Precedence } from './precedence.ts';

/** Milliseconds of work done in one turn of the loop. */
const budget = 1;

/**
 * Work that can wait, a little in each turn of the loop: those who ask go on one after another, so that a thousand
 * readers that catch up hold up a live flush by about a millisecond.
 */
export class Turns {
  readonly #precedence: Precedence;
  readonly #waiting: (() => void)[] = [];
  /** Of those waiting, so many have gone on. */
  #done = 0;
  #isScheduled = false;

  constructor(precedence = new Precedence()) {
    this.#precedence = precedence;
  }

  /** Resolves when it is the caller's turn; what it does before it waits again is counted. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#precedence.afterRest(() => setImmediate(() => this.#run(performance.now() + budget)));
  }

  #run(until: number): void {
    const resolve = this.#waiting[this.#done];
    // One goes on in any case, however long this thread was kept from its processor.
    if (resolve === undefined || (this.#done > 0 && performance.now() >= until)) {
      this.#end();
      return;
    }
    this.#done += 1;
    resolve();
    // Behind what it does now, which is one microtask.
    queueMicrotask(() => this.#run(until));
  }

  #end(): void {
    this.#waiting.splice(0, this.#done);
    this.#done = 0;
    this.#isScheduled = false;
    if (this.#waiting.length > 0) this.#schedule();
  }
}

import { GatewayError } from '../core/errors.ts';

/** Changes that wait their turn: more means somebody floods the management API. */
const maxWaitingChanges = 1000;

/** Runs changes one after the other, so that what one has checked still holds when it writes. */
export class Exclusive {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= maxWaitingChanges)
      throw new GatewayError('OVERLOADED', `More than ${maxWaitingChanges} changes are waiting; try again shortly.`, { retryAfter: 1000 });
    this.#waiting++;
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }
}

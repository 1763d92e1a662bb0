/** What a delivery is sent for: the first time, again after a failure, or once more because somebody asked for it. */
export type Lane = 'first' | 'retry' | 'replay';

/** In the order of their importance. */
export const lanes: readonly Lane[] = ['first', 'retry', 'replay'];

/** The part of all slots a lane may have while others wait. */
export const laneShares: Readonly<Record<Lane, number>> = { first: 1, retry: 1 / 4, replay: 1 / 16 };

/** Of two lanes that both wait the more important one goes first, but each at least as often as its share says. */
export class LaneTurns {
  readonly #passedOver: Record<Lane, number> = { first: 0, retry: 0, replay: 0 };

  /** Gives the turn to one of the lanes that could have it now; undefined when there is none. */
  next(ready: readonly Lane[]): Lane | undefined {
    const chosen = ready.findLast((lane) => this.#passedOver[lane] >= 1 / laneShares[lane] - 1 && lane !== 'first') ?? ready[0];
    for (const lane of ready) this.#passedOver[lane] = lane === chosen ? 0 : this.#passedOver[lane] + 1;
    return chosen;
  }
}

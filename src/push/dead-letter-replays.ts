import type { Clock } from '../core/clock.ts';
import type { Redrive } from './redrive.ts';
import type { Replay, ReplayLog } from './replay-log.ts';

export interface DeadLetterReplaysParts {
  readonly replays: ReplayLog;
  readonly redrive: Pick<Redrive, 'dead'>;
  readonly clock: Clock;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  readonly onBug: (error: unknown) => void;
}

/** Dead letters of one endpoint that are made due at once. */
const atOnce = 100;
/** Milliseconds until the next of them, and until it is tried again where something failed. */
const goOnAfter = 1000;
const tryAgainAfter = 30_000;

/** Sends dead letters again, a bounded part at a time and as long as there is room for them among what is owed, until none is left that was meant. A restart goes on where this was. */
export class DeadLetterReplays {
  readonly #parts: DeadLetterReplaysParts;
  #round: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #isWanted = false;
  #isClosed = false;

  constructor(parts: DeadLetterReplaysParts) {
    this.#parts = parts;
  }

  /** There may be something to do. */
  wake(): void {
    this.#isWanted = true;
    if (this.#isClosed || this.#round !== undefined) return;
    this.#cancel?.();
    this.#isWanted = false;
    this.#round = this.#run()
      .then(
        (isMore) => (isMore ? this.#later(goOnAfter) : undefined),
        (error: unknown) => {
          this.#parts.onBug(error);
          this.#later(tryAgainAfter);
        },
      )
      .finally(() => {
        this.#round = undefined;
        if (this.#isWanted) this.wake();
      });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#round;
  }

  #later(delay: number): void {
    if (this.#isClosed) return;
    const { clock, schedule } = this.#parts;
    this.#cancel = schedule(clock.now() + delay, () => this.wake());
  }

  /** True: there is more to do. */
  async #run(): Promise<boolean> {
    let isMore = false;
    for (const replay of await this.#parts.replays.unfinished('dead')) {
      if (this.#isClosed) return false;
      if (await this.#goOn(replay)) isMore = true;
    }
    return isMore;
  }

  async #goOn({ id, endpoint, state, before = 0, total }: Replay): Promise<boolean> {
    const { replays, redrive, clock } = this.#parts;
    if (state === 'waiting') await replays.move(id, 'running', clock.now());
    const { left } = await redrive.dead(endpoint, { before, limit: atOnce });
    await replays.passed(id, Math.max(0, total - left), clock.now());
    if (left > 0) return true;
    await replays.move(id, 'done', clock.now());
    return false;
  }
}

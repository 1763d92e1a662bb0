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

/**
 * Sends dead letters again, a bounded part at a time until none is left that was meant. Where an endpoint owes so much that there is no
 * room for them it waits to be told that there is. A restart goes on where this was.
 */
export class DeadLetterReplays {
  readonly #parts: DeadLetterReplaysParts;
  #round: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  /** Endpoints that had no room and have not been told to have any since. */
  readonly #full = new Set<string>();
  /** The endpoint that is asked just now, as long as it is not told to have room. */
  #asked: string | undefined;
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

  /** The endpoint may have room again. */
  hasRoom(endpoint: string): void {
    if (this.#asked === endpoint) this.#asked = undefined;
    if (this.#full.delete(endpoint)) this.wake();
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
    const unfinished = await this.#parts.replays.unfinished('dead');
    const wanted = new Set(unfinished.map(({ endpoint }) => endpoint));
    for (const endpoint of this.#full) if (!wanted.has(endpoint)) this.#full.delete(endpoint);
    let isMore = false;
    for (const replay of unfinished) {
      if (this.#isClosed) return false;
      if (!this.#full.has(replay.endpoint) && (await this.#goOn(replay))) isMore = true;
    }
    return isMore;
  }

  /** True: there is more to do, and room for it. */
  async #goOn({ id, endpoint, state, before = 0, total }: Replay): Promise<boolean> {
    const { replays, redrive, clock } = this.#parts;
    if (state === 'waiting') await replays.move(id, 'running', clock.now());
    this.#asked = endpoint;
    const { left, isFull } = await redrive.dead(endpoint, { before, limit: atOnce });
    // What was told while it was asked counts.
    if (left > 0 && isFull && this.#asked === endpoint) this.#full.add(endpoint);
    await replays.passed(id, Math.max(0, total - left), clock.now());
    if (left > 0) return !this.#full.has(endpoint);
    await replays.move(id, 'done', clock.now());
    return false;
  }
}

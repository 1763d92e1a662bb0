import type { Clock } from '../core/clock.ts';
import { toGatewayError } from '../core/errors.ts';
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
/** Milliseconds until the next of them, and until a job that failed is tried again. */
const goOnAfter = 1000;
const tryAgainAfter = 30_000;

/** How far a job has come since the start, or since its letters were last looked at from the first one on. */
interface Progress {
  /** Row of the last letter that was dealt with. */
  readonly last: number;
  /** Letters that cannot be read. */
  readonly unreadable: number;
}

/**
 * Sends dead letters again, a bounded part at a time until none is left that was meant. Where an endpoint owes so much that there is no
 * room for them it waits to be told that there is. A letter that cannot be read is left out, and a job that fails holds up no other. A
 * restart goes on where this was.
 */
export class DeadLetterReplays {
  readonly #parts: DeadLetterReplaysParts;
  #round: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  readonly #progress = new Map<string, Progress>();
  /** Jobs that failed, until all of them are tried again. */
  readonly #failed = new Set<string>();
  #cancelFailed: (() => void) | undefined;
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
    this.#cancelFailed?.();
    await this.#round;
  }

  #later(delay: number): void {
    if (this.#isClosed) return;
    const { clock, schedule } = this.#parts;
    this.#cancel = schedule(clock.now() + delay, () => this.wake());
  }

  /** True: there is more to do. */
  async #run(): Promise<boolean> {
    const { replays, clock, onBug } = this.#parts;
    const unfinished = await replays.unfinished('dead', clock.now(), onBug);
    keepOnly(this.#full, new Set(unfinished.map(({ endpoint }) => endpoint)));
    const ids = new Set(unfinished.map(({ id }) => id));
    keepOnly(this.#progress, ids);
    keepOnly(this.#failed, ids);
    let isMore = false;
    for (const replay of unfinished) {
      if (this.#isClosed) return false;
      if (this.#full.has(replay.endpoint) || this.#failed.has(replay.id)) continue;
      try {
        if (await this.#goOn(replay)) isMore = true;
      } catch (error) {
        await this.#putOff(replay, error);
      }
    }
    return isMore;
  }

  /** True: there is more to do, and room for it. */
  async #goOn({ id, endpoint, state, before = 0, total }: Replay): Promise<boolean> {
    const { replays, redrive, clock, onBug } = this.#parts;
    if (state === 'waiting') await replays.move(id, 'running', clock.now());
    this.#asked = endpoint;
    const known = this.#progress.get(id) ?? { last: 0, unreadable: 0 };
    const sent = await redrive.dead(endpoint, { before, limit: atOnce, after: known.last });
    for (const error of sent.unreadable) onBug(error);
    const unreadable = known.unreadable + sent.unreadable.length;
    this.#progress.set(id, { last: sent.last, unreadable });
    // What was told while it was asked counts.
    if (sent.left > 0 && sent.isFull && this.#asked === endpoint) this.#full.add(endpoint);
    await replays.passed(id, { passed: Math.max(0, total - sent.left - unreadable), failed: unreadable }, clock.now());
    if (sent.left > 0) return !this.#full.has(endpoint);
    await replays.move(id, 'done', clock.now(), unreadable === 0 ? undefined : leftOut(unreadable));
    return false;
  }

  /** The job waits, and says why, until those that failed are tried again. */
  async #putOff({ id }: Replay, cause: unknown): Promise<void> {
    const { replays, clock, schedule, onBug } = this.#parts;
    onBug(cause);
    this.#failed.add(id);
    if (!this.#isClosed) this.#cancelFailed ??= schedule(clock.now() + tryAgainAfter, () => this.#tryFailed());
    const { code, message } = toGatewayError(cause);
    await replays.move(id, 'waiting', clock.now(), { code, sentence: message }).catch(onBug);
  }

  #tryFailed(): void {
    this.#cancelFailed = undefined;
    this.#failed.clear();
    this.wake();
  }
}

function keepOnly(known: { keys(): Iterable<string>; delete(key: string): boolean }, wanted: ReadonlySet<string>): void {
  for (const key of known.keys()) if (!wanted.has(key)) known.delete(key);
}

function leftOut(letters: number): Replay['reason'] {
  const sentence =
    letters === 1 ? 'One dead letter cannot be read and was left out.' : `${letters} dead letters cannot be read and were left out.`;
  return { code: 'INVALID_EVENT', sentence };
}

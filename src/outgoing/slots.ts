import { OutgoingFailure } from './outgoing-failure.ts';

interface SlotsOptions {
  readonly slots: number;
  /** Who may wait for one; past it the answer is `overloaded`. */
  readonly maxWaiting: number;
  /** The sentence of that answer. */
  readonly full: string;
}

/** A number of places; who finds none free waits in the order in which they came. */
export class Slots {
  readonly #slots: number;
  readonly #maxWaiting: number;
  readonly #full: string;
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor({ slots, maxWaiting, full }: SlotsOptions) {
    this.#slots = slots;
    this.#maxWaiting = maxWaiting;
    this.#full = full;
    this.#free = slots;
  }

  /** Places taken. */
  get taken(): number {
    return this.#slots - this.#free;
  }

  /** Resolves when a place is taken, to be given back by `give`; rejects with an OutgoingFailure when too many wait, or with the signal's reason. */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    if (this.#waiting.size >= this.#maxWaiting) throw new OutgoingFailure('overloaded', this.#full);
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(enter);
        reject(signal.reason as Error);
      };
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.add(enter);
    });
  }

  /** Gives a place back, straight to who has waited longest. */
  give(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

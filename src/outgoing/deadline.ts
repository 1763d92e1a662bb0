import { OutgoingFailure } from './outgoing-failure.ts';

/** A signal that ends work after a time, when another signal does, or when told to. Its reason is an OutgoingFailure. `clear` it when the work is over. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  readonly #follow = (): void => this.end(calledOff(this.#outer?.reason));

  /** `late` says what is over when the time is. */
  constructor(milliseconds: number, late: () => OutgoingFailure, outer?: AbortSignal) {
    this.#timer = setTimeout(() => this.end(late()), milliseconds);
    this.#outer = outer;
    if (outer?.aborted === true) this.#follow();
    else outer?.addEventListener('abort', this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(reason: OutgoingFailure): void {
    this.clear();
    this.#controller.abort(reason);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#follow);
  }
}

/** Settles as the promise does, or rejects with the signal's reason where that comes first. */
export async function orEnded<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (): void => reject(signal.reason as Error);
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([promise, ended]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

function calledOff(reason: unknown): OutgoingFailure {
  return reason instanceof OutgoingFailure ? reason : new OutgoingFailure('aborted', 'The request was called off.', { cause: reason });
}

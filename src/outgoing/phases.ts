/** How far a request has come: waiting for a free connection, looking the name up, connecting, TLS, until the status line, reading the body. */
export type Phase = 'waiting' | 'dns' | 'connect' | 'tls' | 'answer' | 'body';

/** Milliseconds spent in each phase; a phase that was not needed (a connection used again) is left out. */
export interface Timings extends Readonly<Partial<Record<`${Phase}Ms`, number>>> {
  readonly totalMs: number;
}

/** The stopwatch of one request. A phase entered twice, because the request was sent again, counts both times. */
export class Phases {
  readonly #now: () => number;
  readonly #begun: number;
  #current: Phase = 'waiting';
  #since: number;
  readonly #spent: Partial<Record<`${Phase}Ms`, number>> = {};

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#begun = now();
    this.#since = this.#begun;
  }

  get current(): Phase {
    return this.#current;
  }

  enter(phase: Phase): void {
    this.#book();
    this.#current = phase;
  }

  /** What has been spent until now. */
  timings(): Timings {
    this.#book();
    return { ...this.#spent, totalMs: this.#since - this.#begun };
  }

  #book(): void {
    const now = this.#now();
    const key = `${this.#current}Ms` as const;
    this.#spent[key] = (this.#spent[key] ?? 0) + now - this.#since;
    this.#since = now;
  }
}

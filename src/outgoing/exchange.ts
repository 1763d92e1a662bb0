import type { Dispatcher } from 'undici';
import { failureOf, OutgoingFailure } from './outgoing-failure.ts';
import type { Phases } from './phases.ts';

/** Header fields of an answer, names in lower case; repeated ones as a list. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Why a body is not whole: it reached the bound, its time was over, the caller called it off, or the other side broke off. */
export type Truncation = 'limit' | 'timeout' | 'aborted' | 'reset';

/** What came back. The status line decides; the body is what could be had of it. */
export interface Answer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: Buffer;
  /** Undefined when the body is whole. */
  readonly truncated: Truncation | undefined;
}

export interface ExchangeLimits {
  /** Milliseconds from the request to the end of the answer's head. */
  readonly answerMs: number;
  /** Milliseconds for the body, which may drip. */
  readonly bodyMs: number;
  /** Bytes kept of the body; with the next one the connection is closed. */
  readonly maxBodyBytes: number;
}

interface ExchangeOptions {
  readonly limits: ExchangeLimits;
  readonly phases: Phases;
  readonly signal: AbortSignal;
  /** Closes the connection. */
  readonly hangUp: () => void;
}

/** One request and its answer on one connection: what undici calls, turned into a promise that is settled in bounded time. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<Answer>;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (failure: OutgoingFailure) => void;
  readonly #limits: ExchangeLimits;
  readonly #phases: Phases;
  readonly #signal: AbortSignal;
  readonly #hangUp: () => void;
  readonly #onAbort = (): void => this.#abort();
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #head: Pick<Answer, 'status' | 'headers'> | undefined;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor({ limits, phases, signal, hangUp }: ExchangeOptions) {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#limits = limits;
    this.#phases = phases;
    this.#signal = signal;
    this.#hangUp = hangUp;
    if (signal.aborted) this.#abort();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Whether undici has begun to write the request. */
  get isSent(): boolean {
    return this.#controller !== undefined;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) {
      controller.abort(new Error('over'));
      return;
    }
    this.#phases.enter('answer');
    const seconds = this.#limits.answerMs / 1_000;
    this.#timer = setTimeout(
      () => this.#fail(new OutgoingFailure('timeout', `There was no answer within ${seconds} s.`)),
      this.#limits.answerMs,
    );
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    // 1xx: the answer proper is still to come, and within the same time.
    if (status < 200 || this.#isOver) return;
    clearTimeout(this.#timer);
    this.#head = { status, headers };
    this.#phases.enter('body');
    this.#timer = setTimeout(() => this.#finish('timeout'), this.#limits.bodyMs);
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return;
    const room = this.#limits.maxBodyBytes - this.#bytes;
    // A copy, because undici may hand out a view of a much larger block of memory.
    this.#chunks.push(Buffer.from(chunk.subarray(0, room)));
    this.#bytes += Math.min(chunk.length, room);
    if (chunk.length > room) this.#finish('limit');
  }

  onResponseEnd(): void {
    this.#finish(undefined);
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return;
    if (this.#head === undefined) this.#fail(failureOf(error, 'answer'));
    else this.#finish('reset');
  }

  #abort(): void {
    const reason = this.#signal.reason as OutgoingFailure;
    if (this.#head === undefined) this.#fail(reason);
    else this.#finish(reason.class === 'timeout' ? 'timeout' : 'aborted');
  }

  #finish(truncated: Truncation | undefined): void {
    if (this.#head === undefined || !this.#end(truncated !== undefined)) return;
    this.#resolve({ ...this.#head, body: Buffer.concat(this.#chunks, this.#bytes), truncated });
  }

  #fail(failure: OutgoingFailure): void {
    if (this.#end(true)) this.#reject(failure);
  }

  /** False when it was over already. */
  #end(isBroken: boolean): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
    if (isBroken) this.#hangUp();
    return true;
  }
}

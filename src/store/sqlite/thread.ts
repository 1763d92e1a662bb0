import { Worker } from 'node:worker_threads';
import { StoreError } from '../database.ts';
import type { Refusal } from './protocol.ts';
import { toStoreError } from './sqlite-error.ts';

interface Reply {
  readonly kind: string;
  readonly refusal?: Refusal;
}

/** One worker thread with a start, replies in the order of requests, and an end; tells `onLost` once when it dies by itself. */
export class Thread<Request, Answer extends Reply> {
  readonly #worker: Worker;
  #onReply: (reply: Answer) => void = () => undefined;
  #onLost: (error: StoreError) => void = () => undefined;
  #closing: (() => void) | undefined;
  #ended = false;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** `name` is a file beside this one, without its ending; resolves with the thread's first word, `ready`. */
  static async start<Request, Answer extends Reply>(
    name: string,
    workerData: unknown,
  ): Promise<{ readonly thread: Thread<Request, Answer>; readonly ready: Answer }> {
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    // Options of the command line that started the process, such as --input-type, are not for a file.
    const worker = new Worker(new URL(`./${name}${ending}`, import.meta.url), { workerData, name: `sluice-${name}`, execArgv: [] });
    const thread = new Thread<Request, Answer>(worker);
    const ready = await new Promise<Answer>((resolve, reject) => {
      thread.#onReply = (reply) => (reply.refusal === undefined ? resolve(reply) : reject(toStoreError(reply.refusal)));
      thread.#onLost = reject;
      worker.on('message', (reply: Answer) => (reply.kind === 'closed' ? undefined : thread.#onReply(reply)));
      worker.on('error', (error) => thread.#lost(error));
      worker.on('exit', () => thread.#exited());
    });
    return { thread, ready };
  }

  listen(onReply: (reply: Answer) => void, onLost: (error: StoreError) => void): void {
    this.#onReply = onReply;
    this.#onLost = onLost;
  }

  /** Buffers in `transfer` belong to the thread from now on. */
  post(request: Request, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  /** Asks the thread to finish; resolves when it has ended. */
  close(request: Request): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#closing = resolve;
      this.post(request);
    });
  }

  #exited(): void {
    this.#ended = true;
    if (this.#closing === undefined) this.#lost(undefined);
    else this.#closing();
  }

  #lost(cause: unknown): void {
    const tell = this.#onLost;
    this.#onLost = () => undefined;
    tell(
      new StoreError(
        'FAILED',
        'A thread of the database ended unexpectedly; this process has to be started anew. What was being written may or may not be there.',
        cause,
      ),
    );
  }
}

import type { Transferable } from 'node:worker_threads';

/** Where messages go: a worker, or a worker's parent. */
export interface Port<Message> {
  postMessage(messages: readonly Message[], transfer: readonly Transferable[]): void;
}

/** Posts what one turn of the loop has to say as one list, since each post wakes the other thread. */
export class TurnPost<Message> {
  readonly #port: Port<Message>;
  readonly #beforePost: () => void;
  #messages: Message[] = [];
  #transfer: Transferable[] = [];
  #isScheduled = false;

  /** `beforePost` may add what it has kept back. */
  constructor(port: Port<Message>, beforePost: () => void = () => undefined) {
    this.#port = port;
    this.#beforePost = beforePost;
  }

  /** What is in `transfer` belongs to the other thread from then on. */
  add(message: Message, transfer: readonly Transferable[] = []): void {
    this.#messages.push(message);
    for (const item of transfer) this.#transfer.push(item);
    this.schedule();
  }

  /** Sees to it that this turn's messages go when it ends. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.post());
  }

  /** Posts everything now. */
  post(): void {
    this.#isScheduled = true;
    this.#beforePost();
    this.#isScheduled = false;
    if (this.#messages.length === 0) return;
    const [messages, transfer] = [this.#messages, this.#transfer];
    this.#messages = [];
    this.#transfer = [];
    this.#port.postMessage(messages, transfer);
  }
}

import type { ToWorker } from './messages.ts';
import { Outgoing } from './outgoing.ts';
import type { SinkBoard } from './sink-board.ts';
import { TurnPost, type Port } from './turn-post.ts';

/** Everything the main thread says to one worker: deliveries and messages, one post a turn. */
export class LinkPost {
  readonly outgoing: Outgoing;
  readonly #post: TurnPost<ToWorker>;

  constructor(port: Port<ToWorker>, board: SinkBoard) {
    this.#post = new TurnPost(port, () => this.#addDeliveries());
    this.outgoing = new Outgoing(board, this.#post);
  }

  /** Goes out at the end of the turn; deliveries of this turn may pass it. */
  say(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    this.#post.add(message, transfer);
  }

  /** Goes out behind everything that was handed to a sink before. */
  sayInOrder(message: ToWorker): void {
    this.#addDeliveries();
    this.#post.add(message);
  }

  /** Goes out now, with everything said before. */
  sayNow(message: ToWorker): void {
    this.#post.add(message);
    this.#post.post();
  }

  #addDeliveries(): void {
    const taken = this.outgoing.take();
    if (taken !== undefined) this.#post.add(taken.message, taken.transfer);
  }
}

import type { Peer } from '../core/entrypoint.ts';
import { GatewayError } from '../core/errors.ts';
import { Precedence } from '../core/precedence.ts';

/** Milliseconds of handshakes in one turn of the loop: what everybody else may have to wait for them. */
const budget = 4;
/** Connections let in within one turn, whatever they seem to cost: nothing else is written or read meanwhile. */
const mostPerTurn = 64;
/** Milliseconds a connection is taken to cost until it is known. */
const firstGuess = 0.25;
/** Connections that may wait: each holds its socket and its request, some 10 KiB, and is let in within a few seconds. */
const mostWaiting = 16_384;

interface Waiter {
  readonly peer: Peer | undefined;
  readonly resolve: () => void;
  readonly reject: (reason: GatewayError) => void;
  next: Waiter | undefined;
}

interface ConnectLineOptions {
  readonly random: () => number;
  /** Most connections that wait; past it they are told to come back. */
  readonly mostWaiting?: number | undefined;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** What is waited for while they come in. */
  readonly precedence?: Precedence;
}

/**
 * The door for connections that stay open. When many come at once, each turn of the loop lets in as many as take a few
 * milliseconds, and the others wait in the order in which they came; so who is connected already hardly notices.
 */
export class ConnectLine {
  readonly #random: () => number;
  readonly #mostWaiting: number;
  readonly #now: () => number;
  readonly #precedence: Precedence;
  #first: Waiter | undefined;
  #last: Waiter | undefined;
  #waiting = 0;
  #allowed: number;
  /** Milliseconds per connection, smoothed. */
  #cost = firstGuess;
  #letIn = 0;
  #begunAt = 0;
  #isTurning = false;

  constructor({
    random,
    mostWaiting: most = mostWaiting,
    now = () => performance.now(),
    precedence = new Precedence(),
  }: ConnectLineOptions) {
    this.#random = random;
    this.#mostWaiting = most;
    this.#now = now;
    this.#precedence = precedence;
    this.#allowed = this.#perTurn;
  }

  /** Connections that wait now, clients that have gone since included. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Undefined: go in now. A promise: it resolves when it is this one's turn, and rejects when the line is too long or the client gone. */
  enter(peer: Peer | undefined): Promise<void> | undefined {
    if (this.#first === undefined && this.#allowed > 0) {
      this.#allowed -= 1;
      this.#turnSoon();
      return undefined;
    }
    if (this.#waiting >= this.#mostWaiting) return Promise.reject(this.#tooLong());
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { peer, resolve, reject, next: undefined };
      if (this.#last === undefined) this.#first = waiter;
      else this.#last.next = waiter;
      this.#last = waiter;
      this.#waiting += 1;
      this.#turnSoon();
    });
  }

  /** Everybody who waits is sent away. */
  close(reason: GatewayError): void {
    for (let waiter = this.#shift(); waiter !== undefined; waiter = this.#shift()) waiter.reject(reason);
  }

  get #perTurn(): number {
    return Math.max(1, Math.min(mostPerTurn, Math.floor(budget / this.#cost)));
  }

  /** Two callbacks of the same turn: what the first sets off, handshake and first write included, is over when the second runs. */
  #turnSoon(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    this.#precedence.afterRest(() => {
      setImmediate(() => this.#turn());
      setImmediate(() => this.#measure());
    });
  }

  #turn(): void {
    this.#begunAt = this.#now();
    this.#letIn = 0;
    this.#allowed = this.#perTurn;
    while (this.#allowed > 0) {
      const waiter = this.#shift();
      if (waiter === undefined) return;
      if (waiter.peer?.destroyed === true || waiter.peer?.readableEnded === true) {
        waiter.reject(gone);
        continue;
      }
      this.#allowed -= 1;
      this.#letIn += 1;
      waiter.resolve();
    }
  }

  #measure(): void {
    this.#isTurning = false;
    if (this.#letIn > 0) this.#cost = this.#cost * 0.8 + ((this.#now() - this.#begunAt) / this.#letIn) * 0.2;
    if (this.#first !== undefined) this.#turnSoon();
  }

  #shift(): Waiter | undefined {
    const waiter = this.#first;
    if (waiter === undefined) return undefined;
    this.#first = waiter.next;
    if (this.#first === undefined) this.#last = undefined;
    this.#waiting -= 1;
    return waiter;
  }

  /** Spread over the time the line takes and some more, so that they do not all come back at once. */
  #tooLong(): GatewayError {
    const drained = this.#waiting * this.#cost;
    return new GatewayError('OVERLOADED', `${this.#waiting} connections are waiting to be let in; come back in a moment.`, {
      retryAfter: Math.ceil(1000 + drained + this.#random() * (4000 + drained)),
    });
  }
}

/** Nobody sees it: the client is gone. */
const gone = new GatewayError('BAD_REQUEST', 'The client is gone.');

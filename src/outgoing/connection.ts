import type { Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import type { Connected } from './connector.ts';
import { Exchange, type Answer, type ExchangeLimits } from './exchange.ts';
import { OutgoingFailure } from './outgoing-failure.ts';
import type { Phases } from './phases.ts';

/** A request as it goes over the wire. */
export interface WireRequest {
  readonly method: Dispatcher.HttpMethod;
  /** Path and query. */
  readonly path: string;
  /** Names and values in turn, as they are to be written. */
  readonly headers: readonly string[];
  readonly body: Uint8Array | undefined;
}

interface ExchangeRun {
  readonly limits: ExchangeLimits;
  readonly phases: Phases;
  readonly signal: AbortSignal;
}

/** Bytes of header names and values of an answer: as much as a client of ours may send. */
const maxHeaderBytes = 16 * 1024;
/** Milliseconds an unused connection is kept: most servers close it after 5 s or more. */
const idleMs = 4_000;
/** The same where the server names a longer time itself. */
const maxIdleMs = 30_000;

/** One socket to one origin, carrying one exchange at a time. The socket is its own: with it undici closes too. */
export class Connection {
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #client: Client;
  #exchanges = 0;

  constructor(origin: string, { socket, remoteAddress }: Connected) {
    this.remoteAddress = remoteAddress;
    this.#socket = socket;
    let isTaken = false;
    this.#client = new Client(origin, {
      // Undici asks again when the socket is gone, and is told that there is no other.
      connect: (_options, callback) => {
        const isGone = isTaken;
        isTaken = true;
        queueMicrotask(() => (isGone ? callback(connectionGone(), null) : callback(null, socket)));
      },
      pipelining: 1,
      maxHeaderSize: maxHeaderBytes,
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: maxIdleMs,
      // An exchange has timers of its own: these would go on for as long as something drips.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Whether it may carry another exchange. */
  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** Whether the exchange under way, or the last one, is not its first. */
  get isReused(): boolean {
    return this.#exchanges > 1;
  }

  /** Rejects with an OutgoingFailure, which says in `retry` whether the connection was dead before the request got anywhere. */
  async exchange(request: WireRequest, { limits, phases, signal }: ExchangeRun): Promise<Answer> {
    this.#exchanges += 1;
    const bytesBefore = this.#socket.bytesRead;
    const exchange = new Exchange({ limits, phases, signal, hangUp: () => this.destroy() });
    this.#client.dispatch({ ...request, headers: [...request.headers], body: request.body ?? null }, exchange);
    try {
      return await exchange.answer;
    } catch (error) {
      if (!(error instanceof OutgoingFailure) || error.class !== 'reset' || !this.isReused) throw error;
      if (exchange.isSent && this.#socket.bytesRead !== bytesBefore) throw error;
      const retry = exchange.isSent ? 'stale' : 'unsent';
      throw new OutgoingFailure('reset', error.message, { retry, cause: error.cause });
    }
  }

  /** Calls back when the socket is closed, whoever closed it. */
  onClose(listener: () => void): void {
    this.#socket.once('close', listener);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function connectionGone(): NodeJS.ErrnoException {
  return Object.assign(new Error('the connection is gone'), { code: 'ECONNRESET' });
}

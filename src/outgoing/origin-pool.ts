import type { SecureContext } from 'node:tls';
import { Connection } from './connection.ts';
import type { Connector, ConnectTarget } from './connector.ts';
import { Deadline } from './deadline.ts';
import { OutgoingFailure } from './outgoing-failure.ts';
import type { OutgoingUrl } from './outgoing-url.ts';
import type { Phases } from './phases.ts';
import { Slots } from './slots.ts';

interface OriginPoolOptions {
  readonly url: OutgoingUrl;
  readonly connector: Connector;
  /** Undefined for plain HTTP. */
  readonly secureContext: SecureContext | undefined;
  readonly maxConnections: number;
  /** Requests that may wait for a connection; past it the answer is `overloaded`. */
  readonly maxWaiting: number;
}

interface Wish {
  /** Never one that was used before. */
  readonly isFresh: boolean;
  /** Milliseconds for name, connection and TLS together. */
  readonly connectMs: number;
  readonly phases: Phases;
  readonly signal: AbortSignal;
}

/** The connections to one origin with one set of certificates. */
export class OriginPool {
  readonly #origin: string;
  readonly #target: ConnectTarget;
  readonly #connector: Connector;
  readonly #maxConnections: number;
  readonly #slots: Slots;
  /** Connected and unused, the one used last at the end. */
  readonly #idle = new Set<Connection>();
  #session: Buffer | undefined;
  #isClosed = false;

  constructor({ url, connector, secureContext, maxConnections, maxWaiting }: OriginPoolOptions) {
    this.#origin = url.origin;
    this.#target = { host: url.host, port: url.port, secureContext };
    this.#connector = connector;
    this.#maxConnections = maxConnections;
    this.#slots = new Slots({ slots: maxConnections, maxWaiting, full: 'Too many requests wait for a connection to this host.' });
  }

  /** Nobody uses a connection or waits for one. */
  get isUnused(): boolean {
    return this.#slots.taken === 0;
  }

  /** A connection for one exchange, to be given back by `give`; rejects with an OutgoingFailure. */
  async take(wish: Wish): Promise<Connection> {
    wish.phases.enter('waiting');
    await this.#slots.take(wish.signal);
    try {
      wish.signal.throwIfAborted();
      return (wish.isFresh ? undefined : this.#lastIdle()) ?? (await this.#open(wish));
    } catch (error) {
      this.#slots.give();
      throw error;
    }
  }

  give(connection: Connection): void {
    if (connection.isOpen && !this.#isClosed) this.#idle.add(connection);
    else connection.destroy();
    this.#slots.give();
  }

  /** Closes what is unused; a connection in use is closed when it is given back. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#idle) connection.destroy();
    this.#idle.clear();
  }

  #lastIdle(): Connection | undefined {
    const connection = [...this.#idle].findLast(({ isOpen }) => isOpen);
    if (connection !== undefined) this.#idle.delete(connection);
    return connection;
  }

  async #open({ connectMs, phases, signal }: Wish): Promise<Connection> {
    this.#makeRoom();
    const late = (): OutgoingFailure => new OutgoingFailure('timeout', `There was no connection within ${connectMs / 1_000} s.`);
    const deadline = new Deadline(connectMs, late, signal);
    try {
      const connected = await this.#connector.connect({ ...this.#target, session: this.#session }, phases, deadline.signal);
      connected.socket.on('session', (session: Buffer) => (this.#session = session));
      const connection = new Connection(this.#origin, connected);
      connection.onClose(() => this.#idle.delete(connection));
      return connection;
    } finally {
      deadline.clear();
    }
  }

  /** A fresh connection asked for while others are unused must not be one too many. */
  #makeRoom(): void {
    for (const connection of this.#idle) {
      if (this.#idle.size + this.#slots.taken <= this.#maxConnections) return;
      this.#idle.delete(connection);
      connection.destroy();
    }
  }
}

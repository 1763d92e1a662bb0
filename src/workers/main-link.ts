import type { Sink } from '../core/entrypoint.ts';
import { GatewayError } from '../core/errors.ts';
import { DeliveryWriter, type WriterParts } from './delivery-writer.ts';
import type { Ask, Asks, FromWorker, ToWorker } from './messages.ts';
import { PeerWatch } from './peer-watch.ts';
import { fromPlainError } from './plain-error.ts';
import { TurnPost, type Port } from './turn-post.ts';

/** Requests to the main thread that may be without an answer. */
const maxOpenRequests = 65_536;

/** A session as the main thread speaks to it. */
export interface LinkedSession {
  /** The gateway has ended it. */
  ended(reason: GatewayError): void;
  /** A limit holds its reader. */
  held(error: GatewayError, until: number, limits: Asks['limits']['answer'] | undefined): void;
}

interface OpenRequest {
  readonly op: keyof Asks;
  readonly settle: (value: never) => void;
  readonly refuse: (error: GatewayError) => void;
}

/** A worker's end of its link to the main thread. */
export class MainLink {
  /** Clients that wait to be let in. */
  readonly peers = new PeerWatch();
  readonly #post: TurnPost<FromWorker>;
  readonly #writer: DeliveryWriter;
  readonly #requests = new Map<number, OpenRequest>();
  readonly #sessions = new Map<number, LinkedSession>();
  /** Whose reader writes to a slot. */
  readonly #owners: (LinkedSession | undefined)[] = [];
  #lastRequest = 0;
  #lastSession = 0;
  #turn = 0;
  #isTurnKnown = false;

  constructor(port: Port<FromWorker>, parts: Omit<WriterParts, 'onRoom'>) {
    this.#post = new TurnPost(port);
    this.#writer = new DeliveryWriter({ ...parts, onRoom: (slots) => this.#tellRoom(slots) });
  }

  /** The same for everything that is done upon one list of messages, and another later on. */
  get turn(): number {
    return this.#turn;
  }

  /** A number for a new session. */
  enter(session: LinkedSession): number {
    this.#lastSession += 1;
    this.#sessions.set(this.#lastSession, session);
    return this.#lastSession;
  }

  /** Refused: the main thread does not know it. */
  forget(session: number): void {
    this.#sessions.delete(session);
  }

  say(message: FromWorker): void {
    this.#post.add(message);
  }

  /** `take` is called in the moment the answer is here, before anything said later is looked at. */
  ask<Op extends keyof Asks, T>(
    op: Op,
    session: number,
    ask: Asks[Op]['ask'],
    take: (answer: Asks[Op]['answer']) => T,
    transfer: readonly ArrayBuffer[] = [],
  ): { readonly request: number; readonly answer: Promise<T> } {
    this.#lastRequest += 1;
    const request = this.#lastRequest;
    if (this.#requests.size >= maxOpenRequests) return { request, answer: Promise.reject(overloaded()) };
    const answer = new Promise<T>((resolve, reject) => {
      this.#requests.set(request, { op, settle: (value: Asks[Op]['answer']) => resolve(take(value)), refuse: reject });
    });
    this.#post.add({ kind: 'ask', op, session, request, ...ask } as unknown as Ask, transfer);
    return { request, answer };
  }

  openSink(slot: number, sink: Sink, owner: LinkedSession): void {
    this.#writer.open(slot, sink);
    this.#owners[slot] = owner;
  }

  closeSink(slot: number): void {
    this.#writer.close(slot);
    this.#owners[slot] = undefined;
  }

  drained(slot: number): void {
    this.#writer.drained(slot);
  }

  receive(message: Exclude<ToWorker, { kind: 'routes' | 'renew' | 'close' }>): void {
    this.#beginTurn();
    if (message.kind === 'deliver') {
      this.#writer.take(message);
      return;
    }
    if (message.kind === 'answer') {
      this.#answered(message.request, message.value as never);
      return;
    }
    if (message.kind === 'refusal') {
      this.#settled(message.request)?.refuse(fromPlainError(message.error));
      return;
    }
    // What was handed to a sink before goes out before its last words.
    this.#writer.write();
    switch (message.kind) {
      case 'hold':
        this.#owners[message.slot]?.held(fromPlainError(message.error), message.until, message.limits);
        break;
      case 'end-sink':
        this.#writer.sink(message.slot)?.end(fromPlainError(message.error));
        break;
      case 'end-session':
        this.#sessions.get(message.session)?.ended(fromPlainError(message.error));
        break;
    }
  }

  #answered(request: number, value: never): void {
    const open = this.#settled(request);
    // Whoever reads from now on may have a slot that was another's.
    if (open?.op === 'read') this.#writer.write();
    open?.settle(value);
  }

  #settled(request: number): OpenRequest | undefined {
    const open = this.#requests.get(request);
    this.#requests.delete(request);
    return open;
  }

  #beginTurn(): void {
    if (this.#isTurnKnown) return;
    this.#isTurnKnown = true;
    this.#turn += 1;
    setImmediate(() => {
      this.#turn += 1;
      this.#isTurnKnown = false;
    });
  }

  #tellRoom(slots: readonly number[]): void {
    this.#post.add({ kind: 'drained', slots });
    this.#post.post();
  }
}

function overloaded(): GatewayError {
  return new GatewayError('OVERLOADED', 'Too many requests are on their way at once; send this one again in a second.', {
    retryAfter: 1000,
  });
}

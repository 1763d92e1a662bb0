import { Worker } from 'node:worker_threads';
import type { Gateway } from '../core/entrypoint.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { WireFormat } from '../core/event.ts';
import type { KeyPair } from '../listeners/key-pair.ts';
import { LinkPost } from './link-post.ts';
import { LinkSession, type SessionHost } from './link-session.ts';
import type { Ask, Asks, FromWorker, Route, ToWorker, WorkerStart } from './messages.ts';
import { toPlainError } from './plain-error.ts';
import { RemoteSink, type SinkVoice } from './remote-sink.ts';
import { maxSinks, SinkBoard } from './sink-board.ts';

/** JavaScript heap of a worker in MiB: one that runs out of it ends alone. A connection takes about 10 KiB. */
const maxHeapMebibytes = 2048;

export interface LinkParts {
  readonly gateway: Gateway;
  /** Every format a client may be written in, by name. */
  readonly formats: ReadonlyMap<string, WireFormat>;
  /** A thrown bug, of the worker's too. */
  readonly onBug: (error: unknown) => void;
}

type StartOptions = Omit<WorkerStart, 'board'>;

/**
 * The main thread's end of one worker, which owns sockets and nothing else: opens and closes the real sessions for it. It can
 * only name sessions of its own, as their numbers are looked up here.
 */
export class WorkerLink implements SessionHost {
  readonly gateway: Gateway;
  readonly post: LinkPost;
  /** Base URL of the worker's listener. */
  readonly url: Promise<string>;
  /** Resolves to why, once the worker is no more and everything it had is closed here. */
  readonly ended: Promise<unknown>;
  readonly #formats: ReadonlyMap<string, WireFormat>;
  readonly #onBug: (error: unknown) => void;
  readonly #worker: Worker;
  readonly #board = new SinkBoard();
  readonly #sessions = new Map<number, LinkSession>();
  readonly #sinks: (RemoteSink | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #listening = Promise.withResolvers<string>();
  readonly #closed = Promise.withResolvers<void>();
  #connections = 0;
  /** Why it is about to end. */
  #cause: unknown;
  #isEnded = false;

  constructor({ gateway, formats, onBug }: LinkParts, start: StartOptions) {
    this.gateway = gateway;
    this.#formats = formats;
    this.#onBug = onBug;
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    this.#worker = new Worker(new URL(`./gateway-thread${ending}`, import.meta.url), {
      workerData: { ...start, board: this.#board.memory } satisfies WorkerStart,
      name: 'sluice-gateway',
      // Options of the command line that started the process, such as --input-type, are not for a file.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMebibytes },
    });
    this.post = new LinkPost(this.#worker, this.#board);
    this.url = this.#listening.promise;
    this.ended = this.#watch();
    this.url.catch(() => undefined);
  }

  /** Connections that stay open. */
  get connections(): number {
    return this.#connections;
  }

  route(routes: readonly Route[]): void {
    this.post.sayNow({ kind: 'routes', routes });
  }

  /** From now on new connections are shown this certificate. */
  renew(pair: KeyPair): void {
    this.post.sayNow({ kind: 'renew', pair });
  }

  /** Takes no more connections; resolves when the last one has ended, or the worker. */
  close(): Promise<void> {
    if (!this.#isEnded) this.post.sayNow({ kind: 'close' });
    return this.#closed.promise;
  }

  /** Ends the worker at once, whatever it is doing; its clients are cut. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  formatOf(name: string): WireFormat {
    const format = this.#formats.get(name);
    if (format === undefined) throw new Error(`No wire format is called ${name}.`);
    return format;
  }

  openSink(format: WireFormat, voice: SinkVoice): RemoteSink {
    const slot = this.#freeSlots.pop() ?? this.#sinks.length;
    if (slot >= maxSinks)
      throw new GatewayError('OVERLOADED', 'Too many readers are connected at this worker; come back later.', { retryAfter: 5000 });
    this.post.outgoing.reset(slot);
    const sink = new RemoteSink(format, slot, this.post.outgoing, voice);
    this.#sinks[slot] = sink;
    return sink;
  }

  closeSink({ slot }: RemoteSink): void {
    this.#sinks[slot] = undefined;
    this.#freeSlots.push(slot);
  }

  async #watch(): Promise<unknown> {
    const worker = this.#worker;
    worker.on('message', (messages: readonly FromWorker[]) => {
      for (const message of messages) this.#receive(message);
    });
    worker.on('messageerror', (error) => this.#onBug(error));
    worker.on('error', (error) => (this.#cause = error));
    const code = await new Promise<number>((resolve) => worker.once('exit', resolve));
    const cause = this.#cause ?? new Error(`The thread ended with code ${code}.`);
    this.#isEnded = true;
    for (const session of this.#sessions.values()) session.close();
    this.#sessions.clear();
    this.#connections = 0;
    this.#listening.reject(cause);
    this.#closed.resolve();
    return cause;
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'ask':
        this.#ask(message);
        break;
      case 'drained':
        for (const slot of message.slots) this.#sinks[slot]?.reader?.drained();
        break;
      case 'close':
        this.#close(message.session);
        break;
      case 'close-reader':
        this.#sessions.get(message.session)?.closeReader();
        break;
      case 'abort':
        this.#sessions.get(message.session)?.abort(message.request);
        break;
      case 'bug':
        this.#onBug(Object.assign(new Error(message.message), { stack: message.stack }));
        break;
      case 'listening':
        this.#listening.resolve(message.url);
        break;
      case 'failed':
        this.#cause = Object.assign(new Error(message.message), { code: message.code });
        break;
      case 'closed':
        this.#closed.resolve();
        break;
    }
  }

  #ask(ask: Ask): void {
    const { op, session: id } = ask;
    if (op === 'desk') {
      this.gateway.ask(ask.asked).then(
        (value) => this.#answer(ask, value),
        (error: unknown) => this.#refuse(ask, error),
      );
      return;
    }
    const session = op === 'connect' ? this.#open(id) : this.#sessions.get(id);
    if (session === undefined) {
      this.#refuse(ask, new GatewayError('BAD_REQUEST', 'The connection is closed.'));
      return;
    }
    session.answer(ask).then(
      (value) => {
        if (op === 'connect' && session.isStream) this.#connections += 1;
        this.#answer(ask, value);
      },
      (error: unknown) => this.#refuse(ask, error),
    );
  }

  #open(id: number): LinkSession {
    const session = new LinkSession(this, id);
    this.#sessions.set(id, session);
    return session;
  }

  #answer({ op, request }: Ask, value: Asks[keyof Asks]['answer']): void {
    const message: ToWorker = { kind: 'answer', request, value };
    // Who reads is known by a number that may have been another's.
    if (op === 'read') this.post.sayInOrder(message);
    else if (op === 'page') this.post.say(message, [(value as Asks['page']['answer']).events.drafts.bytes]);
    else this.post.say(message);
  }

  #refuse({ op, request, session }: Ask, error: unknown): void {
    const refusal = toGatewayError(error);
    if (refusal.code === 'INTERNAL') this.#onBug(error);
    if (op === 'connect') this.#sessions.delete(session);
    this.post.say({ kind: 'refusal', request, error: toPlainError(refusal) });
  }

  #close(id: number): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    if (session.isStream) this.#connections -= 1;
    session.close();
  }
}

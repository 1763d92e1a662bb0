import type { Gateway, Peer, Reader, Session } from '../core/entrypoint.ts';
import { GatewayError } from '../core/errors.ts';
import type { WireFormat } from '../core/event.ts';
import type { LinkPost } from './link-post.ts';
import type { Ask, Asks } from './messages.ts';
import { packEvents, unpackDrafts } from './packed-events.ts';
import { fromPlainError, toPlainError } from './plain-error.ts';
import type { RemoteSink, SinkVoice } from './remote-sink.ts';

/** What a worker's sessions share on the main thread. */
export interface SessionHost {
  readonly gateway: Gateway;
  readonly post: LinkPost;
  formatOf(name: string): WireFormat;
  /** Throws OVERLOADED when there are too many. */
  openSink(format: WireFormat, voice: SinkVoice): RemoteSink;
  closeSink(sink: RemoteSink): void;
}

type AskOf<Op extends keyof Asks> = Extract<Ask, { op: Op }>;

/** One session of a worker: the real one, and what the worker does with it. */
export class LinkSession implements SinkVoice, Peer {
  readonly #host: SessionHost;
  readonly #id: number;
  #session: Session | undefined;
  #reader: Reader | undefined;
  #sink: RemoteSink | undefined;
  /** Pages that are waited for, by request. */
  readonly #pages = new Map<number, AbortController>();
  #isStream = false;
  #isClosed = false;

  constructor(host: SessionHost, id: number) {
    this.#host = host;
    this.#id = id;
  }

  /** Its client is gone. */
  get destroyed(): boolean {
    return this.#isClosed;
  }

  /** Whether it is let in and stays open. */
  get isStream(): boolean {
    return this.#isStream;
  }

  answer(ask: Exclude<Ask, { op: 'desk' }>): Promise<Asks[keyof Asks]['answer']> {
    switch (ask.op) {
      case 'connect':
        return this.#connect(ask);
      case 'publish':
        return this.#publish(ask);
      case 'malformed':
        return this.#malformed(ask);
      case 'read':
        return this.#read(ask);
      case 'acknowledge':
        return this.#acknowledge(ask);
      case 'page':
        return this.#page(ask);
      case 'confirm':
        return this.#confirm(ask);
      case 'renew':
        return this.#renew(ask);
      case 'limits':
        return this.#limits();
    }
  }

  abort(request: number): void {
    this.#pages.get(request)?.abort();
  }

  holdSink(slot: number, error: GatewayError, until: number): void {
    const limits = this.#session?.limits();
    this.#host.post.sayInOrder({
      kind: 'hold',
      slot,
      error: toPlainError(error),
      until,
      limits: limits instanceof Promise ? undefined : limits,
    });
  }

  endSink(slot: number, reason: GatewayError): void {
    this.#host.post.sayInOrder({ kind: 'end-sink', slot, error: toPlainError(reason) });
  }

  closeReader(): void {
    this.#reader?.close();
    this.#reader = undefined;
    if (this.#sink !== undefined) this.#host.closeSink(this.#sink);
    this.#sink = undefined;
  }

  /** The client is gone, or its worker. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const page of this.#pages.values()) page.abort();
    this.#session?.close();
    this.closeReader();
  }

  async #connect({ hello }: AskOf<'connect'>): Promise<Asks['connect']['answer']> {
    const { gateway, post } = this.#host;
    const onEnd = (reason: GatewayError): void => post.sayInOrder({ kind: 'end-session', session: this.#id, error: toPlainError(reason) });
    const session = await gateway.connect({ ...hello, peer: this, onEnd });
    if (this.#isClosed) {
      session.close();
      throw gone();
    }
    this.#session = session;
    this.#isStream = hello.stream;
    const { subscription, address, defaults } = session;
    const mayRead = !hello.stream || session.mayRead;
    return { subscription, address, mayRead, defaults, limits: await session.limits() };
  }

  async #publish({ address, events }: AskOf<'publish'>): Promise<Asks['publish']['answer']> {
    const session = this.#open;
    const placed = await session.publish(address, unpackDrafts(events));
    return { placed, limits: await session.limits() };
  }

  async #malformed({ error }: AskOf<'malformed'>): Promise<undefined> {
    await this.#open.malformed(fromPlainError(error));
  }

  async #read({ options, format }: AskOf<'read'>): Promise<Asks['read']['answer']> {
    const session = this.#open;
    if (this.#sink !== undefined) throw new GatewayError('BAD_REQUEST', 'This connection reads already.');
    const sink = this.#host.openSink(this.#host.formatOf(format), this);
    this.#sink = sink;
    try {
      const reader = await session.read(options, sink);
      if (this.#isClosed) {
        reader.close();
        throw gone();
      }
      this.#reader = reader;
      sink.reader = reader;
      return { id: reader.id, slot: sink.slot };
    } catch (error) {
      this.closeReader();
      throw error;
    }
  }

  async #acknowledge({ position }: AskOf<'acknowledge'>): Promise<Asks['acknowledge']['answer']> {
    const refusal = await this.#reader?.confirm(position);
    return refusal && toPlainError(refusal);
  }

  async #page({ request, options }: AskOf<'page'>): Promise<Asks['page']['answer']> {
    const session = this.#open;
    const gone = new AbortController();
    this.#pages.set(request, gone);
    try {
      const { events, position } = await session.page({ ...options, signal: gone.signal });
      return { events: packEvents(events), position, limits: await session.limits() };
    } finally {
      this.#pages.delete(request);
    }
  }

  async #confirm({ name, position }: AskOf<'confirm'>): Promise<undefined> {
    await this.#open.confirm(name, position);
  }

  async #renew({ credential }: AskOf<'renew'>): Promise<undefined> {
    await this.#open.renew(credential);
  }

  async #limits(): Promise<Asks['limits']['answer']> {
    return this.#open.limits();
  }

  get #open(): Session {
    if (this.#session === undefined || this.#isClosed) throw gone();
    return this.#session;
  }
}

function gone(): GatewayError {
  return new GatewayError('BAD_REQUEST', 'The client is gone.');
}

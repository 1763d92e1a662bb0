import type { Placed } from '../core/backbone.ts';
import type { Credential, EventDefaults, Hello, Page, PageOptions, ReadOptions, Reader, Session, Sink } from '../core/entrypoint.ts';
import type { GatewayError } from '../core/errors.ts';
import type { EventDraft } from '../core/event.ts';
import type { LimitStatus } from '../core/policy.ts';
import type { LinkedSession, MainLink } from './main-link.ts';
import type { Admitted } from './messages.ts';
import { packDrafts, unpackEvents } from './packed-events.ts';
import { toPlainError } from './plain-error.ts';
import { RemoteReader } from './remote-reader.ts';

/** A session whose gateway is on the main thread. */
export class RemoteSession implements Session, LinkedSession {
  readonly #link: MainLink;
  readonly #hello: Hello;
  readonly #id: number;
  #admitted: Admitted | undefined;
  /** The limits as an answer of this turn told them. */
  #told: { readonly limits: readonly LimitStatus[]; readonly turn: number } | undefined;
  #sink: Sink | undefined;
  #reader: RemoteReader | undefined;
  #isClosed = false;

  private constructor(link: MainLink, hello: Hello) {
    this.#link = link;
    this.#hello = hello;
    this.#id = link.enter(this);
  }

  /** Rejects as `Gateway.connect` does. */
  static async connect(link: MainLink, hello: Hello): Promise<RemoteSession> {
    const session = new RemoteSession(link, hello);
    const { onEnd: _, peer, ...plain } = hello;
    const stopWatching = peer && link.peers.add(peer, () => session.close());
    try {
      await link.ask('connect', session.#id, { hello: plain }, (admitted) => session.#admit(admitted)).answer;
      return session;
    } catch (error) {
      link.forget(session.#id);
      throw error;
    } finally {
      stopWatching?.();
    }
  }

  get subscription(): string {
    return this.#known.subscription;
  }

  get address(): string {
    return this.#known.address;
  }

  get mayRead(): boolean {
    return this.#known.mayRead;
  }

  get defaults(): EventDefaults {
    return this.#known.defaults;
  }

  limits(): readonly LimitStatus[] | Promise<readonly LimitStatus[]> {
    if (this.#told?.turn === this.#link.turn) return this.#told.limits;
    return this.#link.ask('limits', this.#id, {}, (limits) => limits).answer;
  }

  publish(address: string, drafts: readonly EventDraft[]): Promise<readonly Placed[]> {
    const events = packDrafts(drafts);
    const take = ({ placed, limits }: { placed: readonly Placed[]; limits: readonly LimitStatus[] }): readonly Placed[] => {
      this.#tell(limits);
      return placed;
    };
    return this.#link.ask('publish', this.#id, { address, events }, take, [events.bytes]).answer;
  }

  /** Never rejects: what could not be counted is lost with the connection. */
  async malformed(error: GatewayError): Promise<void> {
    await this.#link.ask('malformed', this.#id, { error: toPlainError(error) }, () => undefined).answer.catch(() => undefined);
  }

  read(options: ReadOptions, sink: Sink): Promise<Reader> {
    return this.#link.ask('read', this.#id, { options, format: sink.format.name }, ({ id, slot }) => {
      this.#sink = sink;
      this.#reader = new RemoteReader(this.#link, { id, slot, session: this.#id });
      if (!this.#isClosed) this.#link.openSink(slot, sink, this);
      return this.#reader;
    }).answer;
  }

  async page({ signal, ...options }: PageOptions): Promise<Page> {
    const { request, answer } = this.#link.ask('page', this.#id, { options }, ({ events, position, limits }) => {
      this.#tell(limits);
      return { events: unpackEvents(events), position };
    });
    const onAbort = (): void => this.#link.say({ kind: 'abort', session: this.#id, request });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await answer;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  confirm(name: string, position: string): Promise<void> {
    return this.#link.ask('confirm', this.#id, { name, position }, () => undefined).answer;
  }

  renew(credential: Credential): Promise<void> {
    return this.#link.ask('renew', this.#id, { credential }, () => undefined).answer;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reader?.forget();
    this.#link.forget(this.#id);
    this.#link.say({ kind: 'close', session: this.#id });
  }

  ended(reason: GatewayError): void {
    this.#hello.onEnd?.(reason);
  }

  held(error: GatewayError, until: number, limits: readonly LimitStatus[] | undefined): void {
    if (limits !== undefined) this.#tell(limits);
    this.#sink?.hold?.(error, until);
  }

  #admit(admitted: Admitted): void {
    this.#admitted = admitted;
    this.#tell(admitted.limits);
  }

  #tell(limits: readonly LimitStatus[]): void {
    this.#told = { limits, turn: this.#link.turn };
  }

  get #known(): Admitted {
    if (this.#admitted === undefined) throw new Error('The session was not let in yet.');
    return this.#admitted;
  }
}

import type { Placed } from '../core/backbone.ts';
import type { Credential, EventDefaults, Hello, Page, PageOptions, ReadOptions, Reader, Session, Sink } from '../core/entrypoint.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { EventDraft } from '../core/event.ts';
import type { Meter } from '../core/meter.ts';
import type { ConnectionContext, LimitStatus } from '../core/policy.ts';
import { LiveReader } from '../core/reader.ts';
import type { Resource } from '../store/resources.ts';
import type { ApiRuntime, BoundSubscription, Catalogue } from './catalogue.ts';
import { compileFilter } from './filter.ts';
import type { Feeds } from './feeds.ts';
import { openAccount, readPage } from './reading.ts';
import { publishableBy, readableBy, usable } from './permission.ts';
import { publishEvents } from './publishing.ts';
import { refusalOf } from './refusal.ts';

/** What every session shares. */
export interface SessionServices {
  readonly catalogue: Catalogue;
  readonly feeds: Feeds;
  readonly meter: Meter;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  readonly now: () => number;
  readonly authenticate: (credential: Credential | undefined) => Resource<'credential'>;
}

/** Who a session is and what it was let in for. */
export interface Admission {
  readonly api: ApiRuntime;
  readonly address: string;
  readonly credential: Resource<'credential'>;
  /** The subscription whose connect stage was passed. */
  readonly subscription: BoundSubscription;
  readonly hello: Hello;
}

/** One authenticated connection or request, under the plan as it is now. */
export class GatewaySession implements Session {
  readonly #services: SessionServices;
  readonly #hello: Hello;
  readonly address: string;
  readonly #connectedAt: number;
  readonly #onClosed: (session: GatewaySession) => void;
  readonly #lease: { close(): void } | undefined;
  #api: ApiRuntime;
  #credential: Resource<'credential'>;
  #primary: BoundSubscription;
  #connection: ConnectionContext;
  #reader: { readonly live: LiveReader; readonly subscription: string } | undefined;
  #cancelExpiry: (() => void) | undefined;
  #ended: GatewayError | undefined;
  #isClosed = false;
  /** Whether the connect stage holds something that the disconnect stage gives back. */
  #isCounted = true;
  readonly #endListeners = new Set<(reason: GatewayError) => void>();

  constructor(services: SessionServices, admission: Admission, connection: ConnectionContext, onClosed: (session: GatewaySession) => void) {
    this.#services = services;
    this.#hello = admission.hello;
    this.address = admission.address;
    this.#api = admission.api;
    this.#credential = admission.credential;
    this.#primary = admission.subscription;
    this.#connection = connection;
    this.#connectedAt = connection.connectedAt;
    this.#onClosed = onClosed;
    this.#lease = admission.hello.stream ? services.meter.connected(connection.subscription, admission.hello.protocol) : undefined;
    this.#watchExpiry();
  }

  get apiName(): string {
    return this.#api.resource.name;
  }

  get defaults(): EventDefaults {
    const { contract, resource } = this.#api;
    const channel = contract.find(this.address);
    return { type: channel === undefined ? undefined : contract.defaultType(channel, this.#primary.context.as), source: resource.spec.path };
  }

  get mayRead(): boolean {
    try {
      readableBy(this.#mine(), this.#api, this.address);
      return true;
    } catch {
      return false;
    }
  }

  renew(credential: Credential): void {
    this.#checkOpen();
    const fresh = this.#services.authenticate(credential);
    usable(this.#api, fresh, this.#services.now());
    if (fresh.parent !== this.#credential.parent) throw new GatewayError('FORBIDDEN', 'A connection can only go on with a credential of the same application.');
    this.#credential = fresh;
    this.#watchExpiry();
  }

  limits(): readonly LimitStatus[] {
    return this.#primary.stages.status();
  }

  async publish(address: string, events: readonly EventDraft[]): Promise<readonly Placed[]> {
    this.#checkOpen();
    const subscription = publishableBy(this.#mine(), this.#api, address);
    return publishEvents({ meter: this.#services.meter, now: this.#services.now, api: this.#api, subscription, connection: this.#connectionOf(subscription), address, events });
  }

  async read(options: ReadOptions, sink: Sink): Promise<Reader> {
    this.#checkOpen();
    const subscription = readableBy(this.#mine(), this.#api, options.address);
    this.#checkRead(subscription, options.address);
    const filter = options.filter === undefined ? undefined : compileFilter(options.filter);
    const channel = { log: this.#api.log, address: options.address };
    const { feed, release } = await this.#services.feeds.borrow(this.#api.backbone, channel);
    try {
      const taken = (): void => this.#reader?.live.end(takenOver(options.name));
      const account = await openAccount(this.#services.meter, { api: this.#api, feed, subscription, protocol: this.#hello.protocol, options }, taken);
      if (this.#isClosed) {
        account.close();
        throw this.#ended ?? new GatewayError('BAD_REQUEST', 'The client is gone.');
      }
      const { id } = subscription.resource;
      const live = new LiveReader({
        feed,
        backbone: this.#api.backbone,
        account,
        sink,
        filter,
        governor: subscription.stages,
        schedule: this.#services.schedule,
        onLimited: ({ error }, events) => this.#recordLimit(id, error, events, options.address),
        onClosed: release,
      });
      this.#reader = { live, subscription: id };
      live.start();
      return live;
    } catch (error) {
      release();
      throw toGatewayError(error);
    }
  }

  async page(options: PageOptions): Promise<Page> {
    this.#checkOpen();
    const subscription = readableBy(this.#mine(), this.#api, options.address);
    this.#checkRead(subscription, options.address);
    const ended = new AbortController();
    const onEnd = (): void => ended.abort();
    this.#endListeners.add(onEnd);
    try {
      const page = await readPage(
        { meter: this.#services.meter, feeds: this.#services.feeds, api: this.#api, subscription, protocol: this.#hello.protocol },
        { ...options, signal: AbortSignal.any([options.signal, ended.signal]) },
        (error, events) => this.#recordLimit(subscription.resource.id, error, events, options.address),
      );
      this.#checkOpen();
      return page;
    } finally {
      this.#endListeners.delete(onEnd);
    }
  }

  async confirm(name: string, position: string): Promise<void> {
    this.#checkOpen();
    const subscription = readableBy(this.#mine(), this.#api, this.address);
    this.#checkRead(subscription, this.address);
    const { log, backbone } = this.#api;
    const place = await backbone.locate({ log, address: this.address }, { at: 'position', position });
    const known = await this.#services.meter.confirm({ subscription: subscription.resource.id, name, address: this.address, log }, place);
    if (!known) {
      throw new GatewayError('NOT_FOUND', `No reader named ${name} has read ${this.address} under this subscription; read with ?reader=${name} first.`);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelExpiry?.();
    this.#reader?.live.close();
    this.#lease?.close();
    if (this.#isCounted) this.#primary.stages.disconnect(this.#connection);
    this.#onClosed(this);
  }

  /** Ends the connection for a reason the client is told. */
  end(reason: GatewayError): void {
    if (this.#isClosed) return;
    this.#ended = reason;
    this.close();
    for (const listener of this.#endListeners) listener(reason);
    this.#hello.onEnd?.(reason);
  }

  /** The control plane changed something: applies new limits, ends what is no longer allowed. */
  revalidate(): void {
    try {
      this.#refresh();
    } catch (error) {
      this.end(toGatewayError(error));
    }
  }

  #refresh(): void {
    const { catalogue, now } = this.#services;
    const api = catalogue.api(this.#api.resource.name);
    if (api === undefined || api.log !== this.#api.log) throw new GatewayError('NOT_FOUND', 'This API is no longer served here.');
    const credential = catalogue.credential(this.#credential.id);
    usable(api, credential, now());
    this.#api = api;
    this.#credential = credential as Resource<'credential'>;
    const primary = catalogue.subscription(this.#primary.resource.id);
    if (primary?.resource.spec.state !== 'accepted') throw inactive(primary);
    if (primary !== this.#primary) this.#rebind(primary);
    const reader = this.#reader;
    if (reader !== undefined) {
      const subscription = readableBy(this.#mine(), api, this.address);
      this.#checkRead(subscription, this.address);
      if (subscription.resource.id !== reader.subscription) throw inactive(catalogue.subscription(reader.subscription));
      reader.live.govern(subscription.stages);
    }
  }

  /** A changed plan counts this connection anew; one that no longer fits ends. */
  #rebind(primary: BoundSubscription): void {
    this.#primary.stages.disconnect(this.#connection);
    this.#primary = primary;
    const connection = { ...this.#connection, subscription: primary.context };
    this.#connection = connection;
    const refusal = primary.stages.connect(connection);
    this.#isCounted = refusal === undefined;
    if (refusal !== undefined) throw refusal;
    this.#watchExpiry();
  }

  #watchExpiry(): void {
    this.#cancelExpiry?.();
    this.#cancelExpiry = undefined;
    if (!this.#hello.stream && this.#hello.protocol !== 'poll') return;
    const limit = this.#primary.stages.expiry(this.#connection);
    const { expiresAt } = this.#credential.spec;
    if (limit === undefined && expiresAt === undefined) return;
    const at = Math.min(limit?.at ?? Infinity, expiresAt ?? Infinity, this.#services.now() + recheck);
    this.#cancelExpiry = this.#services.schedule(at, () => this.#expire());
  }

  #expire(): void {
    const now = this.#services.now();
    const limit = this.#primary.stages.expiry(this.#connection);
    if (limit !== undefined && limit.at <= now) {
      this.#recordLimit(this.#primary.resource.id, limit.error, 0, this.address);
      this.end(limit.error);
    } else if ((this.#credential.spec.expiresAt ?? Infinity) <= now) {
      this.revalidate();
    } else {
      this.#watchExpiry();
    }
  }

  #mine(): readonly BoundSubscription[] {
    const { application, api } = this.#primary.resource.spec;
    return this.#services.catalogue.subscriptions(application, api);
  }

  #connectionOf(subscription: BoundSubscription): ConnectionContext {
    if (subscription === this.#primary) return this.#connection;
    return { protocol: this.#hello.protocol, subscription: subscription.context, stream: this.#hello.stream, connectedAt: this.#connectedAt };
  }

  #checkRead(subscription: BoundSubscription, address: string): void {
    const refusal = subscription.stages.read(this.#connectionOf(subscription), address);
    if (refusal === undefined) return;
    this.#record(subscription, 'read', refusal, 0, address);
    throw refusal;
  }

  #recordLimit(id: string, error: GatewayError, events: number, address: string): void {
    const subscription = this.#services.catalogue.subscription(id);
    if (subscription !== undefined) this.#record(subscription, 'deliver', error, events, address);
  }

  #record(subscription: BoundSubscription, stage: 'read' | 'deliver', error: GatewayError, events: number, address: string): void {
    this.#services.meter.refused(refusalOf(subscription, { stage, error, events, address, protocol: this.#hello.protocol }));
  }

  #checkOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#isClosed) throw new GatewayError('BAD_REQUEST', 'The connection is closed.');
  }
}

/** Milliseconds after which an expiry is asked for again: connections that share a limit move it. */
const recheck = 1000;

function takenOver(name: string | undefined): GatewayError {
  return new GatewayError('READER_TAKEN', `Another connection goes on as the reader ${name}; give each consumer a reader name of its own.`);
}

function inactive(subscription: BoundSubscription | undefined): GatewayError {
  const state = subscription?.resource.spec.state ?? 'closed';
  const reason = subscription?.resource.spec.reason;
  return new GatewayError('SUBSCRIPTION_INACTIVE', `The subscription is ${state}${reason === undefined ? '' : `: ${reason}`}.`, { details: { state } });
}

import type { Placed } from '../core/backbone.ts';
import type { Credential, EventDefaults, Hello, Page, PageOptions, ReadOptions, Reader, Session, Sink } from '../core/entrypoint.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { EventDraft } from '../core/event.ts';
import type { Meter } from '../core/meter.ts';
import type { ConnectionContext, LimitStatus } from '../core/policy.ts';
import { LiveReader } from '../core/reader.ts';
import type { Precedence } from '../core/precedence.ts';
import type { Turns } from '../core/turns.ts';
import type { Resource } from '../store/resources.ts';
import type { ApiRuntime, BoundSubscription, Catalogue } from './catalogue.ts';
import type { Feeds } from './feeds.ts';
import type { LostReaders } from './lost-readers.ts';
import { openAccount, takenOver } from './open-account.ts';
import { readPage } from './paging.ts';
import { decodeAddress } from './path.ts';
import { admittedBy, inactive, publishableBy, readableBy, usable } from './permission.ts';
import { publishEvents } from './publishing.ts';
import { refusalOf, type Refused } from './refusal.ts';
import { scopeRefusal, type Access } from './scope.ts';
import { formatOf, type Views } from './view.ts';

/** What every session shares. */
export interface SessionServices {
  readonly catalogue: Catalogue;
  readonly feeds: Feeds;
  readonly views: Views;
  readonly lost: LostReaders;
  readonly meter: Meter;
  readonly turns: Turns;
  readonly precedence: Precedence;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  readonly now: () => number;
  /** Throws UNAUTHENTICATED; a ticket is good for the named API only. */
  readonly authenticate: (credential: Credential | undefined, api: string) => Resource<'credential'>;
  /** A credential was used: for `last used`. */
  readonly onUsed: (credential: string) => void;
  /** A thrown bug, for the operator's log. */
  readonly onBug: (error: unknown) => void;
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
  readonly address: string;
  readonly #protocol: string;
  readonly #onEnd: Hello['onEnd'];
  readonly #onClosed: (session: GatewaySession) => void;
  readonly #lease: { close(): void } | undefined;
  #api: ApiRuntime;
  #credential: Resource<'credential'>;
  #primary: BoundSubscription;
  #connection: ConnectionContext;
  #reader: LiveReader | undefined;
  /** Id of the subscription it reads under, while it reads or waits for a page. */
  #readsAs: string | undefined;
  #cancelExpiry: (() => void) | undefined;
  #ended: GatewayError | undefined;
  #isClosed = false;
  /** Whether the connect stage holds something that the disconnect stage gives back. */
  #isCounted = true;
  /** Pages that wait; most sessions have none. */
  #waitingPages: Set<AbortController> | undefined;

  constructor(services: SessionServices, admission: Admission, connection: ConnectionContext, onClosed: (session: GatewaySession) => void) {
    this.#services = services;
    this.address = admission.address;
    this.#api = admission.api;
    this.#credential = admission.credential;
    this.#primary = admission.subscription;
    this.#connection = connection;
    // Nothing else of the hello is kept: neither key nor path.
    this.#protocol = admission.hello.protocol;
    this.#onEnd = admission.hello.onEnd;
    this.#onClosed = onClosed;
    this.#lease = admission.hello.stream ? services.meter.connected(connection.subscription, admission.hello.protocol) : undefined;
    this.#watchExpiry();
  }

  get subscription(): string {
    return this.#primary.resource.id;
  }

  get apiName(): string {
    return this.#api.resource.name;
  }

  get defaults(): EventDefaults {
    const { contract, resource } = this.#api;
    const channel = contract.find(this.address);
    return {
      type: channel === undefined ? undefined : contract.defaultType(channel, this.#primary.context.as),
      source: resource.spec.path,
    };
  }

  get mayRead(): boolean {
    try {
      const subscription = readableBy(this.#mine(), this.#api, this.address);
      return subscription.stages.read(this.#connectionOf(subscription), this.address) === undefined || !this.#mayPublish;
    } catch {
      return !this.#mayPublish;
    }
  }

  get #mayPublish(): boolean {
    try {
      publishableBy(this.#mine(), this.#api, this.address);
      return true;
    } catch {
      return false;
    }
  }

  renew(credential: Credential): void {
    this.#checkOpen();
    const fresh = this.#services.authenticate(credential, this.apiName);
    usable(this.#api, fresh, this.#services.now());
    if (fresh.parent !== this.#credential.parent)
      throw new GatewayError('FORBIDDEN', 'A connection can only go on with a credential of the same application.');
    this.#credential = fresh;
    this.#services.onUsed(fresh.id);
    this.#watchExpiry();
  }

  limits(): readonly LimitStatus[] {
    return this.#primary.stages.status();
  }

  async publish(address: string, events: readonly EventDraft[]): Promise<readonly Placed[]> {
    this.#checkOpen();
    // An address that did not come by a path must be one that a path could name, or nobody could ever read it.
    if (address !== this.address) decodeAddress(address.split('/').map(encodeURIComponent));
    const subscription = publishableBy(this.#scoped(address, 'publish', events.length), this.#api, address);
    const { meter, precedence, now } = this.#services;
    const connection = this.#connectionOf(subscription);
    return publishEvents({ meter, precedence, now, api: this.#api, subscription, connection, publisher: this, address, events });
  }

  malformed(error: GatewayError): void {
    this.#record(this.#primary, { stage: 'publish', error, events: 1, address: this.address });
  }

  async read(options: ReadOptions, sink: Sink): Promise<Reader> {
    this.#checkOpen();
    const subscription = this.#reads(options.address);
    const { feeds, views, lost, meter, turns, schedule, onBug } = this.#services;
    const view = views.of(options);
    const { feed, release } = await feeds.borrow(this.#api.backbone, { log: this.#api.log, address: options.address });
    try {
      let taken: GatewayError | undefined;
      const onTaken = (): void => {
        taken = takenOver(options.name);
        this.#reader?.end(taken);
      };
      const account = await openAccount(
        { meter, lost, api: this.#api, feed, subscription, protocol: this.#protocol, view, options },
        onTaken,
      );
      if (this.#isClosed || taken !== undefined) {
        account.close();
        throw taken ?? this.#ended ?? new GatewayError('BAD_REQUEST', 'The client is gone.');
      }
      const { id } = subscription.resource;
      const live = new LiveReader({
        feed,
        backbone: this.#api.backbone,
        account,
        sink,
        format: formatOf(view, sink.format),
        filter: view.filter,
        // The plan may have changed while the account was opened.
        governor: (this.#services.catalogue.subscription(id) ?? subscription).stages,
        turns,
        schedule,
        onBug,
        onLimited: ({ error }, events) => this.#recordLimit(id, error, events, options.address),
        onClosed: release,
      });
      this.#reader = live;
      // A little later: whoever asked has the reader in hand before the first event, or the end, comes.
      process.nextTick(startReader, live);
      return live;
    } catch (error) {
      release();
      throw toGatewayError(error);
    }
  }

  async page(options: PageOptions): Promise<Page> {
    this.#checkOpen();
    const subscription = this.#reads(options.address);
    const { id } = subscription.resource;
    const { catalogue, feeds, views, lost, meter } = this.#services;
    const view = views.of(options);
    const ended = new AbortController();
    this.#waitingPages ??= new Set();
    this.#waitingPages.add(ended);
    try {
      const page = await readPage(
        {
          meter,
          lost,
          feeds,
          api: this.#api,
          subscription: () => catalogue.subscription(id) ?? subscription,
          protocol: this.#protocol,
          view,
        },
        { ...options, signal: AbortSignal.any([options.signal, ended.signal]) },
        (error, events) => this.#recordLimit(id, error, events, options.address),
      );
      this.#checkOpen();
      return page;
    } finally {
      this.#waitingPages.delete(ended);
    }
  }

  async confirm(name: string, position: string): Promise<void> {
    this.#checkOpen();
    const subscription = this.#reads(this.address);
    const { log, backbone } = this.#api;
    const place = await backbone.locate({ log, address: this.address }, { at: 'position', position });
    const known = await this.#services.meter.confirm({ subscription: subscription.resource.id, name, address: this.address, log }, place);
    if (!known) {
      throw new GatewayError(
        'NOT_FOUND',
        `No reader named ${name} has read ${this.address} under this subscription; read with ?reader=${name} first.`,
      );
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelExpiry?.();
    this.#reader?.close();
    this.#lease?.close();
    if (this.#isCounted) this.#primary.stages.disconnect(this.#connection);
    this.#onClosed(this);
  }

  /** Ends the connection for a reason the client is told. */
  end(reason: GatewayError): void {
    if (this.#isClosed) return;
    this.#ended = reason;
    this.close();
    for (const page of this.#waitingPages ?? []) page.abort();
    this.#onEnd?.(reason);
  }

  /** The control plane changed something: applies new limits, ends what is no longer allowed. */
  revalidate(): void {
    if (this.#isClosed) return;
    try {
      this.#refresh();
    } catch (error) {
      const reason = toGatewayError(error);
      this.#record(this.#primary, { stage: 'connect', error: reason, events: 0, address: this.address });
      this.end(reason);
    }
  }

  #refresh(): void {
    const { catalogue, now } = this.#services;
    const api = catalogue.api(this.#api.resource.name);
    if (api === undefined || api.log !== this.#api.log) throw new GatewayError('NOT_FOUND', 'This API is no longer served here.');
    const credential = catalogue.credential(this.#credential.id);
    usable(api, credential, now());
    checkPlace(this.#api, api, this.#protocol);
    const isRotated = credential !== this.#credential;
    this.#api = api;
    this.#credential = credential as Resource<'credential'>;
    const primary = catalogue.subscription(this.#primary.resource.id);
    if (primary?.resource.spec.state !== 'accepted') throw inactive(primary);
    if (primary !== this.#primary) this.#rebind(primary);
    else if (isRotated) this.#watchExpiry();
    if (this.#readsAs === undefined) admittedBy(this.#mine(), api, this.address, this.#protocol);
    else this.#refreshReading(this.#readsAs);
  }

  #refreshReading(id: string): void {
    const subscription = readableBy(this.#mine(), this.#api, this.address);
    if (subscription.resource.id !== id) throw inactive(this.#services.catalogue.subscription(id));
    const refusal = subscription.stages.read(this.#connectionOf(subscription), this.address);
    if (refusal !== undefined) throw refusal;
    this.#reader?.govern(subscription.stages);
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
    if (!this.#connection.stream && this.#protocol !== 'poll') return;
    const { stages } = this.#primary;
    const limit = stages.expiry(this.#connection)?.at ?? Infinity;
    const look = stages.expiryMoves ? this.#services.now() + recheck : Infinity;
    const at = Math.min(limit, look, this.#credential.spec.expiresAt ?? Infinity);
    if (at === Infinity) return;
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
    return {
      protocol: this.#protocol,
      subscription: subscription.context,
      stream: this.#connection.stream,
      connectedAt: this.#connection.connectedAt,
    };
  }

  /** The subscription that may read an address now. */
  #reads(address: string): BoundSubscription {
    const subscription = readableBy(this.#scoped(address, 'read', 0), this.#api, address);
    const refusal = subscription.stages.read(this.#connectionOf(subscription), address);
    if (refusal !== undefined) throw this.#record(subscription, { stage: 'read', error: refusal, events: 0, address });
    this.#readsAs = subscription.resource.id;
    return subscription;
  }

  /** The application's subscriptions, where one may go there at all. */
  #scoped(address: string, stage: Access, events: number): readonly BoundSubscription[] {
    const mine = this.#mine();
    const error = scopeRefusal(mine, [stage], address);
    if (error !== undefined) throw this.#record(this.#primary, { stage, error, events, address });
    return mine;
  }

  #recordLimit(id: string, error: GatewayError, events: number, address: string): void {
    const subscription = this.#services.catalogue.subscription(id);
    if (subscription !== undefined) this.#record(subscription, { stage: 'deliver', error, events, address });
  }

  #record(subscription: BoundSubscription, decision: Omit<Refused, 'protocol'>): GatewayError {
    this.#services.meter.refused(refusalOf(subscription, { ...decision, protocol: this.#protocol }));
    return decision.error;
  }

  #checkOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#isClosed) throw new GatewayError('BAD_REQUEST', 'The connection is closed.');
  }
}

function startReader(reader: LiveReader): void {
  reader.start();
}

/** Milliseconds after which an expiry that other connections move is asked for again. */
const recheck = 1000;

/** An API that moved away, or gave up the protocol, is no longer at what this client connected to. */
function checkPlace(before: ApiRuntime, { resource: { name, spec } }: ApiRuntime, protocol: string): void {
  if (spec.path !== before.resource.spec.path) throw new GatewayError('NOT_FOUND', `The API ${name} has moved to ${spec.path}.`);
  if (!spec.entrypoints.includes(protocol))
    throw new GatewayError('NOT_ACCEPTABLE', `The API ${name} no longer offers ${protocol}; it offers ${spec.entrypoints.join(', ')}.`);
}

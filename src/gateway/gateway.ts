import { isPattern } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { DeskAnswer, DeskRequest } from '../core/desk.ts';
import type { Credential, Gateway, Hello, RouteInfo, Session } from '../core/entrypoint.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { Event } from '../core/event.ts';
import type { Meter } from '../core/meter.ts';
import type { ConnectionContext } from '../core/policy.ts';
import { Precedence } from '../core/precedence.ts';
import { Turns } from '../core/turns.ts';
import { hashApiKey } from '../store/api-key.ts';
import type { Resource } from '../store/resources.ts';
import { anonymousReader } from './anonymous-reader.ts';
import type { ApiRuntime, BoundSubscription, Catalogue } from './catalogue.ts';
import { ConnectLine } from './connect-line.ts';
import { Feeds } from './feeds.ts';
import { LostReaders } from './lost-readers.ts';
import { routeOf } from './desk-route.ts';
import { decodeAddress } from './path.ts';
import { admittedBy, usable } from './permission.ts';
import { newestPage, type NewestRequest } from './newest-page.ts';
import { openPushReader, type PushReader, type PushRequest } from './push-access.ts';
import { reasonOf } from './refusal.ts';
import { scopeRefusal, type Access } from './scope.ts';
import { GatewaySession, type SessionServices } from './session.ts';
import { Sessions } from './sessions.ts';
import { openSource, type SourceAccess, type SourceRequest } from './source-access.ts';
import type { Tickets } from './tickets.ts';
import { Views } from './view.ts';

export interface GatewayParts {
  readonly catalogue: Catalogue;
  readonly meter: Meter;
  readonly tickets: Tickets;
  readonly clock: Clock;
  readonly random: () => number;
  /** Most connections that wait to be let in. */
  readonly mostWaiting?: number | undefined;
  readonly schedule: (at: number, callback: () => void) => () => void;
  /** Base URL of the gateway as clients see it; undefined: as each request names it. */
  readonly publicUrl?: string | undefined;
  /** A credential was used: for `last used`. */
  readonly onUsed: (credential: string) => void;
  /** A thrown bug, for the operator's log. */
  readonly onBug: (error: unknown) => void;
}

/** Lets connections in under their plan and keeps track of those that stay. */
export class EventGateway implements Gateway {
  readonly #parts: GatewayParts;
  readonly #feeds: Feeds;
  readonly #sessions = new Sessions();
  readonly #line: ConnectLine;
  readonly #services: SessionServices;
  readonly #onClosed = (session: GatewaySession): void => this.#sessions.remove(session);
  #ask: Gateway['ask'] | undefined;
  #isDraining = false;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#feeds = new Feeds(() => parts.meter.openTally());
    const precedence = new Precedence();
    this.#line = new ConnectLine({ ...parts, precedence });
    const { catalogue, meter, schedule, clock, onUsed, onBug } = parts;
    this.#services = {
      catalogue,
      feeds: this.#feeds,
      views: new Views(),
      lost: new LostReaders(),
      meter,
      turns: new Turns(precedence),
      precedence,
      schedule,
      now: () => clock.now(),
      authenticate: (credential, api) => this.#authenticate(credential, api),
      onUsed,
      onBug,
    };
    parts.catalogue.onChange(() => this.#sessions.revalidate());
  }

  /** True once draining: no new clients. */
  get draining(): boolean {
    return this.#isDraining;
  }

  /** Connections that stay open, of one API or of all. */
  connections(api?: string): number {
    return api === undefined ? this.#sessions.size : this.#sessions.count(api);
  }

  /** Connections that wait to be let in. */
  get waiting(): number {
    return this.#line.waiting;
  }

  route(path: string): RouteInfo | undefined {
    const found = this.#parts.catalogue.route(path);
    return routeOf(path, found && { info: found.api.resource.spec, rest: found.rest }, this.#parts.publicUrl);
  }

  /** From now on this answers what is asked at desks. */
  openDesks(ask: Gateway['ask']): void {
    this.#ask = ask;
  }

  async ask(request: DeskRequest): Promise<DeskAnswer> {
    // Before the desks are open it has only just begun to listen.
    if (this.#isDraining || this.#ask === undefined) throw restarting();
    return await this.#ask(request);
  }

  /** Whose credential it is, where it may be used for an API at all; throws what a client would be told. */
  identify(credential: Credential | undefined, api: ApiRuntime): Resource<'credential'> {
    const found = this.#authenticate(credential, api.resource.name);
    usable(api, found, this.#parts.clock.now());
    this.#parts.onUsed(found.id);
    return found;
  }

  async connect(hello: Hello): Promise<Session> {
    const turn = hello.stream && !this.#isDraining ? this.#line.enter(hello.peer) : undefined;
    if (turn !== undefined) await this.#wait(turn, hello);
    if (this.#isDraining) throw restarting();
    const found = this.#parts.catalogue.route(hello.path);
    let credential: Resource<'credential'> | undefined;
    try {
      if (found === undefined) throw new GatewayError('NOT_FOUND', 'No API is served at this path.');
      credential = anonymousReader(hello, found.api.resource) ?? this.#authenticate(hello.credential, found.api.resource.name);
      return this.#admit(hello, found.api, found.rest, credential);
    } catch (error) {
      const refusal = toGatewayError(error);
      this.#record(hello, found?.api, credential?.parent, refusal);
      throw refusal;
    }
  }

  /** Opens a reader whose events are pushed; rejects with what a client would be told. */
  async openPushReader(request: PushRequest): Promise<PushReader> {
    if (this.#isDraining) throw restarting();
    return await openPushReader(this.#services, request);
  }

  /** Shows a subscriber the newest events of a type, newest first, as its plan lets it; rejects with what a client would be told. */
  async newest(request: NewestRequest): Promise<readonly Event[]> {
    if (this.#isDraining) throw restarting();
    return await newestPage(this.#services, request);
  }

  /** The way in for webhooks of other providers, which show no key. */
  openSource(request: SourceRequest): SourceAccess {
    return openSource(this.#services, request);
  }

  /** Tells every open connection to come back later, evenly over `window` milliseconds; resolves when all have been told. */
  async drain(window: number, signal: AbortSignal): Promise<void> {
    this.#isDraining = true;
    this.#line.close(restarting());
    await this.#sessions.drain(window, this.#parts.random, signal);
    await this.#feeds.close();
  }

  async #wait(turn: Promise<void>, hello: Hello): Promise<void> {
    try {
      await turn;
    } catch (error) {
      const refusal = toGatewayError(error);
      if (refusal.code === 'OVERLOADED') this.#record(hello, undefined, undefined, refusal);
      throw refusal;
    }
  }

  #admit(hello: Hello, api: ApiRuntime, rest: readonly string[], credential: Resource<'credential'>): Session {
    const { catalogue, clock } = this.#parts;
    const now = clock.now();
    usable(api, credential, now);
    if (!api.resource.spec.entrypoints.includes(hello.protocol)) {
      throw new GatewayError(
        'NOT_ACCEPTABLE',
        `The API ${api.resource.name} does not offer ${hello.protocol}; it offers ${api.resource.spec.entrypoints.join(', ')}.`,
      );
    }
    const address = decodeAddress(rest);
    const mine = catalogue.subscriptions(credential.parent, api.resource.name);
    const outside = scopeRefusal(mine, wantedBy(hello.protocol, address), address);
    if (outside !== undefined) throw outside;
    const subscription = admittedBy(mine, api, address, hello.protocol);
    const connection: ConnectionContext = {
      protocol: hello.protocol,
      subscription: subscription.context,
      credential: credential.spec.kind,
      stream: hello.stream,
      connectedAt: now,
    };
    const refusal = this.#scoped(subscription, connection, address) ?? subscription.stages.connect(connection);
    if (refusal !== undefined) throw refusal;
    if (hello.credential !== undefined) this.#parts.onUsed(credential.id);
    const session = new GatewaySession(this.#services, { api, address, credential, subscription, hello }, connection, this.#onClosed);
    if (hello.stream || hello.protocol === 'poll') this.#sessions.add(session);
    return session;
  }

  /** A stream that may read nothing of what it names is refused at the door, not after it. */
  #scoped(subscription: BoundSubscription, connection: ConnectionContext, address: string): GatewayError | undefined {
    return isPattern(address) ? subscription.stages.read(connection, address) : undefined;
  }

  #authenticate(credential: Credential | undefined, api: string): Resource<'credential'> {
    if (credential === undefined) {
      throw new GatewayError(
        'UNAUTHENTICATED',
        'Send an API key as Authorization: Bearer or X-API-Key, or a single-use ticket as ?ticket=.',
      );
    }
    const { catalogue, tickets } = this.#parts;
    if (credential.kind === 'ticket') {
      const meaning = tickets.redeem(credential.value);
      const found = meaning === undefined ? undefined : catalogue.credential(meaning.credential);
      if (found === undefined || (meaning?.api ?? api) !== api)
        throw new GatewayError('UNAUTHENTICATED', 'This ticket is unknown, used, older than 30 seconds or for another API; get a new one.');
      return found;
    }
    const found = catalogue.credentialByHash(hashApiKey(credential.value));
    if (found === undefined) throw new GatewayError('UNAUTHENTICATED', 'This API key is not known here.');
    return found;
  }

  #record(hello: Hello, api: ApiRuntime | undefined, application: string | undefined, error: GatewayError): void {
    const name = api?.resource.name;
    const subscription =
      application === undefined || name === undefined ? undefined : this.#parts.catalogue.subscriptions(application, name)[0];
    this.#parts.meter.refused({
      tenant: api?.resource.tenant ?? 'default',
      application,
      subscription: subscription?.resource.id,
      api: name,
      plan: subscription?.context.plan,
      protocol: hello.protocol,
      address: undefined,
      stage: 'connect',
      code: error.code,
      reason: reasonOf(error),
      sentence: error.message,
      events: 0,
      retryAfter: error.retryAfter,
    });
  }
}

/** What a connection is for; of one that may read and publish either is enough. */
function wantedBy(protocol: string, address: string): readonly [Access, ...Access[]] {
  if (protocol === 'publish') return ['publish'];
  return protocol === 'websocket' && !isPattern(address) ? ['read', 'publish'] : ['read'];
}

function restarting(): GatewayError {
  return new GatewayError('RESTARTING', 'The gateway is restarting; come back in a moment.', { retryAfter: 2000 });
}

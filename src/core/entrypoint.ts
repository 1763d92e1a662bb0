import type { Placed } from './backbone.ts';
import type { DeskAnswer, DeskRequest } from './desk.ts';
import type { GatewayError } from './errors.ts';
import type { Event, EventDraft, WireFormat } from './event.ts';
import type { FlushBound, LimitStatus } from './policy.ts';
import type { Position, StartFrom } from './position.ts';

/** The writing end of one client. */
export interface Sink {
  readonly format: WireFormat;
  /** Takes n events as one buffer it must not change. False: taken, but hold the next back until `reader.drained()`. */
  write(buffer: Buffer, n: number): boolean;
  /** Bytes taken and not yet handed to the kernel. */
  readonly buffered: number;
  /** A limit holds delivery until `until` (wall time in milliseconds): tell the client where its protocol has words for it. */
  hold?(error: GatewayError, until: number): void;
  /** Says why in the protocol's own words and closes. Called once. */
  end(reason: GatewayError): void;
}

/** What a client asked to read. */
export interface ReadOptions {
  /** Decoded address or pattern. */
  readonly address: string;
  /** Where a reader without a cursor begins. */
  readonly from: StartFrom;
  /** What the client has seen up to (`Last-Event-ID`, a `next` link): resumes, and confirms for a durable reader. */
  readonly resume?: string | undefined;
  /** Name of a durable reader. */
  readonly name?: string | undefined;
  /** CEL expression over attributes and data. */
  readonly filter?: string | undefined;
  readonly view?: ViewRequest | undefined;
}

/** How much of the events a client wants to see, as it was written; docs/reference/views.md says what may be. The gateway reads it. */
export interface ViewRequest {
  /** Members of the data, as `a,b.c`. */
  readonly fields?: string | undefined;
  /** Share of the events, as `0.1` or `1/10`. */
  readonly sample?: string | undefined;
  /** At most one flush in this interval, as `1s`. */
  readonly conflate?: string | undefined;
  /** What makes events versions of the same thing, as `subject` or `data.symbol`. */
  readonly by?: string | undefined;
  /** `patch`: events as changes of the last one of the same key. */
  readonly delta?: string | undefined;
}

export interface Reader {
  readonly id: string;
  /** Says how its events are gathered into writes, where the gateway is of this thread. */
  readonly governor?: { readonly flush?: FlushBound | undefined };
  /** The sink can take more. */
  drained(): void;
  /** A durable reader's consumer has dealt with everything up to here. Returns the refusal when the position is not of this reader. */
  confirm(position: string): GatewayError | undefined | Promise<GatewayError | undefined>;
  /** The client is gone. */
  close(): void;
}

export interface PageOptions extends ReadOptions {
  readonly limit: number;
  /** Milliseconds to wait for the first event; 0: answer at once. */
  readonly wait: number;
  /** The client went away while waiting. */
  readonly signal: AbortSignal;
}

export interface Page {
  readonly events: readonly Event[];
  /** What the next page is read after. */
  readonly position: Position;
}

/** A client's socket, as far as seeing goes whether it is still there; a half that has ended counts as gone. */
export interface Peer {
  readonly destroyed: boolean;
  readonly readableEnded?: boolean;
}

/** Who knocks: what an entrypoint found in the handshake. */
export interface Hello {
  readonly protocol: string;
  /** Path on the gateway without query, still percent-encoded: names API and address. */
  readonly path: string;
  readonly credential: Credential | undefined;
  /** Whether the connection stays open; single requests do not count as connections. */
  readonly stream: boolean;
  /** The client's socket: who is gone when it is his turn to be let in is passed over. */
  readonly peer?: Peer | undefined;
  /** Called when the gateway ends the session: revoked key, duration over, restart. */
  readonly onEnd?: ((reason: GatewayError) => void) | undefined;
}

export type Credential =
  | { readonly kind: 'api-key'; readonly value: string }
  | { readonly kind: 'bearer'; readonly value: string }
  | { readonly kind: 'ticket'; readonly value: string };

/**
 * One authenticated connection or request. Methods throw or reject with GatewayError only. Where a promise is only one of two
 * answers, it comes from a session that lives in another thread.
 */
export interface Session {
  /** Id of the subscription it was admitted under. */
  readonly subscription: string;
  /** Decoded address or pattern from the path. */
  readonly address: string;
  /** Whether reading is to be tried: false only for a connection that may publish here and not read. */
  readonly mayRead: boolean;
  limits(): readonly LimitStatus[] | Promise<readonly LimitStatus[]>;
  /** Attributes a plain JSON body gets on this channel. */
  readonly defaults: EventDefaults;
  publish(address: string, events: readonly EventDraft[]): Promise<readonly Placed[]>;
  /** Something offered for publishing could not even be read as events: counted like any other refusal. */
  malformed(error: GatewayError): void | Promise<void>;
  /** Rejects when refused; from then on the reader writes to the sink. */
  read(options: ReadOptions, sink: Sink): Promise<Reader>;
  page(options: PageOptions): Promise<Page>;
  /** Moves a durable reader's cursor without an open connection. */
  confirm(name: string, position: string): Promise<void>;
  /** Goes on under another credential of the same application, before the present one ends. */
  renew(credential: Credential): void | Promise<void>;
  close(): void;
}

/** What the contract says about an event sent without an envelope. */
export interface EventDefaults {
  readonly type: string | undefined;
  readonly source: string;
}

/** Rules for browsers of one API; undefined: no cross-origin access. */
export interface Cors {
  readonly origins: readonly string[];
  readonly maxAge: number;
}

/** What HTTP needs to know about a path before anybody is authenticated. */
export interface RouteInfo {
  readonly cors: Cors | undefined;
  readonly entrypoints: readonly string[];
  /** Largest accepted body or message in bytes. */
  readonly maxEventBytes: number;
  /** The path is not a channel's: what is asked there goes to a desk. */
  readonly isDesk?: boolean;
  /** Path of the WebSub hub of this channel, and the gateway's base URL where that is not what each request names; undefined: it has none. */
  readonly hub?: { readonly path: string; readonly origin: string | undefined } | undefined;
}

/** The gateway as an entrypoint sees it. */
export interface Gateway {
  route(path: string): RouteInfo | undefined;
  /** Resolves to a session or rejects with UNAUTHENTICATED, FORBIDDEN, CHANNEL_NOT_FOUND, LIMIT_REACHED, … */
  connect(hello: Hello): Promise<Session>;
  /** Asks a desk; rejects with GatewayError. */
  ask(request: DeskRequest): Promise<DeskAnswer>;
}

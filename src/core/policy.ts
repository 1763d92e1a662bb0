import type { Clock } from './clock.ts';
import type { GatewayError } from './errors.ts';
import type { EventDraft } from './event.ts';

/** The subscription a policy is bound to: who it is for, under which plan. */
export interface SubscriptionContext {
  readonly tenant: string;
  readonly id: string;
  readonly application: string;
  readonly api: string;
  /** Undefined for a provider without a plan. */
  readonly plan: string | undefined;
  readonly as: 'client' | 'provider';
  /** Address patterns that narrow what the contract permits. */
  readonly allow: { readonly publish: readonly string[]; readonly read: readonly string[] };
}

/** One connection (or one plain request) of a subscription. */
export interface ConnectionContext {
  readonly protocol: string;
  readonly subscription: SubscriptionContext;
  /** Whether it stays open: streams count as connections, single requests do not. */
  readonly stream: boolean;
  /** Wall time in milliseconds. */
  readonly connectedAt: number;
  /** What proved the application's identity, also when it travelled as a bearer token or was exchanged for a ticket: `api-key`, `jwt`, … */
  readonly credential?: string | undefined;
}

/** What becomes of a reader whose outbox is full. */
export type Overflow = 'pause' | 'drop-oldest' | 'conflate' | 'disconnect';

/** How much may wait for one reader's socket, in bytes or events, and what happens past it. */
export interface OutboxBound {
  readonly maxBytes: number | undefined;
  readonly maxEvents: number | undefined;
  readonly overflow: Overflow;
}

/** How much may go out in one write, and how long an event may wait for others to share it. */
export interface FlushBound {
  /** Milliseconds. */
  readonly maxDelay: number;
  readonly maxBytes: number;
  readonly maxEvents: number;
}

/** Why a limit stopped a reader, and what to do with it: end the connection, or hold delivery until `until`. */
export interface LimitAnswer {
  readonly error: GatewayError;
  readonly action: 'disconnect' | 'pause';
  /** Wall time in milliseconds when delivery may go on. */
  readonly until: number;
}

/** A refusal, or nothing. Refusals are returned, bugs are thrown. */
export type Verdict = GatewayError | undefined;

/**
 * The stages of one policy, bound to one subscription. A stage left out costs nothing.
 * Everything here is synchronous: what a decision needs is in memory.
 */
export interface Stages {
  /** May refuse a connection or request; what it takes here it gives back in `onDisconnect`. */
  readonly onConnect?: (connection: ConnectionContext) => Verdict;
  /** May refuse reading an address or pattern. */
  readonly onRead?: (connection: ConnectionContext, address: string) => Verdict;
  /** May refuse publishing; reserves what it counts, and is told in `onPublished` what was really taken. */
  readonly onPublish?: (connection: ConnectionContext, address: string, events: readonly EventDraft[]) => Verdict;
  /** Always follows an `onPublish` that did not refuse: of `offered` events `accepted` are durable and new. */
  readonly onPublished?: (offered: number, accepted: number) => void;
  /** How many of the next n events a reader may have now, 0 to n. Allocates nothing, takes nothing. */
  readonly onFlush?: (n: number, bytes: number) => number;
  /** n events went out. */
  readonly onDelivered?: (n: number, bytes: number) => void;
  /** Called after `onFlush` allowed fewer than asked: why, and what then. */
  readonly onLimit?: () => LimitAnswer;
  /** Wall time in milliseconds at which this connection must end, and with what error; undefined: never. */
  readonly expiry?: (connection: ConnectionContext) => { readonly at: number; readonly error: GatewayError } | undefined;
  /** Other connections move `expiry`: it is asked again from time to time, even where it gave nothing. */
  readonly expiryMoves?: boolean;
  readonly onDisconnect?: (connection: ConnectionContext) => void;
  /** How a slow reader is treated; the last policy that says so decides. */
  readonly outbox?: OutboxBound;
  /** How events are gathered into writes; the last policy that says so decides. */
  readonly flush?: FlushBound;
  /** The limits as they stand now, for `RateLimit` headers and the `limits` operation. */
  readonly status?: () => readonly LimitStatus[];
}

/** One limit as the subscriber sees it. */
export interface LimitStatus {
  /** From the design's words: eventCount, connectionCount, duration, … */
  readonly limit: string;
  /** What is counted: `deliver`, `publish`, `both`, `connections`, `seconds`. */
  readonly counts: string;
  readonly quota: number;
  readonly remaining: number;
  /** Seconds of the window; undefined when there is no window. */
  readonly window: number | undefined;
  /** Milliseconds until the window starts anew. */
  readonly resetsIn: number | undefined;
}

export type WindowUnit = 'second' | 'minute' | 'hour' | 'day' | 'week' | 'month';

/** A count over a calendar window in UTC; remembered across restarts. */
export interface WindowCounter {
  /** The count in the window that holds now. */
  used(): number;
  add(n: number): void;
  /** The count so far is not to be behind what is published from now on: it goes to disk with the next commit of a log, at the latest. */
  secure?(): void;
  /** Wall time in milliseconds at which the window ends. */
  resetsAt(): number;
}

/** Counters by key, the same object for the same key; the key outlives changes of plan. */
export interface Counters {
  window(key: string, unit: WindowUnit): WindowCounter;
  /** Counts what is open now; starts at 0 with the process. */
  gauge(key: string): { value: number };
}

export interface PolicyEnvironment {
  readonly clock: Clock;
  readonly counters: Counters;
}

/** A kind of rule a plan may hold. `schema` checks the options, draws the form and writes the reference page. */
export interface Policy<Options = unknown> {
  readonly kind: string;
  /** JSON Schema 2020-12 of the options as written in a plan, with descriptions. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Options are already checked. Returns what binds it to one subscription. */
  prepare(options: Options, environment: PolicyEnvironment): (subscription: SubscriptionContext) => Stages;
}

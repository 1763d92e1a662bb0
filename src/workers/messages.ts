import type { Placed } from '../core/backbone.ts';
import type { DeskAnswer, DeskRequest } from '../core/desk.ts';
import type { Credential, EventDefaults, Hello, PageOptions, ReadOptions, RouteInfo } from '../core/entrypoint.ts';
import type { FlushBound, LimitStatus } from '../core/policy.ts';
import type { Position } from '../core/position.ts';
import type { KeyPair } from '../listeners/key-pair.ts';
import type { PackedDrafts, PackedEvents } from './packed-events.ts';
import type { PlainError } from './plain-error.ts';

/** An API's path and what HTTP needs to know about it. */
export interface Route extends RouteInfo {
  readonly path: string;
  /** Base URL of the gateway as clients see it. */
  readonly publicUrl?: string | undefined;
}

/** What a worker is started with. */
export interface WorkerStart {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly routes: readonly Route[];
  /** Serve https instead of http. */
  readonly tls: KeyPair | undefined;
  /** Memory of the link's `SinkBoard`. */
  readonly board: SharedArrayBuffer;
  /** Memory of the `CommonPace` of all workers, and this one's place in it. */
  readonly pace: SharedArrayBuffer;
  readonly place: number;
}

/** A session as it was let in. */
export interface Admitted {
  readonly subscription: string;
  readonly address: string;
  readonly mayRead: boolean;
  readonly defaults: EventDefaults;
  readonly limits: readonly LimitStatus[];
}

/** What a worker may ask about a session of its own, and what it is answered. */
export interface Asks {
  connect: { readonly ask: { readonly hello: PlainHello }; readonly answer: Admitted };
  publish: {
    readonly ask: { readonly address: string; readonly events: PackedDrafts };
    readonly answer: { readonly placed: readonly Placed[]; readonly limits: readonly LimitStatus[] };
  };
  malformed: { readonly ask: { readonly error: PlainError }; readonly answer: undefined };
  read: {
    readonly ask: { readonly options: ReadOptions; readonly format: string };
    readonly answer: { readonly id: string; readonly slot: number };
  };
  /** Of the session's reader. */
  acknowledge: { readonly ask: { readonly position: string }; readonly answer: PlainError | undefined };
  page: {
    readonly ask: { readonly options: Omit<PageOptions, 'signal'> };
    readonly answer: { readonly events: PackedEvents; readonly position: Position; readonly limits: readonly LimitStatus[] };
  };
  confirm: { readonly ask: { readonly name: string; readonly position: string }; readonly answer: undefined };
  renew: { readonly ask: { readonly credential: Credential }; readonly answer: undefined };
  limits: { readonly ask: object; readonly answer: readonly LimitStatus[] };
  /** Of no session. */
  desk: { readonly ask: { readonly asked: DeskRequest }; readonly answer: DeskAnswer };
}

export type PlainHello = Omit<Hello, 'onEnd' | 'peer'>;

/** One request of a worker: `session` and `request` are numbers of its own that it never uses twice. */
export type Ask = {
  [Op in keyof Asks]: { readonly kind: 'ask'; readonly op: Op; readonly session: number; readonly request: number } & Asks[Op]['ask'];
}[keyof Asks];

export type FromWorker =
  | { readonly kind: 'listening'; readonly url: string }
  | { readonly kind: 'failed'; readonly code: string | undefined; readonly message: string }
  | Ask
  /** The client went away while waiting for a page. */
  | { readonly kind: 'abort'; readonly session: number; readonly request: number }
  | { readonly kind: 'close-reader'; readonly session: number }
  | { readonly kind: 'close'; readonly session: number }
  /** These sinks were full and can take more. */
  | { readonly kind: 'drained'; readonly slots: readonly number[] }
  | { readonly kind: 'bug'; readonly message: string; readonly stack: string | undefined }
  /** The last connection has ended after `close`. */
  | { readonly kind: 'closed' };

export type ToWorker =
  | { readonly kind: 'routes'; readonly routes: readonly Route[] }
  | { readonly kind: 'renew'; readonly pair: KeyPair }
  | { readonly kind: 'answer'; readonly request: number; readonly value: Asks[keyof Asks]['answer'] }
  | { readonly kind: 'refusal'; readonly request: number; readonly error: PlainError }
  | Deliveries
  | {
      readonly kind: 'hold';
      readonly slot: number;
      readonly error: PlainError;
      readonly until: number;
      readonly limits: readonly LimitStatus[] | undefined;
    }
  | { readonly kind: 'end-sink'; readonly slot: number; readonly error: PlainError }
  | { readonly kind: 'end-session'; readonly session: number; readonly error: PlainError }
  /** Take no more connections. */
  | { readonly kind: 'close' };

/** What many sinks are to be written: each group's bytes stand once in one of the slabs. */
export interface Deliveries {
  readonly kind: 'deliver';
  readonly slabs: readonly ArrayBuffer[];
  /** `numbersPerGroup` numbers a group: slab, first byte, end byte, events, end of its members. */
  readonly groups: Uint32Array<ArrayBuffer>;
  /** Slots of the sinks, group after group; `asksForRoom` is added where the sender holds back until it is told of room. */
  readonly members: Uint32Array<ArrayBuffer>;
  /** Bytes in all slabs. */
  readonly bytes: number;
  /** How a busy worker may gather it with what comes next. */
  readonly flush: FlushBound;
  /** Monotonic milliseconds. */
  readonly postedAt: number;
}

/** Bit of a member: tell when this sink can take more. */
export const asksForRoom = 0x8000_0000;

/** Length of one group in `Deliveries.groups`. */
export const numbersPerGroup = 5;

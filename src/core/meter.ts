import type { Event } from './event.ts';
import type { SubscriptionContext } from './policy.ts';
import type { Position } from './position.ts';

/** What is charged at once: consecutive events of a flush or of a slice of catch-up, shared by all readers that take it whole. */
export interface Batch {
  readonly events: readonly Event[];
  /** Sum of the payload bytes of `events`. */
  readonly bytes: number;
  /** The place after the whole batch, including events that a filter took out. */
  readonly position: Position;
  /** Events that the reader's filter took out. */
  readonly filtered: number;
  /** Events given up for newer ones of the same key while the batch waited. */
  readonly conflated?: number | undefined;
  /** Events passed over that are still to be delivered: each is billed by `chargeLate` when it is. */
  readonly deferred?: number | undefined;
}

/** Who reads what: the identity an account is opened for. */
export interface ReaderRequest {
  readonly subscription: SubscriptionContext;
  readonly protocol: string;
  readonly log: string;
  /** Address or pattern. */
  readonly address: string;
  /** Name of a durable reader. */
  readonly name: string | undefined;
  /**
   * Expression that chooses its events. A reader has one filter for life: a connection with another never resumes it, and is refused
   * under its name with CONFLICT, so that what one filter took out is not free of charge to another.
   */
  readonly filter?: string | undefined;
  /** Where a reader that cannot be resumed begins. */
  readonly start: Position;
  /** Whether `start` was named by the client (Last-Event-ID, `?from=<position>`), so that a closed connection may be resumed. */
  readonly resumes: boolean;
  /** Whether another connection may go on with an unnamed reader once this one is closed. Default: yes. */
  readonly isResumable?: boolean | undefined;
  /** Whether its charges may defer events: what connections are charged under its name in between is told apart, see `lentFrom`. */
  readonly defers?: boolean | undefined;
}

/** A running sum of batches that several readers of one channel take whole: charged once, it charges them all. */
export interface Tally {
  /** Follows the batch before it without a gap, and nothing of it was charged before. */
  charge(batch: Batch): void;
}

/**
 * The books of one reader. Ranges tile: each charge starts where the last one ended. Plain calls without promises;
 * the ledger commits cursor and usage together at short intervals.
 */
export interface ReaderAccount {
  readonly id: string;
  /** Where delivery goes on: the confirmed cursor of a durable reader, `start` of a new or resumed one. */
  readonly cursor: Position;
  /** Everything up to this place was charged before: sent again it is redelivered, not billed. */
  readonly charged: Position;
  /** Of a durable reader: what was charged behind this place was charged to accounts that defer nothing. Undefined: there was none since `takeBack`. */
  readonly lentFrom?: Position | undefined;
  /** What others were charged is dealt with: what is charged from now on is charged to this account. */
  takeBack(): void;
  /** The first `redelivered` events of the batch were charged before; the rest are billed. */
  charge(batch: Batch, redelivered: number): void;
  /** Bills events that were deferred before and are delivered now; the reader does not move. */
  chargeLate(events: readonly Event[]): void;
  /** From now on what the tally is charged is charged to this account, until it leaves. Everything before was charged. */
  join(tally: Tally): void;
  leave(): void;
  /** Events given up by overflow: up to `position`, so that ranges still tile. */
  drop(events: number, position: Position, reason: 'dropped' | 'conflated'): void;
  /** A durable reader's consumer has dealt with everything up to here. */
  confirm(position: Position): void;
  /** Level with the feed, paused or behind: shown to the operator. */
  state(state: 'live' | 'catching-up' | 'paused'): void;
  /** Last word of this connection; pending charges are still committed. */
  close(): void;
}

/** The ledger as the way of an event sees it. */
export interface Meter {
  /** Rejects with READER_TAKEN never: the newest connection wins and the old one is told by `onTaken`. */
  open(request: ReaderRequest, onTaken: () => void): Promise<ReaderAccount>;
  /** For accounts of one subscription on one channel. */
  openTally(): Tally;
  /** Whether a durable reader of this name has a cursor already. */
  knows(reader: DurableName): boolean;
  /** Moves a durable reader's cursor without a connection; false when there is no such reader. Never backwards, never past what was delivered. */
  confirm(reader: DurableName, position: Position): Promise<boolean>;
  /** A connection that stays open has begun. */
  connected(subscription: SubscriptionContext, protocol: string): { close(): void };
  published(record: PublishRecord): void;
  refused(record: RefusalRecord): void;
}

/** What a durable reader is known by. */
export interface DurableName {
  /** Id of the subscription. */
  readonly subscription: string;
  readonly name: string;
  readonly address: string;
  readonly log: string;
}

export interface PublishRecord {
  readonly subscription: SubscriptionContext;
  readonly protocol: string;
  readonly log: string;
  readonly address: string;
  /** Accepted and new, by event type. */
  readonly byType: ReadonlyMap<string, { readonly events: number; readonly bytes: number }>;
  readonly duplicates: number;
  /** Milliseconds from offering to durable. */
  readonly latency: number;
}

/** A decision against a client: counted, logged on one wide line, and shown to the subscriber. */
export interface RefusalRecord {
  readonly tenant: string;
  readonly application: string | undefined;
  readonly subscription: string | undefined;
  readonly api: string | undefined;
  readonly plan: string | undefined;
  readonly protocol: string;
  readonly address: string | undefined;
  readonly stage: 'connect' | 'publish' | 'read' | 'deliver';
  readonly code: string;
  /** The policy's limit, the schema's path, or another short word from a bounded set. */
  readonly reason: string;
  readonly sentence: string;
  readonly events: number;
  /** Milliseconds until coming back makes sense. */
  readonly retryAfter: number | undefined;
}

import type { Backbone } from '../core/backbone.ts';
import type { Clock } from '../core/clock.ts';
import type { GatewayError } from '../core/errors.ts';
import type { Event } from '../core/event.ts';
import type { Feed } from '../core/feed.ts';
import type { Governor } from '../core/group.ts';
import type { ReaderAccount } from '../core/meter.ts';
import type { Position } from '../core/position.ts';
import type { OutgoingRequest } from '../outgoing/http-sender.ts';
import type { Outcome } from '../outgoing/outcome.ts';
import type { CircuitBreaker, CircuitBreakerOptions } from './circuit-breaker.ts';
import type { Transition } from './failing-state.ts';
import type { Lane } from './lane-turns.ts';
import type { SavedEndpoint } from './load-endpoint.ts';
import type { PushBook } from './push-book.ts';
import type { AttemptCounts } from './push-counts.ts';
import type { PushTarget } from './push-target.ts';
import type { Sight } from '../core/sight.ts';

/** What a courier reads: its place in a feed and its reader's books. */
export interface PushReading {
  readonly feed: Feed;
  readonly backbone: Backbone;
  readonly account: ReaderAccount;
  /** The deliver stage of the subscription, as it is now. */
  readonly governor: () => Governor;
  readonly sight: Sight;
}

/** A reading as the gateway opens it. */
export interface OpenedReading extends PushReading {
  /** Why it may not go on; undefined when it may. */
  readonly refusal: () => GatewayError | undefined;
  readonly release: () => void;
}

/** What a courier works with. */
export interface CourierParts extends PushReading {
  readonly target: PushTarget;
  /** Of the endpoint as a resource; what is kept of its state is kept of this one. */
  readonly version: number;
  readonly saved: SavedEndpoint;
  readonly book: PushBook;
  readonly clock: Clock;
  readonly random: () => number;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  readonly send: (request: OutgoingRequest) => Promise<Outcome>;
  /** Shared by all that call the same origin. */
  readonly originBreaker: CircuitBreaker;
  /** Events of deliveries that are owed; without those that are owed no more. */
  readonly loadEvents: (positions: readonly Position[]) => Promise<ReadonlyMap<Position, Event>>;
  /** Says how many deliveries are ready in each lane, and how many attempts may be under way. */
  readonly offer: (ready: Readonly<Partial<Record<Lane, number>>>, windowAttempts: number) => void;
  /** When its breaker opens and for how long, where that is not the usual. */
  readonly breaker?: CircuitBreakerOptions | undefined;
  /** What its attempts are counted under. */
  readonly counts?: AttemptCounts | undefined;
  /** A dead one was not taken since too much was owed; now half of that is free. */
  readonly onRoom?: (() => void) | undefined;
  readonly onTransition: (transition: Transition) => void;
  readonly onBug: (error: unknown) => void;
  /** It can read no further: the log has let go of its place, or cannot be read. */
  readonly onLost: (error: unknown) => void;
}

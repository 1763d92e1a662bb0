import type { Event, EventDraft } from './event.ts';
import type { Position, StartFrom } from './position.ts';

/** A channel of one API: the API's log (tenant and API, unique in the gateway) and an address, which may be a pattern when reading. */
export interface Channel {
  /** `tenant/api`. */
  readonly log: string;
  /** Concrete when publishing; may have `*` segments when reading. */
  readonly address: string;
}

export interface BackboneCapabilities {
  readonly ordering: 'channel' | 'key' | 'none';
  readonly replay: boolean;
  readonly acknowledge: 'event' | 'position' | 'none';
}

/** What became of one published event. */
export interface Placed {
  readonly position: Position;
  /** The same source and id were accepted before on this address within the window: `position` is the first one's. */
  readonly duplicate: boolean;
}

export interface ReadRequest {
  readonly channel: Channel;
  /** Exclusive. */
  readonly after: Position;
  /** Inclusive: nothing past it is returned, so that the core compares only the feed's own positions. Absent: up to the head. */
  readonly until?: Position | undefined;
  /** Most events to return. */
  readonly limit: number;
  /** Stop once the payloads exceed this many bytes; at least one event is returned. */
  readonly maxBytes?: number | undefined;
}

export interface ReadResult {
  readonly events: readonly Event[];
  /** Everything on the channel up to and including this place is in `events`; equals `until` when exhausted. */
  readonly position: Position;
}

export interface Consumer {
  /** Where it began: the first batch holds the first event after this. */
  readonly position: Position;
  close(): Promise<void>;
}

/** Takes a batch that starts just after the previous one. Must not throw; a promise is backpressure. */
export type Receive = (events: readonly Event[], position: Position) => void | Promise<void>;

export interface Health {
  readonly state: 'up' | 'degraded' | 'down';
  /** Round trip of the probe in milliseconds. */
  readonly latency: number | undefined;
  /** Wall time in milliseconds since when it has been in this state. */
  readonly since: number;
  /** What is wrong, as a sentence. */
  readonly reason?: string | undefined;
}

export interface Lag {
  /** Events on the channel after the position. */
  readonly events: number;
  /** Acceptance time of the oldest of them in milliseconds; undefined when there is none. */
  readonly oldest: number | undefined;
}

/** How long an API's events are kept and told apart. */
export interface LogPolicy {
  /** Milliseconds an event is kept; undefined: for ever. */
  readonly retainAge?: number | undefined;
  /** Payload and framing bytes kept per log; undefined: unbounded. */
  readonly retainBytes?: number | undefined;
  /** Milliseconds within which a repeated source and id is accepted once per address; on another address it is another event. */
  readonly dedupWindow: number;
}

/**
 * Where events live. Positions never decrease on a log and are never given twice.
 * A position is lost for a channel only when events of it after the position are gone, whatever became of other channels.
 * Throws GatewayError only: POSITION_LOST with `details.oldest` (the oldest position it may use), STORE_FULL,
 * BACKBONE_UNAVAILABLE, OVERLOADED, BAD_REQUEST for a position of another form.
 */
export interface Backbone {
  readonly kind: string;
  readonly capabilities: BackboneCapabilities;
  /** Makes the log known with its policy; called again when the policy changes. */
  prepare(log: string, policy: LogPolicy): Promise<void>;
  /**
   * Resolves once the events are as durable as this backbone makes them; all of them or none. One answer per event, in order.
   * What repeats an event of the address (source and id, within the window) is answered with the first one's place and not kept again.
   * What is published to a channel under the same `publisher` (any object) has the order of the calls, also where one does not wait for the last.
   */
  publish(channel: Channel, events: readonly EventDraft[], publisher?: object): Promise<readonly Placed[]>;
  read(request: ReadRequest): Promise<ReadResult>;
  /** Turns where a reader wants to begin into a position it may read after; rejects with POSITION_LOST. */
  locate(channel: Channel, from: StartFrom): Promise<Position>;
  /** Negative when a is before b. Both must be of this log and epoch. */
  compare(a: Position, b: Position): number;
  /** `counts`: of a pattern, only the addresses for which this is true. */
  lag(channel: Channel, position: Position, counts?: (address: string) => boolean): Promise<Lag>;
  /** Live events of a channel or pattern, from the moment it resolves. */
  consume(channel: Channel, receive: Receive): Promise<Consumer>;
  check(signal: AbortSignal): Promise<Health>;
  close(): Promise<void>;
}

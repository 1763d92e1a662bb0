import type { Clock } from '../core/clock.ts';
import type { GatewayError } from '../core/errors.ts';
import type { Insights } from '../metering/insights.ts';
import type { Courier } from '../push/courier.ts';
import type { DeadLetters } from '../push/dead-letters.ts';
import type { DeliveryLog } from '../push/delivery-log.ts';
import type { PushService } from '../push/push-service.ts';
import type { Redrive } from '../push/redrive.ts';
import type { Replays } from '../push/replays.ts';
import type { Verifications } from '../push/verification/verifications.ts';
import type { ContractSource, Resource, ResourceStore } from '../store/resources.ts';
import type { Administration } from './administration.ts';

export interface Ticket {
  readonly ticket: string;
  /** Seconds. */
  readonly expiresIn: number;
}

/** What is known of the deliveries to endpoints, and what can be done about them. */
export interface Deliveries {
  readonly log: DeliveryLog;
  readonly redrive: Redrive;
  readonly replays: Replays;
  /** Passes over what an endpoint has not been sent up to a place; it is sent nothing meanwhile. */
  readonly skip: PushService['skip'];
  /** What receivers said when they were asked whether they want deliveries. */
  readonly verifications: Pick<Verifications, 'record' | 'verify'>;
  /** Who delivers to an endpoint now; undefined while nobody does. */
  readonly courier: (endpoint: string) => Pick<Courier, 'health' | 'owed' | 'reader'> | undefined;
  /** Why nobody does though somebody should. */
  readonly refusal: (endpoint: string) => GatewayError | undefined;
  /** Milliseconds for which its dead letters are kept, whatever it says itself. */
  readonly keptFor: (endpoint: Resource<'endpoint'>) => number;
}

/** An address, event types and a filter to be tried on events that are there already. */
export interface PreviewWish {
  /** Id of the subscription under which events are read. */
  readonly subscription: string;
  readonly address: string;
  readonly types: readonly string[];
  readonly filter: string | undefined;
  /** Most events to look at. */
  readonly limit: number;
}

/** How a source does that subscribes at a hub. Times are wall milliseconds. */
export interface TopicStatus {
  /** `asking`: it has not been verified yet, or not again. `failing`: asking came to nothing, for the reason given. */
  readonly state: 'subscribed' | 'asking' | 'failing';
  /** As they were found; null until then. */
  readonly topic: string | null;
  readonly hub: string | null;
  /** Until when it lasts; null when it does not. */
  readonly leaseUntil: number | null;
  /** When the hub is asked next. */
  readonly nextAt: number;
  readonly reason: string | null;
}

/** What the routes work with. */
export interface Services {
  readonly store: ResourceStore;
  readonly insights: Insights;
  readonly clock: Clock;
  readonly administration: Administration;
  readonly deliveries: Deliveries;
  readonly deadLetters: DeadLetters;
  /** Throws what the gateway would say where an endpoint's subscription may not read at an address as things are. */
  readonly checkReads: (endpoint: Resource<'endpoint'>, address: string) => void;
  /** Undefined for a source that subscribes at no hub. */
  readonly topicStatus: (source: string) => TopicStatus | undefined;
  /** How many of the newest events match, as plain JSON; rejects as the gateway would for somebody who reads there. */
  readonly previewFilter: (wish: PreviewWish) => Promise<object>;
  /** The model of a contract as plain JSON: channels, operations, messages. */
  readonly describeContract: (source: ContractSource) => Promise<Readonly<Record<string, unknown>>>;
  /** A single-use credential for browsers that stands for a key (its id), limited to one API when one is named. */
  readonly issueTicket: (tenant: string, credential: string, api?: string) => Ticket | Promise<Ticket>;
  readonly status: () => Promise<object>;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
  /** False: the process has to be started anew. */
  readonly healthy: () => boolean;
  readonly ready: () => boolean;
}

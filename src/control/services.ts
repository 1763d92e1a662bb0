import type { Clock } from '../core/clock.ts';
import type { Insights } from '../metering/insights.ts';
import type { ContractSource, ResourceStore } from '../store/resources.ts';
import type { Administration } from './administration.ts';

export interface Ticket {
  readonly ticket: string;
  /** Seconds. */
  readonly expiresIn: number;
}

/** What the routes work with. */
export interface Services {
  readonly store: ResourceStore;
  readonly insights: Insights;
  readonly clock: Clock;
  readonly administration: Administration;
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

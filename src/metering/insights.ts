import type { ReaderStatus } from './reader-status.ts';

export type AnalyticsMetric = 'messages' | 'rate' | 'errors' | 'latency' | 'lag' | 'limits' | 'backbones' | 'connections';

/** Whose figures: one subject kind, optionally one subject of it. */
export interface AnalyticsQuery {
  readonly by: 'reader' | 'subscription' | 'application' | 'api' | 'channel';
  readonly id?: string;
  /** Wall time in milliseconds, inclusive and exclusive. */
  readonly from?: number;
  readonly to?: number;
  readonly resolution?: '1s' | '1m' | '1h';
}

export interface UsageQuery {
  readonly subscription?: string;
  readonly application?: string;
  readonly api?: string;
  readonly from?: number;
  readonly to?: number;
  readonly by: 'subscription' | 'type' | 'reader';
}

export interface ReaderQuery {
  readonly subscription?: string;
  readonly application?: string;
  readonly api?: string;
  readonly state?: string;
  readonly after?: string;
  readonly limit: number;
}

/** What the ledger and its roll-ups can tell: everything the management API and the command line show of usage. Answers are plain JSON values. */
export interface Insights {
  analytics(tenant: string, metric: AnalyticsMetric, query: AnalyticsQuery): Promise<Record<string, unknown>>;
  usage(tenant: string, query: UsageQuery): Promise<Record<string, unknown>>;
  /**
   * Checks that the ranges of every reader tile, and that the newest of them account for the events the log has:
   * `{ok, readers, ranges, gaps: [...], overlaps: [...], compared, losses: [...], overcharges: [...]}`.
   */
  verify(tenant: string): Promise<Record<string, unknown>>;
  readers(tenant: string, query: ReaderQuery): Promise<{ readonly items: readonly ReaderStatus[]; readonly next: string | null }>;
  reader(tenant: string, id: string): Promise<ReaderStatus | undefined>;
  /** Forgets a durable reader that is not connected; false when there is none. */
  forget(tenant: string, id: string): Promise<boolean>;
  /** Decisions against a subscription, newest first. */
  refusals(tenant: string, subscription: string, limit: number): Promise<readonly Record<string, unknown>[]>;
  /** Wall time in milliseconds of a credential's last use; undefined: never. */
  lastUsed(credential: string): number | undefined;
}

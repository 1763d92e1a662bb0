import type { PublishRecord, RefusalRecord } from '../core/meter.ts';
import type { RateSource } from './rate-source.ts';

/** Who is told of what the ledger records, as it happens: log lines and metrics. Must not throw. */
export interface UsageObserver {
  /** Once a second for each source that counted anything. */
  counted(source: RateSource, events: number, bytes: number): void;
  published(record: PublishRecord): void;
  /** Every refusal. */
  refused(record: RefusalRecord): void;
  /** The first refusal of its kind within a second: one log line. */
  decided(record: RefusalRecord): void;
  /** `count` more of the same kind followed within that second. */
  repeated(record: RefusalRecord, count: number): void;
  /** A commit of the ledger ended, with the error when it failed. */
  committed(error: Error | undefined): void;
}

import { randomInt } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import type { Database } from '../../store/database.ts';
import { EmbeddedBackbone } from './embedded-backbone.ts';

interface EmbeddedOptions {
  /** Opened with `embeddedMigrations`; stays the caller's to close, after the backbone. */
  readonly database: Database;
  readonly clock: Clock;
  /** 0 up to, not including, 1: makes the epochs of new logs. */
  readonly random?: (() => number) | undefined;
  /** Told of what went wrong without anybody waiting for it. */
  readonly onWarning?: ((sentence: string, cause: unknown) => void) | undefined;
  /** Bytes of events that may wait for the disk before `publish` rejects with OVERLOADED. */
  readonly maxPendingBytes?: number | undefined;
  /** Events told apart per log at most within the window; past it the oldest are forgotten early. */
  readonly maxDedupEntries?: number | undefined;
  /** Milliseconds between looks at the age of the oldest events. */
  readonly retentionInterval?: number | undefined;
}

/** The log inside this process: events in the same database as everything else. */
export function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedBackbone> {
  return Promise.resolve(
    new EmbeddedBackbone({
      database: options.database,
      clock: options.clock,
      random: options.random ?? (() => randomInt(0x1_0000_0000) / 0x1_0000_0000),
      onWarning: options.onWarning ?? (() => undefined),
      maxPendingBytes: options.maxPendingBytes ?? 32 * 1024 * 1024,
      maxDedupEntries: options.maxDedupEntries ?? 8_000_000,
      retentionInterval: options.retentionInterval ?? 1000,
    }),
  );
}

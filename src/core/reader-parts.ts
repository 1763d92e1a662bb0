import type { Backbone } from './backbone.ts';
import type { Filter } from './batch.ts';
import type { Sink } from './entrypoint.ts';
import type { GatewayError } from './errors.ts';
import type { WireFormat } from './event.ts';
import type { Feed } from './feed.ts';
import type { Governor } from './group.ts';
import type { ReaderAccount } from './meter.ts';
import type { LimitAnswer } from './policy.ts';
import type { Turns } from './turns.ts';

/** What a reader is made of. */
export interface ReaderParts {
  readonly feed: Feed;
  readonly backbone: Backbone;
  readonly account: ReaderAccount;
  readonly sink: Sink;
  /** What its events are encoded in: the sink's, or one derived from it. */
  readonly format: WireFormat;
  readonly filter: Filter | undefined;
  readonly governor: Governor;
  /** For catching up, which everybody who does so shares. */
  readonly turns: Turns;
  /** Calls back once at a wall time in milliseconds; returns how to cancel. */
  readonly schedule: (at: number, callback: () => void) => () => void;
  /** A limit stopped delivery of `events` more events. */
  readonly onLimited: (answer: LimitAnswer, events: number) => void;
  /** A thrown bug, for the operator's log. */
  readonly onBug: (error: unknown) => void;
  /** The reader is over, by its own doing or the client's. */
  readonly onClosed: (reason: GatewayError | undefined) => void;
}

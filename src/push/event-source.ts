import type { Backbone, ReadResult } from '../core/backbone.ts';
import type { Feed } from '../core/feed.ts';
import type { Position } from '../core/position.ts';

/** Events and bytes of one read of a range. */
const readEvents = 256;
const readBytes = 256 * 1024;

/** Where a delivery stream reads the log. */
export interface EventSource {
  /** Whether nothing comes after its end. */
  readonly isFinite: boolean;
  /** Whether there is nothing to read after this place for now. */
  isAtEnd(position: Position): boolean;
  /** Calls back once when there is; returns how to stop waiting. */
  onNext(callback: () => void): () => void;
  /** What follows a place; rejects with POSITION_LOST. */
  next(after: Position): Promise<ReadResult>;
  /** Around a stretch of `next`. */
  enter(): void;
  exit(): void;
}

/** The live end of a channel; what lies before it is read once for all who are behind. */
export function liveSource({ backbone, feed }: { readonly backbone: Backbone; readonly feed: Feed }): EventSource {
  return {
    isFinite: false,
    // A place may also be past a feed: the log has gone on with other channels, and nothing has come on this one.
    isAtEnd: (position) => position === feed.position || backbone.compare(position, feed.position) > 0,
    onNext: (callback) => feed.onNext(callback),
    next: (after) => feed.behind.next(after),
    enter: () => feed.behind.enter(),
    exit: () => feed.behind.exit(),
  };
}

/** A stretch of the log up to and including `until`, read for nobody else. */
export function rangeSource({ backbone, feed }: { readonly backbone: Backbone; readonly feed: Feed }, until: Position): EventSource {
  const { channel } = feed;
  return {
    isFinite: true,
    isAtEnd: (position) => backbone.compare(position, until) >= 0,
    onNext: () => () => undefined,
    next: (after) => backbone.read({ channel, after, until, limit: readEvents, maxBytes: readBytes }),
    enter: () => undefined,
    exit: () => undefined,
  };
}

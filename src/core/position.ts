declare const minted: unique symbol;

/**
 * A place on a log, just after one event. Opaque: only the backbone that minted it can order two
 * (`Backbone.compare`); everybody else compares for equality. URL-safe characters only, at most 128.
 */
export type Position = string & { readonly [minted]: true };

/** Where a reader begins: the oldest event kept, the newest of its channel, the next event to come, a wall time, or just after a position. */
export type StartFrom =
  | { readonly at: 'earliest' }
  | { readonly at: 'newest' }
  | { readonly at: 'latest' }
  | { readonly at: 'time'; readonly time: number }
  | { readonly at: 'position'; readonly position: string };

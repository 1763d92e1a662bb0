import { isPattern } from '../core/address.ts';
import type { Position } from '../core/position.ts';

/** Events on an address after one place up to another; null when the log no longer has them, or nobody can count them exactly. */
export type CountOf = (log: string, address: string, after: Position, upTo: Position) => Promise<number | null>;

/** Counts again when events came in meanwhile; on a channel that never rests there is no answer. */
const MOST_TRIES = 5;

/** Counts between two places by what lies after each. `eventsAfter` is exact on one address and on `*`, and rejects for a place that is lost. */
export function countByLag(eventsAfter: (log: string, address: string, position: Position) => Promise<number>): CountOf {
  return async (log, address, after, upTo) => {
    if (after === upTo) return 0;
    if (isPattern(address) && address !== '*') return null;
    try {
      let before = await eventsAfter(log, address, after);
      for (let tries = 0; tries < MOST_TRIES; tries += 1) {
        const rest = await eventsAfter(log, address, upTo);
        // Asked once more: it is the same only if nothing was added in between, and it rejects if the first events were deleted.
        const again = await eventsAfter(log, address, after);
        if (again === before) return before - rest;
        before = again;
      }
      return null;
    } catch {
      return null;
    }
  };
}

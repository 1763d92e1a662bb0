import type { Event } from './event.ts';

/**
 * What becomes of an event of the feed now. `hidden`: it may not be read, and is passed over as if it were not there. `held`: nothing
 * may be read at all, so that it waits.
 */
export type Sight = (event: Event) => 'shown' | 'hidden' | 'held';

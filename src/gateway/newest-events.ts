import type { Backbone, Channel } from '../core/backbone.ts';
import type { Position } from '../core/position.ts';

/** A place with at least as many events behind it as were asked for, where there are so many. */
export interface NewestPlace {
  readonly after: Position;
  /** Events of the channel behind it. */
  readonly events: number;
}

interface Search {
  readonly count: number;
  /** Wall time in milliseconds. */
  readonly now: number;
  /** Whether to be content with what was found so far. */
  readonly isOver: () => boolean;
}

const firstSpan = 1000;
/** Logs are read forward and found by time: so that few steps lead from a second to years. */
const widening = 8;
/** Past so many times what was asked for a later place is looked for. */
const mostTooMany = 2;

/** Looks back from now in ever longer spans, then narrows the last one down; with a log no steps but by time there may be more events than asked for. */
export async function placeOfNewest(
  backbone: Pick<Backbone, 'locate' | 'lag'>,
  channel: Channel,
  { count, now, isOver }: Search,
): Promise<NewestPlace> {
  const earliest = await backbone.locate(channel, { at: 'earliest' });
  // What was stored this very millisecond belongs to it.
  let late = now + 1;
  let span = firstSpan;
  for (;;) {
    const early = Math.max(0, now - span);
    const found = await placeAt(backbone, channel, early);
    if (found.events >= count || found.after === earliest || early === 0) return await narrowed({ early, late, found });
    if (isOver()) return found;
    late = early;
    span *= widening;
  }

  async function narrowed(range: { early: number; late: number; found: NewestPlace }): Promise<NewestPlace> {
    let { early, late: end, found } = range;
    while (found.events > count * mostTooMany && end - early > 1 && !isOver()) {
      const middle = Math.floor((early + end) / 2);
      const later = await placeAt(backbone, channel, middle);
      if (later.events >= count) [early, found] = [middle, later];
      else end = middle;
    }
    return found;
  }
}

async function placeAt(backbone: Pick<Backbone, 'locate' | 'lag'>, channel: Channel, time: number): Promise<NewestPlace> {
  const after = await backbone.locate(channel, { at: 'time', time });
  const { events } = await backbone.lag(channel, after);
  return { after, events };
}

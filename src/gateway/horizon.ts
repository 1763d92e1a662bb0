import type { Backbone } from '../core/backbone.ts';

/** An address of which a subscription may see only what was accepted at a wall time, in milliseconds, or later. */
export interface Horizon {
  readonly address: string;
  readonly since: number;
}

/** A backbone as far as readers ask it for places. */
export type Places = Pick<Backbone, 'locate' | 'compare' | 'lag' | 'read'>;

/** A backbone on which no place of an address lies before the horizon of whoever reads there: one that does becomes the horizon. */
export function withinHorizon(backbone: Places, horizon: Horizon | undefined, address: string): Places {
  if (horizon === undefined || horizon.address !== address) return backbone;
  return {
    locate: async (channel, from) => {
      const place = await backbone.locate(channel, from);
      const first = await backbone.locate(channel, { at: 'time', time: horizon.since });
      return backbone.compare(place, first) < 0 ? first : place;
    },
    compare: (a, b) => backbone.compare(a, b),
    lag: (channel, position, counts) => backbone.lag(channel, position, counts),
    read: (request) => backbone.read(request),
  };
}

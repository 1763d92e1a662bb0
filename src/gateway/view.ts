import type { Filter } from '../core/batch.ts';
import type { ReadOptions, ViewRequest } from '../core/entrypoint.ts';
import type { Event, WireFormat } from '../core/event.ts';
import { compileFilter } from './filter.ts';
import { Projection } from './projection.ts';
import { RecentlyUsed } from './recently-used.ts';
import { readShare, sampled } from './sampling.ts';

/** Views, filters and projections kept: clients choose them, so there must be an end. */
const maxKept = 1000;

/** What a reader gets to see of a channel, in this order: filter, sample, projection. */
export interface View {
  readonly filter: Filter | undefined;
  readonly projection: Projection | undefined;
  /** All of it in one text, equal for equal views; undefined where everything is seen. A filter alone is its expression. */
  readonly text: string | undefined;
}

/** Views by what was asked for, so that readers who see the same share one and a client that comes back costs no parsing. */
export class Views {
  readonly #views = new RecentlyUsed<View>(maxKept);
  readonly #filters = new RecentlyUsed<Filter>(maxKept);
  readonly #projections = new RecentlyUsed<Projection>(maxKept);

  /** Throws INVALID_FILTER, and BAD_REQUEST for the rest. */
  of({ filter, view = {} }: Pick<ReadOptions, 'filter' | 'view'>): View {
    const key = JSON.stringify([filter, view.fields, view.sample]);
    return this.#views.of(key, () => this.#read(filter, view));
  }

  #read(expression: string | undefined, { fields, sample }: ViewRequest): View {
    const filter = expression === undefined ? undefined : this.#filters.of(expression, () => compileFilter(expression));
    const share = sample === undefined ? 1 : readShare(sample);
    const asked = fields === undefined ? undefined : Projection.of(fields);
    const projection = asked === undefined ? undefined : this.#projections.of(asked.text, () => asked);
    return {
      filter: share === 1 ? filter : sampled(share, filter),
      projection,
      text: textOf({ sample: share === 1 ? undefined : String(share), fields: projection?.text, filter: expression }),
    };
  }
}

/** The format a reader with this view is written in. */
export function formatOf({ projection }: View, base: WireFormat): WireFormat {
  return projection === undefined ? base : projection.format(base);
}

/** Events as a reader with this view gets them where it takes events and not frames. */
export function eventsOf({ projection }: View, events: readonly Event[]): readonly Event[] {
  return projection === undefined ? events : events.map((event) => projection.apply(event));
}

function textOf(parts: Readonly<Record<string, string | undefined>>): string | undefined {
  const said = Object.entries(parts).filter((part): part is [string, string] => part[1] !== undefined);
  if (said.length === 0) return undefined;
  if (said.length === 1 && parts['filter'] !== undefined) return parts['filter'];
  return new URLSearchParams(said).toString();
}

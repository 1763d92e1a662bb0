import type { Filter } from '../core/batch.ts';
import type { ReadOptions, ViewRequest } from '../core/entrypoint.ts';
import type { Event, WireFormat } from '../core/event.ts';
import { chosenBy, readChoice, textsOf } from './choice.ts';
import { Delta, readDelta } from './delta.ts';
import type { EventKey } from './event-key.ts';
import { compileFilter } from './filter.ts';
import { Projection } from './projection.ts';
import { RecentlyUsed } from './recently-used.ts';

/** Views, filters and projections kept: clients choose them, so there must be an end. */
const maxKept = 1000;

/** What a reader gets to see of a channel, in this order: filter, sample, conflation, projection, delta. */
export interface View {
  /** The first three. */
  readonly filter: Filter | undefined;
  readonly projection: Projection | undefined;
  readonly delta: Delta | undefined;
  /** All of it in one text, equal for equal views; undefined where everything is seen. A filter alone is its expression. */
  readonly text: string | undefined;
}

/** Views by what was asked for, so that readers who see the same share one and a client that comes back costs no parsing. */
export class Views {
  readonly #views = new RecentlyUsed<View>(maxKept);
  readonly #filters = new RecentlyUsed<Filter>(maxKept);
  readonly #projections = new RecentlyUsed<Projection>(maxKept);
  readonly #deltas = new RecentlyUsed<Delta>(maxKept);

  /** Throws INVALID_FILTER, and BAD_REQUEST for the rest. */
  of({ filter, view = {} }: Pick<ReadOptions, 'filter' | 'view'>): View {
    const key = JSON.stringify([filter, view.fields, view.sample, view.conflate, view.by, view.delta]);
    return this.#views.of(key, () => this.#read(filter, view));
  }

  #read(expression: string | undefined, request: ViewRequest): View {
    const compiled = expression === undefined ? undefined : this.#filters.of(expression, () => compileFilter(expression));
    const choice = readChoice(request);
    const texts = textsOf(choice);
    const asked = request.fields === undefined ? undefined : Projection.of(request.fields);
    const projection = asked === undefined ? undefined : this.#projections.of(asked.text, () => asked);
    const delta = request.delta === undefined ? undefined : readDelta(request.delta);
    return {
      filter: chosenBy(choice, compiled, textOf({ ...texts, filter: expression })),
      projection,
      delta: delta === undefined || choice.key === undefined ? undefined : this.#deltaOf(projection, choice.key),
      text: textOf({ ...texts, fields: projection?.text, delta, filter: expression }),
    };
  }

  #deltaOf(projection: Projection | undefined, key: EventKey): Delta {
    return this.#deltas.of(JSON.stringify([projection?.text, key.text]), () => new Delta(projection, key));
  }
}

/** The format a reader with this view is written in. */
export function formatOf({ projection, delta }: View, base: WireFormat): WireFormat {
  return delta?.format(base) ?? projection?.format(base) ?? base;
}

/** Events as a reader with this view gets them where it takes events and not frames. */
export function eventsOf({ projection, delta }: View, events: readonly Event[]): readonly Event[] {
  if (delta !== undefined) return delta.apply(events);
  return projection === undefined ? events : events.map((event) => projection.apply(event));
}

function textOf(parts: Readonly<Record<string, string | undefined>>): string | undefined {
  const said = Object.entries(parts).filter((part): part is [string, string] => part[1] !== undefined);
  if (said.length === 0) return undefined;
  if (said.length === 1 && parts['filter'] !== undefined) return parts['filter'];
  return new URLSearchParams(said).toString();
}

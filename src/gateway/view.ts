import type { Filter } from '../core/batch.ts';
import type { ReadOptions, ViewRequest } from '../core/entrypoint.ts';
import type { Conflation } from '../core/conflation.ts';
import { GatewayError } from '../core/errors.ts';
import type { Event, WireFormat } from '../core/event.ts';
import { readEventKey } from './event-key.ts';
import { compileFilter } from './filter.ts';
import { readInterval } from './interval.ts';
import { Projection } from './projection.ts';
import { RecentlyUsed } from './recently-used.ts';
import { readShare, sampler } from './sampling.ts';

/** Views, filters and projections kept: clients choose them, so there must be an end. */
const maxKept = 1000;

/** What a reader gets to see of a channel, in this order: filter, sample, conflation, projection. */
export interface View {
  /** The first three. */
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
    const key = JSON.stringify([filter, view.fields, view.sample, view.conflate, view.by]);
    return this.#views.of(key, () => this.#read(filter, view));
  }

  #read(expression: string | undefined, request: ViewRequest): View {
    const compiled = expression === undefined ? undefined : this.#filters.of(expression, () => compileFilter(expression));
    const { share, conflation, texts } = readChoice(request);
    const asked = request.fields === undefined ? undefined : Projection.of(request.fields);
    const projection = asked === undefined ? undefined : this.#projections.of(asked.text, () => asked);
    const key = textOf({ ...texts, filter: expression });
    return {
      filter: key === undefined || key === expression ? compiled : { key, test: testOf(share, compiled), conflation },
      projection,
      text: textOf({ ...texts, fields: projection?.text, filter: expression }),
    };
  }
}

/** Which of the events that pass the filter a reader gets; the texts are equal for equal choices. */
interface Choice {
  readonly share: number;
  readonly conflation: Conflation | undefined;
  readonly texts: Readonly<Record<'sample' | 'conflate' | 'by', string | undefined>>;
}

function readChoice({ sample, conflate, by }: ViewRequest): Choice {
  const share = sample === undefined ? 1 : readShare(sample);
  const shareText = share === 1 ? undefined : String(share);
  if (conflate === undefined) {
    if (by !== undefined) throw new GatewayError('BAD_REQUEST', 'by says what to conflate by; give conflate as well, such as conflate=1s.');
    return { share, conflation: undefined, texts: { sample: shareText, conflate: undefined, by: undefined } };
  }
  const interval = readInterval(conflate);
  const key = readEventKey(by);
  const conflation = { interval, keyOf: (event: Event) => key.keyOf(event) };
  return { share, conflation, texts: { sample: shareText, conflate: `${interval}ms`, by: key.text } };
}

/** The hash before the expression, because it costs less. */
function testOf(share: number, filter: Filter | undefined): Filter['test'] {
  if (share === 1) return filter === undefined ? () => true : (event) => filter.test(event);
  const isChosen = sampler(share);
  return filter === undefined ? isChosen : (event) => isChosen(event) && filter.test(event);
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

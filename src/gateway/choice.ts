import type { Filter } from '../core/batch.ts';
import type { ViewRequest } from '../core/entrypoint.ts';
import { GatewayError } from '../core/errors.ts';
import { readEventKey, type EventKey } from './event-key.ts';
import { readInterval } from './interval.ts';
import { readShare, sampler } from './sampling.ts';

/** Which of the events that pass its filter a reader gets, and by what they are versions of one another. */
export interface Choice {
  /** 1: all. */
  readonly share: number;
  /** Milliseconds between deliveries of the newest of each key; undefined: everything comes. */
  readonly interval: number | undefined;
  /** Undefined where nothing asks for one. */
  readonly key: EventKey | undefined;
}

/** Throws BAD_REQUEST. */
export function readChoice({ sample, conflate, by, delta }: ViewRequest): Choice {
  const share = sample === undefined ? 1 : readShare(sample);
  const interval = conflate === undefined ? undefined : readInterval(conflate);
  if (conflate !== undefined || delta !== undefined) return { share, interval, key: readEventKey(by) };
  if (by === undefined) return { share, interval, key: undefined };
  throw new GatewayError('BAD_REQUEST', 'by says what to conflate or compare by; give conflate=1s or delta=patch as well.');
}

/** The same texts for the same choice, however it was written. */
export function textsOf({ share, interval, key }: Choice): Readonly<Record<'sample' | 'conflate' | 'by', string | undefined>> {
  return {
    sample: share === 1 ? undefined : String(share),
    conflate: interval === undefined ? undefined : `${interval}ms`,
    by: key?.text,
  };
}

/** The filter and the choice in one; `name` must be the same for the same filter and choice. */
export function chosenBy(choice: Choice, filter: Filter | undefined, name: string | undefined): Filter | undefined {
  const { share, interval, key } = choice;
  if (name === undefined || (share === 1 && interval === undefined)) return filter;
  const test = testOf(share, filter);
  if (interval === undefined || key === undefined) return { key: name, test };
  return { key: name, test, conflation: { interval, keyOf: (event) => key.keyOf(event) } };
}

/** The hash before the expression, because it costs less. */
function testOf(share: number, filter: Filter | undefined): Filter['test'] {
  if (share === 1) return filter === undefined ? () => true : (event) => filter.test(event);
  const isChosen = sampler(share);
  return filter === undefined ? isChosen : (event) => isChosen(event) && filter.test(event);
}

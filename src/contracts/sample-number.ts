import { largest, smallest, type SchemaObject } from './sample-demand.ts';
import { SampleError } from './sample-error.ts';
import type { SampleRandom } from './sample-random.ts';

/** How far a number goes from its one bound when it has no other. */
const span = 1000;

/** A number that keeps the bounds and multiples of all schemas. Throws SampleError. */
export function sampleNumber(flat: readonly SchemaObject[], isWhole: boolean, random: SampleRandom): number {
  const least = Math.max(largest(flat, 'minimum', -Infinity), largest(flat, 'exclusiveMinimum', -Infinity));
  const most = Math.min(smallest(flat, 'maximum'), smallest(flat, 'exclusiveMaximum'));
  const isOut = (value: number): boolean =>
    value < least || value > most || value === largest(flat, 'exclusiveMinimum', NaN) || isExcluded(flat, value);
  const steps = flat.flatMap(({ multipleOf }) => (typeof multipleOf === 'number' && multipleOf > 0 ? [multipleOf] : []));
  const low = least > -Infinity ? least : most < Infinity ? most - span : 1;
  const high = most < Infinity ? most : low + Math.max(span, ...steps.map((step) => step * 10));
  for (let attempt = 0; attempt < 24; attempt += 1) {
    const value = between(low, high, isWhole ? [...steps, 1] : steps, random);
    if (!isOut(value) && (!isWhole || Number.isInteger(value))) return value;
  }
  throw new SampleError(`no number was found from ${low} to ${high}`);
}

function isExcluded(flat: readonly SchemaObject[], value: number): boolean {
  return flat.some(({ exclusiveMinimum, exclusiveMaximum }) => value === exclusiveMinimum || value === exclusiveMaximum);
}

function between(low: number, high: number, steps: readonly number[], random: SampleRandom): number {
  if (steps.length === 0) {
    const value = low + random.next() * (high - low);
    const short = Math.round(value * 100) / 100;
    return short >= low && short <= high ? short : value;
  }
  // Of several steps the product is a multiple of each, if not the smallest.
  const step = Number(steps.reduce((product, each) => (isMultiple(product, each) ? product : product * each)).toPrecision(12));
  const first = Math.ceil(low / step);
  return Number((random.whole(first, Math.max(first, Math.floor(high / step))) * step).toPrecision(15));
}

function isMultiple(value: number, step: number): boolean {
  return Number.isInteger(Number((value / step).toPrecision(12)));
}

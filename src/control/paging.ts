import { GatewayError } from '../core/errors.ts';
import type { Decoded, JsonSchema, Shape } from './config/shape.ts';
import { fallback, optional } from './config/shape.ts';
import { text } from './config/scalars.ts';

/** A whole number as a query gives it. */
export function integerText(bounds: { readonly min: number; readonly max: number }): Shape<number> {
  return {
    decode(value, place) {
      const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
      if (number >= bounds.min && number <= bounds.max) return number;
      return place.report(`must be a whole number between ${bounds.min} and ${bounds.max}, not ${place.quote(value)}`);
    },
    schema: () => ({ type: 'integer', minimum: bounds.min, maximum: bounds.max }),
  };
}

/** A moment as a query gives it: RFC 3339, or milliseconds since 1970. */
export const momentText: Shape<number> = {
  decode(value, place) {
    const number =
      typeof value !== 'string' || value.length > 40
        ? Number.NaN
        : /^\d{1,15}$/.test(value)
          ? Number(value)
          : /^\d{4}-\d\d-\d\d/.test(value)
            ? Date.parse(value)
            : Number.NaN;
    return Number.isNaN(number)
      ? place.report(`${place.quote(value)} is not a moment such as 2030-01-31T12:00:00Z, nor milliseconds since 1970`)
      : number;
  },
  schema: () => ({ type: 'string', examples: ['2030-01-31T12:00:00Z'] }),
};

export const pageFields = {
  limit: fallback(integerText({ min: 1, max: 1000 }), 100, 'Most entries to answer.'),
  after: optional(text({ min: 1, max: 300 }), 'Where the page before ended: its `next`.'),
} as const;

export type PageRequest = Decoded<typeof pageFields>;

export interface Page<T> {
  readonly items: readonly T[];
  /** What the next page is asked `after`; null at the end. */
  readonly next: string | null;
}

/** A page of a list in the order of a key that is unique and does not change, so that nothing is skipped or seen twice while others write. */
export function pageOf<T>(all: readonly T[], keyOf: (item: T) => string, request: PageRequest): Page<T> {
  const after = request.after === undefined ? undefined : decodeCursor(request.after);
  // The first of them in order, and one more that tells whether there is a next page: sorting all would cost more than anything else.
  const first: { readonly key: string; readonly item: T }[] = [];
  for (const item of all) {
    const key = keyOf(item);
    if (after !== undefined && key <= after) continue;
    if (first.length > request.limit && key > first.at(-1)!.key) continue;
    const place = first.findLastIndex((one) => one.key < key) + 1;
    first.splice(place, 0, { key, item });
    if (first.length > request.limit + 1) first.pop();
  }
  const page = first.slice(0, request.limit);
  return {
    items: page.map(({ item }) => item),
    next: first.length > page.length ? encodeCursor(page.at(-1)!.key) : null,
  };
}

/** The `next` of a page that ends with this key. */
export function encodeCursor(key: string): string {
  return Buffer.from(key).toString('base64url');
}

/** The key behind an `after`; throws BAD_REQUEST for what no page can have answered. */
export function decodeCursor(cursor: string): string {
  if (!/^[A-Za-z0-9_-]+$/.test(cursor)) throw new GatewayError('BAD_REQUEST', '`after` must be the `next` of an earlier page.');
  return Buffer.from(cursor, 'base64url').toString('utf8');
}

/** JSON Schema of a page. */
export function pageSchema(item: JsonSchema): JsonSchema {
  return {
    type: 'object',
    properties: {
      items: { type: 'array', items: item },
      next: { type: ['string', 'null'], description: 'Ask for the next page with `?after=`; null at the end.' },
    },
    required: ['items', 'next'],
  };
}

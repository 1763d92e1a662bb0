import type { Shape } from './shape.ts';
import { didYouMean } from './suggestion.ts';

interface TextRules {
  readonly min?: number;
  readonly max: number;
  /** With the sentence that says what is wanted. */
  readonly pattern?: { readonly test: RegExp; readonly wanted: string };
  readonly examples?: readonly string[];
  /** What such a text is called: the title of its schema. */
  readonly title?: string;
}

const controlCharacters = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** Text without control characters; lengths in UTF-16 units. */
export function text(rules: TextRules): Shape<string> {
  return {
    decode(value, place) {
      if (typeof value !== 'string') return place.report(`must be text, not ${place.quote(value)}`);
      if (value.length < (rules.min ?? 0))
        return place.report(rules.min === 1 ? 'must not be empty' : `must have at least ${rules.min} characters`);
      if (value.length > rules.max) return place.report(`has ${value.length} characters; at most ${rules.max} are taken`);
      if (controlCharacters.test(value) || !value.isWellFormed()) return place.report('must not hold control characters or broken Unicode');
      if (rules.pattern !== undefined && !rules.pattern.test.test(value))
        return place.report(`${place.quote(value)} is not ${rules.pattern.wanted}`);
      return value;
    },
    schema: () => ({
      type: 'string',
      ...(rules.min === undefined ? {} : { minLength: rules.min }),
      maxLength: rules.max,
      ...(rules.pattern === undefined ? {} : { pattern: rules.pattern.test.source }),
      ...(rules.title === undefined ? {} : { title: rules.title }),
      ...(rules.examples === undefined ? {} : { examples: rules.examples }),
    }),
  };
}

/** One of these words. */
export function choice<const T extends string>(words: readonly T[]): Shape<T> {
  return {
    decode(value, place) {
      if (typeof value === 'string' && (words as readonly string[]).includes(value)) return value as T;
      const hint = typeof value === 'string' ? didYouMean(value, words) : '';
      return place.report(`must be ${words.length === 1 ? '' : 'one of '}${words.join(', ')}, not ${place.quote(value)}${hint}`);
    },
    schema: () => ({ type: 'string', enum: words }),
  };
}

export function integer(bounds: { readonly min: number; readonly max?: number }): Shape<number> {
  const max = bounds.max ?? Number.MAX_SAFE_INTEGER;
  return {
    decode(value, place) {
      if (typeof value !== 'number' || !Number.isSafeInteger(value))
        return place.report(`must be a whole number, not ${place.quote(value)}`);
      if (value < bounds.min || value > max)
        return place.report(
          `must be ${bounds.max === undefined ? `at least ${bounds.min}` : `between ${bounds.min} and ${max}`}, not ${value}`,
        );
      return value;
    },
    schema: () => ({ type: 'integer', minimum: bounds.min, ...(bounds.max === undefined ? {} : { maximum: bounds.max }) }),
  };
}

/** A moment in RFC 3339, decoded to wall time in milliseconds; a JSON body may give the number itself. */
export const moment: Shape<number> = {
  decode(value, place) {
    if (place.form === 'body' && typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    const parsed = typeof value === 'string' && rfc3339.test(value) ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(parsed)) return place.report(`${place.quote(value)} is not a date and time such as 2030-01-31T12:00:00Z`);
    return parsed;
  },
  schema: (form) => ({ title: 'date and time', type: form === 'file' ? 'string' : ['string', 'integer'], format: 'date-time' }),
};

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

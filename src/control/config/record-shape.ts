import type { Place } from './place.ts';
import type { Shape } from './shape.ts';
import { mapOf } from './shape.ts';

/** Texts by names chosen by people; `check` reports what is wrong with all of them together. */
export function record(
  key: Shape<string>,
  value: Shape<string>,
  check: (given: Readonly<Record<string, string>>, place: Place) => void,
): Shape<Readonly<Record<string, string>>> {
  const map = mapOf(key, value);
  return {
    decode(given, place) {
      const decoded = map.decode(given, place);
      if (decoded === undefined) return undefined;
      const entries = Object.fromEntries(decoded);
      check(entries, place);
      return entries;
    },
    schema: (form) => map.schema(form),
  };
}

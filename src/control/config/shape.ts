import type { Form, PlacedProblem } from './place.ts';
import { Place } from './place.ts';
import { didYouMean } from './suggestion.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * What a value must look like, once: decodes it with clear problems and draws its own JSON Schema.
 * `decode` returns undefined only after reporting a problem.
 */
export interface Shape<T> {
  decode(value: unknown, place: Place): T | undefined;
  schema(form: Form): JsonSchema;
}

/** A member of an object: its shape, what it is for, and what holds when it is left out. */
export interface Field<T> {
  readonly shape: Shape<unknown>;
  readonly description: string;
  readonly required: boolean;
  readonly fallback: T | undefined;
  /** The fallback as people write it. */
  readonly shown: unknown;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type Decoded<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export function required<T>(shape: Shape<T>, description: string): Field<T> {
  return { shape, description, required: true, fallback: undefined, shown: undefined };
}

export function optional<T>(shape: Shape<T>, description: string): Field<T | undefined> {
  return { shape, description, required: false, fallback: undefined, shown: undefined };
}

/** A member that has a value when left out; `shown` is that value as people write it. */
export function fallback<T>(shape: Shape<T>, value: T, description: string, shown: unknown = value): Field<T> {
  return { shape, description, required: false, fallback: value, shown };
}

/** Decodes a whole document: the value counts only when there are no problems. */
export function decode<T>(
  shape: Shape<T>,
  value: unknown,
  form: Form,
  secrets: ReadonlySet<string> = new Set(),
): { readonly value: T; readonly problems: readonly PlacedProblem[] } {
  const problems: PlacedProblem[] = [];
  const decoded = shape.decode(value, new Place({ problems, form, secrets }));
  return { value: decoded as T, problems };
}

/** An object with these members and no others; `ignored` members are taken and dropped, so that an answer can be sent back. */
export function object<F extends Fields>(
  fields: F,
  options: { readonly ignored?: readonly string[]; readonly check?: (value: Decoded<F>, place: Place) => void } = {},
): Shape<Decoded<F>> {
  const ignored = new Set(options.ignored);
  return {
    decode(value, place) {
      if (!isRecord(value)) return place.report(`must be an object, not ${place.quote(value)}`);
      for (const key of Object.keys(value)) {
        if (Object.hasOwn(fields, key) || ignored.has(key)) continue;
        place.at(key).report(`unknown key \`${shorten(key)}\`${didYouMean(key, Object.keys(fields))}`);
      }
      const before = place.count;
      const decoded: Record<string, unknown> = {};
      for (const [key, field] of Object.entries(fields)) decoded[key] = decodeField(key, field, value, place);
      if (place.count === before) options.check?.(decoded as Decoded<F>, place);
      return decoded as Decoded<F>;
    },
    schema(form) {
      const needed = Object.keys(fields).filter((key) => fields[key]!.required);
      return {
        type: 'object',
        properties: Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, fieldSchema(field, form)])),
        ...(needed.length === 0 ? {} : { required: needed }),
        additionalProperties: false,
      };
    },
  };
}

function decodeField(key: string, field: Field<unknown>, value: Readonly<Record<string, unknown>>, place: Place): unknown {
  const given = Object.hasOwn(value, key) ? value[key] : undefined;
  if (given !== undefined && given !== null) return field.shape.decode(given, place.at(key));
  if (field.required) place.report(`\`${key}\` is missing: ${field.description}`);
  return field.fallback;
}

function fieldSchema(field: Field<unknown>, form: Form): JsonSchema {
  return { ...field.shape.schema(form), description: field.description, ...(field.shown === undefined ? {} : { default: field.shown }) };
}

/** An object whose keys are names chosen by people. */
export function mapOf<T>(key: Shape<string>, value: Shape<T>): Shape<ReadonlyMap<string, T>> {
  return {
    decode(given, place) {
      if (!isRecord(given)) return place.report(`must be an object of named entries, not ${place.quote(given)}`);
      const decoded = new Map<string, T>();
      for (const [name, member] of Object.entries(given)) {
        const named = key.decode(name, place.at(name)) !== undefined;
        const entry = value.decode(member === null ? {} : member, place.at(name));
        if (named && entry !== undefined) decoded.set(name, entry);
      }
      return decoded;
    },
    schema: (form) => ({ type: 'object', propertyNames: key.schema(form), additionalProperties: value.schema(form) }),
  };
}

export function listOf<T>(
  item: Shape<T>,
  bounds: { readonly min?: number; readonly max: number; readonly distinct?: boolean },
): Shape<readonly T[]> {
  return {
    decode(value, place) {
      if (!Array.isArray(value)) return place.report(`must be a list, not ${place.quote(value)}`);
      if (value.length < (bounds.min ?? 0))
        return place.report(`must have at least ${bounds.min} ${bounds.min === 1 ? 'entry' : 'entries'}`);
      if (value.length > bounds.max) return place.report(`has ${value.length} entries; at most ${bounds.max} are taken`);
      const decoded = value.map((member, index) => item.decode(member, place.at(index)) as T);
      if (bounds.distinct === true && new Set(decoded).size < decoded.length) place.report('names something twice');
      return decoded;
    },
    schema: (form) => ({
      type: 'array',
      items: item.schema(form),
      ...(bounds.min === undefined ? {} : { minItems: bounds.min }),
      maxItems: bounds.max,
      ...(bounds.distinct === true ? { uniqueItems: true } : {}),
    }),
  };
}

/** One value or a list of them; always a list when decoded. */
export function oneOrMany<T>(item: Shape<T>, max: number): Shape<readonly T[]> {
  const list = listOf(item, { max });
  return {
    decode(value, place) {
      if (Array.isArray(value)) return list.decode(value, place);
      const one = item.decode(value, place);
      return one === undefined ? undefined : [one];
    },
    schema: (form) => ({ anyOf: [item.schema(form), list.schema(form)] }),
  };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

import { SampleError } from './sample-error.ts';
import type { SampleRandom } from './sample-random.ts';

/** A JSON Schema that is an object. */
export type SchemaObject = Readonly<Record<string, unknown>>;

/** What a bundle's `$ref` refers to. */
export type Definitions = Readonly<Record<string, unknown>>;

export function isSchemaObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How the branches of a choice are chosen. */
export interface Choosing {
  readonly random: SampleRandom;
  /** Take what looks least likely to go deeper. */
  readonly simplest: boolean;
  /** Called with what is looked at; throws when it is too much in all. */
  readonly charge: (steps: number) => void;
}

/**
 * The schemas without choices that a value must fulfil all at once: references followed, `allOf` joined, of `oneOf`, `anyOf` and `if` one
 * branch chosen. `not` is left to whoever checks the value. Throws SampleError.
 */
export function flatten(demand: readonly unknown[], definitions: Definitions, choosing: Choosing): readonly SchemaObject[] {
  const flat: SchemaObject[] = [];
  const followed = new Set<string>();
  const waiting = [...demand];
  for (let schema = waiting.pop(); schema !== undefined; schema = waiting.pop()) {
    choosing.charge(1);
    if (schema === true) continue;
    if (!isSchemaObject(schema)) throw new SampleError('a part of it is the schema false, which no value fulfils');
    flat.push(schema);
    const { $ref: reference, allOf, oneOf, anyOf } = schema;
    if (typeof reference === 'string' && !followed.has(reference)) {
      followed.add(reference);
      waiting.push(definitions[reference.replace('#/definitions/', '')] ?? true);
    }
    if (Array.isArray(allOf)) for (const part of allOf as unknown[]) waiting.push(part);
    for (const branches of [oneOf, anyOf]) if (Array.isArray(branches)) waiting.push(chosen(branches, choosing));
    waiting.push(...condition(schema, choosing), ...dependents(schema, flat, choosing));
  }
  return flat;
}

function chosen(branches: readonly unknown[], { random, simplest, charge }: Choosing): unknown {
  charge(branches.length / 16);
  const possible = branches.filter((branch) => branch !== false);
  if (!simplest) return random.pick(possible) ?? false;
  const least = Math.min(...possible.slice(0, 100).map(depthOf));
  return random.pick(possible.slice(0, 100).filter((branch) => depthOf(branch) === least)) ?? false;
}

/** A guess at how deep values of a schema go at least. */
function depthOf(schema: unknown): number {
  if (!isSchemaObject(schema)) return 0;
  if ('const' in schema || 'enum' in schema) return 0;
  const { type, required } = schema;
  if (typeof type === 'string' && type !== 'object' && type !== 'array') return 0;
  if (typeof schema['$ref'] === 'string') return 2;
  if (type === 'object' && !(Array.isArray(required) && required.length > 0)) return 0;
  return type === 'array' && schema['minItems'] === undefined ? 0 : 3;
}

function condition(schema: SchemaObject, { random }: Choosing): readonly unknown[] {
  if (!('if' in schema)) return [];
  if (random.next() < 0.5) return [schema['if'], schema['then'] ?? true];
  return [schema['else'] ?? true];
}

/** Schemas that come with members which must be there. */
function dependents(schema: SchemaObject, flat: readonly SchemaObject[], { charge }: Choosing): readonly unknown[] {
  const found: unknown[] = [];
  for (const rules of [schema['dependentSchemas'], schema['dependencies']]) {
    if (!isSchemaObject(rules)) continue;
    charge(flat.length / 8);
    const required = new Set(flat.flatMap(({ required: names }) => (Array.isArray(names) ? (names as unknown[]) : [])));
    for (const [name, rule] of Object.entries(rules)) if (!Array.isArray(rule) && required.has(name)) found.push(rule);
  }
  return found;
}

/** The largest of a keyword's numbers; `otherwise` when none of the schemas has it. */
export function largest(flat: readonly SchemaObject[], keyword: string, otherwise: number): number {
  return flat.reduce((most, { [keyword]: value }) => (typeof value === 'number' ? Math.max(most, value) : most), otherwise);
}

/** The smallest of a keyword's numbers; Infinity when none of the schemas has it. */
export function smallest(flat: readonly SchemaObject[], keyword: string): number {
  return flat.reduce((least, { [keyword]: value }) => (typeof value === 'number' ? Math.min(least, value) : least), Infinity);
}

import type { Dialect } from './contract.ts';
import { TooExpensive } from './check-budget.ts';
import { PatternError } from './linear-pattern.ts';
import type { PatternCache } from './pattern-cache.ts';
import { flatten, isSchemaObject, largest, smallest, type Definitions, type SchemaObject } from './sample-demand.ts';
import { SampleError } from './sample-error.ts';
import { sampleNumber } from './sample-number.ts';
import { samplePattern } from './sample-pattern.ts';
import type { SampleRandom } from './sample-random.ts';
import { sampleText } from './sample-text.ts';

/** How much of what may be left out is put in: all that is not deep, some of it, or nothing. */
export type Richness = 'full' | 'some' | 'least';

/** Schemas entered and values made for one sample. */
const mostSteps = 20_000;
/** From here on only what must be there. */
const richDepth = 4;
const mostDepth = 32;
const mostItems = 1000;

const typeNames = ['object', 'array', 'string', 'number', 'boolean', 'null'] as const;
type TypeName = (typeof typeNames)[number];

/** What a sample is made with. */
export interface SampleWishes {
  readonly dialect: Dialect;
  readonly random: SampleRandom;
  readonly richness: Richness;
  /** For all samples of one schema. */
  readonly patterns: PatternCache;
}

/** A value for a bundled JSON Schema, made in bounded time and size; most are right, all must be checked. Throws SampleError. */
export function sampleValue(bundle: unknown, wishes: SampleWishes): unknown {
  const { definitions, ...root } = isSchemaObject(bundle) ? bundle : {};
  const sampler = new ValueSampler(isSchemaObject(definitions) ? definitions : {}, wishes);
  try {
    return sampler.value([root], 0, 'value');
  } catch (thrown) {
    if (thrown instanceof TooExpensive) throw new SampleError('its patterns take too long to follow', true);
    if (thrown instanceof PatternError) throw new SampleError(`of this: ${thrown.message.replace(/\.$/, '')}`, true);
    throw thrown;
  }
}

/** One value on its way. A *demand* is a list of schemas that a value must fulfil all at once. */
class ValueSampler {
  readonly #definitions: Definitions;
  readonly #dialect: Dialect;
  readonly #random: SampleRandom;
  readonly #richness: Richness;
  readonly #patterns: PatternCache;
  #left = mostSteps;

  constructor(definitions: Definitions, { dialect, random, richness, patterns }: SampleWishes) {
    this.#definitions = definitions;
    this.#dialect = dialect;
    this.#random = random;
    this.#richness = richness;
    this.#patterns = patterns;
  }

  value(demand: readonly unknown[], depth: number, subject: string): unknown {
    if (depth > mostDepth) throw new SampleError(`its values nest deeper than ${mostDepth}`);
    const simplest = depth >= richDepth || this.#richness === 'least';
    const flat = flatten(demand, this.#definitions, { random: this.#random, simplest, charge: (steps) => this.#charge(steps) });
    const listed = this.#listed(flat);
    if (listed !== undefined) return listed.value;
    const example = this.#example(flat);
    if (example !== undefined) return example.value;
    switch (this.#type(flat, simplest)) {
      case 'object':
        return this.#object(flat, depth);
      case 'array':
        return this.#array(flat, depth, subject);
      case 'string':
        return this.#text(flat, subject);
      case 'number':
        return sampleNumber(flat, !typesOf(flat).includes('number'), this.#random);
      case 'boolean':
        return this.#random.next() < 0.5;
      case 'null':
        return null;
    }
  }

  #charge(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new SampleError(`it asks for more than ${mostSteps} values`);
  }

  /** One of the values that `const` and `enum` leave. */
  #listed(flat: readonly SchemaObject[]): { readonly value: unknown } | undefined {
    const lists = flat.flatMap((schema) => [
      ...('const' in schema ? [[schema['const']]] : []),
      ...(Array.isArray(schema['enum']) ? [schema['enum'] as unknown[]] : []),
    ]);
    this.#charge(lists.reduce((sum, list) => sum + list.length, 0) / 16);
    const shortest = lists.toSorted((one, other) => one.length - other.length)[0];
    if (shortest === undefined) return undefined;
    const types = typesOf(flat);
    const keys = lists.filter((list) => list !== shortest).map((list) => new Set(list.map((value) => JSON.stringify(value))));
    const left = shortest.filter((value) => isOfTypes(value, types) && keys.every((known) => known.has(JSON.stringify(value))));
    if (left.length === 0) throw new SampleError('its constants leave no value');
    return { value: this.#random.pick(left) };
  }

  /** One of the examples beside the rules; now and then none, since examples may be wrong. */
  #example(flat: readonly SchemaObject[]): { readonly value: unknown } | undefined {
    const examples = flat.flatMap(({ examples: some }) => (Array.isArray(some) ? (some as unknown[]) : []));
    if (examples.length === 0 || this.#richness === 'least') return undefined;
    this.#charge(examples.length / 16);
    const types = typesOf(flat);
    const possible = examples.filter((value) => isOfTypes(value, types));
    const isWanted = possible.length > 0 && (this.#richness === 'full' || this.#random.next() < 0.5);
    return isWanted ? { value: this.#random.pick(possible) } : undefined;
  }

  #type(flat: readonly SchemaObject[], simplest: boolean): TypeName {
    const allowed = new Set(typesOf(flat).map((type) => (type === 'integer' ? 'number' : type)));
    const possible = typeNames.filter((type) => allowed.has(type));
    if (possible.length === 0) throw new SampleError('its types leave no value');
    if (possible.length === typeNames.length) return impliedType(flat);
    const wanted = simplest ? possible.filter((type) => type !== 'object' && type !== 'array') : possible.filter((type) => type !== 'null');
    return this.#random.pick(wanted.length > 0 ? wanted : possible) ?? 'null';
  }

  #text(flat: readonly SchemaObject[], subject: string): string {
    const texts = (keyword: string): string[] => flat.flatMap(({ [keyword]: value }) => (typeof value === 'string' ? [value] : []));
    const patterns = texts('pattern');
    const demand = { patterns, format: texts('format')[0], least: largest(flat, 'minLength', 0), most: smallest(flat, 'maxLength') };
    this.#charge(patterns.reduce((sum, pattern) => sum + pattern.length, 0) / 16);
    const text = sampleText(demand, subject, this.#random, this.#patterns);
    this.#charge(text.length / 64);
    return text;
  }

  #array(flat: readonly SchemaObject[], depth: number, subject: string): unknown[] {
    const least = Math.max(largest(flat, 'minItems', 0), flat.some((schema) => 'contains' in schema) ? largest(flat, 'minContains', 1) : 0);
    if (least > mostItems) throw new SampleError(`it asks for a list of more than ${mostItems} items`);
    const fixed = Math.max(0, ...flat.map((schema) => this.#fixedItems(schema).length));
    const wanted = depth >= richDepth || this.#richness === 'least' ? 0 : Math.max(1, Math.min(fixed, mostItems));
    const length = Math.min(Math.max(least, wanted), smallest(flat, 'maxItems'));
    const unique = flat.some((schema) => schema['uniqueItems'] === true);
    const seen = new Set<string>();
    const items: unknown[] = [];
    while (items.length < length) {
      const demand = flat.flatMap((schema) => this.#itemDemand(schema, items.length));
      if (demand.includes(false) && items.length >= least) break;
      items.push(this.#item(demand, depth, subject, unique ? seen : undefined));
    }
    return items;
  }

  #item(demand: readonly unknown[], depth: number, subject: string, seen: Set<string> | undefined): unknown {
    for (let attempt = 0; ; attempt += 1) {
      const item = this.value(demand, depth + 1, subject);
      const key = seen === undefined ? undefined : JSON.stringify(item);
      if (key === undefined || seen?.has(key) !== true) {
        if (key !== undefined) seen?.add(key);
        return item;
      }
      if (attempt === 16) throw new SampleError('not enough different items were found');
    }
  }

  #fixedItems(schema: SchemaObject): readonly unknown[] {
    const fixed = this.#dialect === '2020-12' ? schema['prefixItems'] : schema['items'];
    return Array.isArray(fixed) ? (fixed as unknown[]) : [];
  }

  #itemDemand(schema: SchemaObject, index: number): readonly unknown[] {
    const fixed = this.#fixedItems(schema);
    const contains = index < largest([schema], 'minContains', 1) && 'contains' in schema ? [schema['contains']] : [];
    if (index < fixed.length) return [fixed[index], ...contains];
    const rest = fixed.length > 0 && this.#dialect !== '2020-12' ? schema['additionalItems'] : schema['items'];
    return rest === undefined || Array.isArray(rest) ? contains : [rest, ...contains];
  }

  #object(flat: readonly SchemaObject[], depth: number): Record<string, unknown> {
    const names = this.#names(flat, depth);
    return Object.fromEntries([...names].map((name) => [name, this.value(this.#memberDemand(flat, name), depth + 1, name)]));
  }

  #names(flat: readonly SchemaObject[], depth: number): Set<string> {
    const names = new Set<string>();
    for (const { required } of flat)
      if (Array.isArray(required)) for (const name of required.filter(isText)) this.#addName(names, name, flat);
    const known = flat.flatMap(({ properties }) => (isSchemaObject(properties) ? Object.keys(properties) : []));
    const optional = known.filter((name) => !names.has(name) && !this.#memberDemand(flat, name).includes(false));
    const [least, most] = [largest(flat, 'minProperties', 0), smallest(flat, 'maxProperties')];
    if (least > mostItems) throw new SampleError(`it asks for more than ${mostItems} members`);
    for (const name of optional) if (names.size < most && (names.size < least || this.#isWanted(depth))) this.#addName(names, name, flat);
    const isMap = known.length === 0 && names.size === 0 && least === 0 && flat.some(hasMemberRule);
    const wanted = isMap && most > 0 && this.#isWanted(depth) ? 1 : least;
    for (let number = 1; names.size < wanted; number += 1) {
      this.#charge(1);
      this.#addName(names, this.#newName(flat, number), flat);
    }
    return names;
  }

  #isWanted(depth: number): boolean {
    if (depth >= richDepth || this.#richness === 'least') return false;
    return this.#richness === 'full' || this.#random.next() < 0.5;
  }

  /** Adds a member together with those that must come with it. */
  #addName(names: Set<string>, name: string, flat: readonly SchemaObject[]): void {
    const waiting = [name];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (names.has(next)) continue;
      this.#charge(1);
      names.add(next);
      for (const { dependentRequired, dependencies } of flat) {
        for (const rules of [dependentRequired, dependencies]) {
          const needed = isSchemaObject(rules) && Object.hasOwn(rules, next) ? rules[next] : undefined;
          if (Array.isArray(needed)) waiting.push(...needed.filter(isText));
        }
      }
    }
  }

  #newName(flat: readonly SchemaObject[], number: number): string {
    const rules = flat.flatMap(({ propertyNames }) => (propertyNames === undefined ? [] : [propertyNames]));
    if (rules.length > 0) return String(this.value([...rules, { type: 'string' }], richDepth, 'key'));
    const patterns = flat.flatMap(({ patternProperties }) => (isSchemaObject(patternProperties) ? Object.keys(patternProperties) : []));
    const pattern = this.#random.pick(patterns);
    return pattern === undefined ? `key${number}` : samplePattern(pattern, this.#random, 4);
  }

  #memberDemand(flat: readonly SchemaObject[], name: string): readonly unknown[] {
    return flat.flatMap((schema) => {
      this.#charge(1);
      const { properties, patternProperties, additionalProperties } = schema;
      const own = isSchemaObject(properties) && Object.hasOwn(properties, name) ? [properties[name]] : [];
      const matching = isSchemaObject(patternProperties)
        ? Object.entries(patternProperties).flatMap(([pattern, member]) => (this.#matches(pattern, name) ? [member] : []))
        : [];
      if (own.length + matching.length > 0 || additionalProperties === undefined) return [...own, ...matching];
      return [additionalProperties];
    });
  }

  #matches(pattern: string, name: string): boolean {
    this.#charge(1);
    return this.#patterns.matches(pattern, name);
  }
}

function hasMemberRule({ additionalProperties, patternProperties }: SchemaObject): boolean {
  return isSchemaObject(additionalProperties) || isSchemaObject(patternProperties);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** The types that all schemas allow, `integer` where one of them narrows numbers to it. */
function typesOf(flat: readonly SchemaObject[]): readonly string[] {
  let types: readonly string[] = typeNames;
  for (const { type } of flat) {
    if (type === undefined) continue;
    const own = (Array.isArray(type) ? type : [type]) as unknown[];
    types = [...new Set([...types, ...own.filter(isText)])].filter((each) => allows(types, each) && allows(own, each));
  }
  return types;
}

function allows(types: readonly unknown[], type: string): boolean {
  return types.includes(type) || (type === 'integer' && types.includes('number'));
}

function isOfTypes(value: unknown, types: readonly string[]): boolean {
  if (value === null) return types.includes('null');
  if (Array.isArray(value)) return types.includes('array');
  if (typeof value === 'number') return types.includes('number') || (types.includes('integer') && Number.isInteger(value));
  return types.includes(typeof value);
}

const implied: readonly (readonly [TypeName, RegExp])[] = [
  ['object', /^(properties|required|additionalProperties|patternProperties|propertyNames|minProperties|maxProperties|dependen.*)$/],
  ['array', /^(items|prefixItems|additionalItems|contains|minItems|maxItems|uniqueItems)$/],
  ['number', /^(minimum|maximum|exclusiveMinimum|exclusiveMaximum|multipleOf)$/],
];

/** What a schema without a type is most likely about. */
function impliedType(flat: readonly SchemaObject[]): TypeName {
  const keywords = flat.flatMap((schema) => Object.keys(schema));
  return implied.find(([, pattern]) => keywords.some((keyword) => pattern.test(keyword)))?.[0] ?? 'string';
}

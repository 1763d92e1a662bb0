import type { Dialect, MessageSchema, Origin } from './contract.ts';
import { keywordRule } from './schema-keywords.ts';

type JsonObject = Record<string, unknown>;

/** Characters a component's name may have (OpenAPI 3.1, section 4.8.7). */
const forbiddenInName = /[^a-zA-Z0-9._-]+/g;

/** Gathers JSON Schemas of a contract as components of an OpenAPI 3.1 document, which speaks draft 2020-12; what is used twice stands there once. */
export class ComponentSchemas {
  readonly #byName = new Map<string, unknown>();
  readonly #names = new Map<string, string>();

  /** All there are so far, by name. */
  get all(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.#byName);
  }

  /** Gives a schema of ours its name. */
  add(name: string, schema: unknown): JsonObject {
    this.#byName.set(name, schema);
    return referenceTo(name);
  }

  /** A reference to a contract's schema; undefined where that is not written in JSON Schema. `name` is for a schema that has none. */
  refer({ dialect, schema, origins }: MessageSchema, name: string): JsonObject | undefined {
    if (dialect === undefined || typeof schema !== 'object' || schema === null) return undefined;
    const { $ref, definitions = {} } = schema as { $ref?: string; definitions?: Readonly<Record<string, unknown>> };
    const names = new Map<string, string>();
    const fresh: string[] = [];
    for (const key of Object.keys(definitions)) {
      const place = placeOf(origins[key], dialect, key);
      const known = this.#names.get(place);
      const given = known ?? this.#free(nameAt(origins[key]) ?? name);
      names.set(key, given);
      if (known !== undefined) continue;
      this.#names.set(place, given);
      this.#byName.set(given, true);
      fresh.push(key);
    }
    for (const key of fresh) this.#byName.set(names.get(key)!, translated(definitions[key], dialect, names));
    const root = names.get($ref?.slice('#/definitions/'.length) ?? '');
    return root === undefined ? undefined : referenceTo(root);
  }

  #free(wanted: string): string {
    const base = wanted.replaceAll(forbiddenInName, '_').slice(0, 200) || 'Schema';
    let name = base;
    for (let number = 2; this.#byName.has(name); number += 1) name = `${base}_${number}`;
    return name;
  }
}

function referenceTo(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}

function placeOf(origin: Origin | undefined, dialect: Dialect, key: string): string {
  return origin === undefined ? `${dialect} ${key}` : `${dialect} ${origin.file}#${origin.path}`;
}

/** What the author called it: the last step of the pointer, where that is a name and no keyword or index. */
function nameAt(origin: Origin | undefined): string | undefined {
  return /\/(?:schemas|definitions|\$defs)\/([^/]+)$/
    .exec(origin?.path ?? '')?.[1]
    ?.replaceAll('~1', '/')
    .replaceAll('~0', '~');
}

/** A schema of an older draft with the same meaning in 2020-12, its references led to the components. */
function translated(schema: unknown, dialect: Dialect, names: ReadonlyMap<string, string>): unknown {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return schema;
  const found: JsonObject = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === '$ref') found[key] = referenceTo(names.get(String(value).slice('#/definitions/'.length)) ?? '')['$ref'];
    else found[key] = member(key, value, (part) => translated(part, dialect, names));
  }
  return dialect === '2020-12' ? found : modern(found);
}

function member(key: string, value: unknown, translate: (schema: unknown) => unknown): unknown {
  const holds = keywordRule(key)?.holds ?? 'value';
  if (holds === 'value' || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(translate);
  if (holds === 'schema' || holds === 'list-or-schema') return translate(value);
  const entries = Object.entries(value).map(([name, part]) => [name, Array.isArray(part) ? part : translate(part)]);
  return Object.fromEntries(entries) as JsonObject;
}

/** `items` as a list and `dependencies` were given names of their own (2019-09, section 9.3.2; 2020-12, section 10.3.1). */
function modern({ items, additionalItems, dependencies, ...rest }: JsonObject): JsonObject {
  const found = rest;
  if (Array.isArray(items)) {
    if (items.length > 0) found['prefixItems'] = items;
    if (additionalItems !== undefined) found['items'] = additionalItems;
  } else if (items !== undefined) {
    found['items'] = items;
  }
  for (const [name, needed] of Object.entries((dependencies ?? {}) as JsonObject)) {
    const keyword = Array.isArray(needed) ? 'dependentRequired' : 'dependentSchemas';
    found[keyword] = { ...(found[keyword] as JsonObject | undefined), [name]: needed };
  }
  return found;
}

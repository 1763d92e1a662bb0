import type { Dialect, MessageSchema, Origin } from './contract.ts';
import { toPointer } from './json-pointer.ts';
import { quote } from './problem.ts';
import { referenceOf } from './references.ts';
import type { References, Spot } from './references.ts';
import { dialectOf } from './schema-dialect.ts';
import { keywordRule } from './schema-keywords.ts';
import type { KeywordHolds } from './schema-keywords.ts';

/** Values in all definitions of one bundle; references that overlap copy what they share. */
const mostNodes = 100_000;
/** Compiling one follows the next, so chains of references are bounded too. */
const mostDefinitions = 2_000;
/** Values looked at for `$id` and `$anchor` in all searches of one bundle. */
const mostSearched = 1_000_000;

/** Values in all bundles of one contract together. */
const mostNodesInAll = 500_000;

/** What is kept for those who read the schema, by the type it has. */
const annotations: ReadonlyMap<string, string> = new Map([
  ['title', 'string'],
  ['description', 'string'],
  ['deprecated', 'boolean'],
  ['readOnly', 'boolean'],
  ['writeOnly', 'boolean'],
]);

/** Bundles the schemas of one contract; a schema used in several places is bundled once. */
export class SchemaBundler {
  readonly #references: References;
  readonly #done = new Map<string, MessageSchema>();
  #nodes = 0;

  constructor(references: References) {
    this.#references = references;
  }

  /**
   * Copies a JSON Schema together with everything it refers to into one schema that needs nothing else: each place that is
   * referred to becomes an entry of `definitions`, and cycles stay references. Notes a problem at each reference that cannot be
   * followed, and at a schema that refers to itself without moving to a part of the value, which would never end.
   */
  bundle(spot: Spot, format: string): MessageSchema {
    const id = `${spot.document.name}#${toPointer(spot.path)}\n${format}`;
    const known = this.#done.get(id);
    if (known !== undefined) return known;
    const dialect = dialectOf(format, spot.value);
    const origin = originOf(spot);
    let made: MessageSchema = { format, dialect, schema: spot.value, origin, origins: {} };
    if (dialect !== undefined && this.#nodes <= mostNodesInAll) {
      const bundle = new Bundle(this.#references, dialect);
      made = { ...made, schema: bundle.of(spot), origins: bundle.origins };
      this.#nodes += bundle.exhausted ? mostNodesInAll : bundle.nodes;
      if (this.#nodes > mostNodesInAll) {
        const sentence = `The schemas up to here refer to more than ${mostNodesInAll} values together; let them share less.`;
        this.#references.problems.add(spot.document.problem(spot.path, 'limit', sentence, { key: true }));
      }
    }
    this.#done.set(id, made);
    return made;
  }
}

export function originOf(spot: Spot): Origin {
  return { file: spot.document.name, ...spot.document.place(spot.path), path: toPointer(spot.path) };
}

interface Entry {
  readonly name: string;
  readonly spot: Spot;
  /** Entries that look at the same value. */
  readonly here: Set<string>;
}

/** One schema on its way. `nodes` counts the values copied. */
class Bundle {
  readonly origins: Record<string, Origin> = {};
  readonly #references: References;
  readonly #dialect: Dialect;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting: Entry[] = [];
  nodes = 0;
  exhausted = false;
  #searched = 0;

  constructor(references: References, dialect: Dialect) {
    this.#references = references;
    this.#dialect = dialect;
  }

  of(root: Spot): unknown {
    const first = this.#entry(root);
    const definitions: Record<string, unknown> = {};
    for (let entry = this.#waiting.shift(); entry !== undefined; entry = this.#waiting.shift()) {
      definitions[entry.name] = this.#copy(entry.spot, entry, true);
      if (this.nodes > mostNodes || this.#entries.size > mostDefinitions) {
        const sentence = `This schema refers to more than ${mostDefinitions} places or ${mostNodes} values; let references point at whole schemas and not into each other.`;
        this.#references.problems.add(root.document.problem(root.path, 'limit', sentence, { key: true }));
        this.exhausted = true;
        return true;
      }
    }
    this.#refuseLoops();
    return { $ref: `#/definitions/${first.name}`, definitions };
  }

  #entry(spot: Spot): Entry {
    const id = `${spot.document.name}#${toPointer(spot.path)}`;
    const known = this.#entries.get(id);
    if (known !== undefined) return known;
    const entry = { name: `s${this.#entries.size}`, spot, here: new Set<string>() };
    this.#entries.set(id, entry);
    this.#waiting.push(entry);
    this.origins[entry.name] = originOf(spot);
    return entry;
  }

  #copy(spot: Spot, entry: Entry, here: boolean): unknown {
    this.nodes += 1;
    const value = spot.value;
    if (this.nodes > mostNodes || typeof value === 'boolean') return value;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#problem(spot, `A schema must be an object, true or false, not ${describe(value)}.`);
      return true;
    }
    const reference = this.#reference(spot, entry, here);
    if (reference !== undefined && this.#dialect === 'draft-07') return reference;
    const copy: Record<string, unknown> = { ...reference };
    for (const [key, member] of Object.entries(value)) {
      const rule = keywordRule(key);
      if (rule === undefined) {
        if (typeof member === annotations.get(key)) copy[key] = member;
        if (key === 'examples' && Array.isArray(member)) copy[key] = this.#member({ ...spot, value: member }, entry, 'value', false);
        continue;
      }
      const part: Spot = { document: spot.document, path: [...spot.path, key], value: member };
      copy[key] = this.#member(part, entry, rule.holds, here && rule.looks === 'here');
    }
    return copy;
  }

  #member(part: Spot, entry: Entry, keyword: KeywordHolds, here: boolean): unknown {
    const { value } = part;
    if (keyword === 'list' || (keyword === 'list-or-schema' && Array.isArray(value))) {
      if (!Array.isArray(value)) return value;
      return value.map((item: unknown, index) => this.#copy(below(part, String(index), item), entry, here));
    }
    if (keyword === 'schema' || keyword === 'list-or-schema') return this.#copy(part, entry, here);
    if (keyword === 'value' || typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.nodes += Array.isArray(value) ? value.length : 1;
      return value;
    }
    const copies = Object.entries(value).map(([key, member]) => {
      const names = keyword === 'map-or-names' && Array.isArray(member);
      return [key, names ? member : this.#copy(below(part, key, member), entry, here)] as const;
    });
    return Object.fromEntries(copies);
  }

  #reference(spot: Spot, entry: Entry, here: boolean): { $ref: string } | undefined {
    const value = spot.value as Record<string, unknown>;
    const own = referenceOf(value);
    const recursive = value.$recursiveRef ?? value.$dynamicRef;
    const text = own ?? (typeof recursive === 'string' ? recursive : undefined);
    if (text === undefined) return undefined;
    const target = this.#target(spot, text);
    if (target === undefined) return undefined;
    const next = this.#entry(target);
    if (here) entry.here.add(next.name);
    return { $ref: `#/definitions/${next.name}` };
  }

  #target(spot: Spot, reference: string): Spot | undefined {
    const named = reference.startsWith('#/') ? undefined : this.#byName(spot, reference);
    return named ?? this.#references.resolve(spot, reference);
  }

  /** `#`, `#anchor` and `$id` in the schema resource around the spot: the nearest enclosing schema with an `$id`, else the entry's own root. */
  #byName(spot: Spot, reference: string): Spot | undefined {
    const roots = [...this.#entries.values()].map((entry) => entry.spot).filter((root) => encloses(root, spot));
    const root = roots.toSorted((a, b) => a.path.length - b.path.length)[0] ?? spot;
    if (reference === '#') return root;
    return this.#findNamed(root, reference);
  }

  #findNamed(spot: Spot, reference: string): Spot | undefined {
    this.#searched += 1;
    if (typeof spot.value !== 'object' || spot.value === null || this.#searched > mostSearched) return undefined;
    const { $id, $anchor, $dynamicAnchor } = spot.value as Record<string, unknown>;
    if ($id === reference) return spot;
    if (reference.startsWith('#') && ($anchor === reference.slice(1) || $dynamicAnchor === reference.slice(1))) return spot;
    for (const [key, value] of Object.entries(spot.value)) {
      if (key === 'enum' || key === 'const' || key === 'examples' || key === 'default') continue;
      const found = this.#findNamed(below(spot, key, value), reference);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #refuseLoops(): void {
    const byName = new Map([...this.#entries.values()].map((entry) => [entry.name, entry]));
    const state = new Map<string, 'open' | 'done'>();
    const visit = (entry: Entry): void => {
      state.set(entry.name, 'open');
      for (const name of entry.here) {
        const next = byName.get(name);
        if (next === undefined) continue;
        if (state.get(name) === 'open') {
          this.#problem(next.spot, 'This schema refers to itself without moving to a part of the value, so a check would never end.');
        } else if (!state.has(name)) visit(next);
      }
      state.set(entry.name, 'done');
    };
    for (const entry of this.#entries.values()) if (!state.has(entry.name)) visit(entry);
  }

  #problem(spot: Spot, sentence: string): void {
    const { problems } = this.#references;
    if (!problems.hasErrorAt(spot.document.name, toPointer(spot.path)))
      problems.add(spot.document.problem(spot.path, 'payload-schema', sentence, { key: true }));
  }
}

function below(part: Spot, key: string, value: unknown): Spot {
  return { document: part.document, path: [...part.path, key], value };
}

function encloses(outer: Spot, inner: Spot): boolean {
  return outer.document === inner.document && outer.path.every((key, index) => inner.path[index] === key);
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `the ${typeof value} ${quote(value)}`;
}

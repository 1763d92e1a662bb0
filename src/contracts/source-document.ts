import { Composer, isAlias, isMap, isScalar, isSeq, Parser } from 'yaml';
import type { Document, Node, Pair, Scalar, YAMLMap } from 'yaml';
import { findExcess, lineOf, tooDeep, tooMany } from './document-limits.ts';
import type { DocumentLimits, Excess } from './document-limits.ts';
import { toPointer } from './json-pointer.ts';
import { ContractError, quote } from './problem.ts';
import type { Problem } from './problem.ts';

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One YAML or JSON file: its JSON value, and where each part of it stands in the text. */
export class SourceDocument {
  readonly name: string;
  /** Plain JSON data; parts named by an alias are the same object. */
  readonly value: unknown;
  readonly #lineStarts: readonly number[];
  readonly #root: Node | null;
  readonly #aliases: WeakMap<Node, Node>;
  readonly #pairs = new WeakMap<YAMLMap, ReadonlyMap<string, Pair<Scalar>>>();

  /** Throws ContractError when the text is not one well-formed document within the limits. */
  constructor(name: string, marked: string, limits: DocumentLimits) {
    const text = marked.startsWith('\ufeff') ? marked.slice(1) : marked;
    this.name = name;
    const document = compose(name, text, limits);
    const reading = new Reading(limits);
    try {
      this.value = reading.read(document.contents, 0);
    } catch (thrown) {
      if (thrown instanceof Refusal) throw refuse(name, text, thrown.code, thrown.excess);
      throw thrown;
    }
    this.#root = document.contents;
    this.#aliases = reading.aliases;
    this.#lineStarts = lineStartsOf(text);
  }

  /** Where the part at the path begins: a scalar at its first character, a collection at its key. The nearest part when there is none. */
  place(path: readonly string[], of: 'value' | 'key' = 'value'): Place {
    let node: Node | null = this.#root;
    let offset = node?.range?.[0] ?? 0;
    for (const [index, step] of path.entries()) {
      const target: Node | null = node !== null && isAlias(node) ? (this.#aliases.get(node) ?? null) : node;
      const last = index === path.length - 1;
      if (isMap(target)) {
        const pair = this.#pairsOf(target).get(step);
        if (pair === undefined) break;
        node = pair.value as Node | null;
        const keyed = node === null || (last && of === 'key') || !isScalar(node);
        offset = (keyed ? pair.key.range?.[0] : node?.range?.[0]) ?? offset;
      } else if (isSeq(target)) {
        const item = target.items[Number(step)] as Node | undefined;
        if (item === undefined) break;
        node = item;
        offset = node.range?.[0] ?? offset;
      } else break;
    }
    return this.#placeOf(offset);
  }

  #pairsOf(map: YAMLMap): ReadonlyMap<string, Pair<Scalar>> {
    let pairs = this.#pairs.get(map);
    if (pairs === undefined) {
      pairs = new Map((map.items as Pair<Scalar>[]).map((pair) => [keyText(pair.key), pair]));
      this.#pairs.set(map, pairs);
    }
    return pairs;
  }

  #placeOf(offset: number): Place {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] as number) + 1 };
  }

  problem(path: readonly string[], code: string, sentence: string, options: { key?: boolean; severity?: 'warning' } = {}): Problem {
    const place = this.place(path, options.key === true ? 'key' : 'value');
    return { severity: options.severity ?? 'error', file: this.name, ...place, path: toPointer(path), sentence, code };
  }
}

class Refusal extends Error {
  readonly excess: Excess;
  readonly code: 'yaml' | 'limit';

  constructor(offset: number, sentence: string, code: 'yaml' | 'limit' = 'yaml') {
    super(sentence);
    this.code = code;
    this.excess = { offset, sentence };
  }
}

/** A number or boolean as a key stands for its text, as in JSON. */
function keyText(key: Scalar): string {
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
}

function compose(name: string, text: string, limits: DocumentLimits): Document {
  const bytes = Buffer.byteLength(text, 'utf8');
  if (bytes > limits.bytes) {
    const sentence = `The document has ${bytes} bytes, more than the ${limits.bytes} allowed; split it, or leave out long lists.`;
    throw refuse(name, text, 'limit', { offset: 0, sentence });
  }
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffd]/.exec(text);
  if (control !== null) {
    const sentence = 'The document is not UTF-8 text from here on; save it as YAML or JSON in UTF-8.';
    throw refuse(name, text, 'yaml', { offset: control.index, sentence });
  }
  const excess = findExcess(text, limits);
  if (excess !== undefined) throw refuse(name, text, 'limit', excess);
  const documents = parse(name, text, limits);
  const [first, second] = documents;
  if (first === undefined || first.contents === null) {
    throw refuse(name, text, 'yaml', { offset: 0, sentence: 'The document is empty; it must begin with `asyncapi: 3.0.0` or the like.' });
  }
  const faults = [...first.errors, ...first.warnings].slice(0, 20);
  if (faults.length > 0) {
    if (faults.some((error) => error.message.includes('call stack')))
      throw refuse(name, text, 'limit', { offset: faults[0]?.pos[0] ?? 0, sentence: tooDeep(limits) });
    const fault = (error: { message: string; pos: readonly number[] }): Problem =>
      refuse(name, text, 'yaml', { offset: error.pos[0] ?? 0, sentence: sentenceOf(error.message) }).problems[0] as Problem;
    throw new ContractError(faults.map(fault));
  }
  if (second !== undefined) {
    const sentence = 'A second document begins here (`---`); a contract is exactly one document.';
    throw refuse(name, text, 'yaml', { offset: second.range[0], sentence });
  }
  return first;
}

function parse(name: string, text: string, limits: DocumentLimits): Document.Parsed[] {
  try {
    const composer = new Composer({ uniqueKeys: false, prettyErrors: false, strict: true, stringKeys: false, version: '1.2' });
    return [...composer.compose(new Parser().parse(text))];
  } catch (thrown) {
    if (thrown instanceof RangeError) throw refuse(name, text, 'limit', { offset: 0, sentence: tooDeep(limits) });
    throw thrown;
  }
}

function sentenceOf(message: string): string {
  return `This is not well-formed YAML or JSON: ${message.split('\n')[0]?.replace(/[.:]$/, '')}.`;
}

function refuse(name: string, text: string, code: string, excess: Excess): ContractError {
  return new ContractError([{ severity: 'error', file: name, ...lineOf(text, excess.offset), path: '', sentence: excess.sentence, code }]);
}

function lineStartsOf(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** Turns nodes into plain data, counting what aliases would expand to. */
class Reading {
  readonly aliases = new WeakMap<Node, Node>();
  readonly #limits: DocumentLimits;
  readonly #anchors = new Map<
    string,
    { readonly node: Node; readonly value: unknown; readonly size: number; readonly height: number } | 'open'
  >();
  #size = 0;
  #height = 0;

  constructor(limits: DocumentLimits) {
    this.#limits = limits;
  }

  /** Sets `#height` to the levels below the node, for the depth that aliases reach. */
  read(node: Node | null, depth: number): unknown {
    const offset = node?.range?.[0] ?? 0;
    this.#grow(1, offset);
    if (depth > this.#limits.depth) throw new Refusal(offset, tooDeep(this.#limits), 'limit');
    this.#height = 0;
    if (node === null) return null;
    if (isAlias(node)) return this.#follow(node, node.source, depth);
    const anchor = (node as { anchor?: string }).anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, 'open');
    const before = this.#size;
    const value = this.#content(node, depth, offset);
    if (anchor !== undefined) this.#anchors.set(anchor, { node, value, size: this.#size - before, height: this.#height });
    return value;
  }

  #content(node: Node, depth: number, offset: number): unknown {
    if (isScalar(node)) {
      const value = node.value;
      const finite = typeof value === 'number' && Number.isFinite(value);
      if (value === null || typeof value === 'string' || typeof value === 'boolean' || finite) return value;
      throw new Refusal(offset, `${quote(node.source ?? value)} is not a JSON value; write a string, a number, true, false or null.`);
    }
    if (isSeq(node)) {
      let height = 0;
      const items = node.items.map((item) => {
        const value = this.read(item as Node, depth + 1);
        height = Math.max(height, this.#height + 1);
        return value;
      });
      this.#height = height;
      return items;
    }
    return this.#map(node as YAMLMap, depth);
  }

  #map(map: YAMLMap, depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    const merged: Record<string, unknown>[] = [];
    let height = 0;
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const key = this.#key(pair.key);
      if (Object.hasOwn(result, key))
        throw new Refusal(pair.key.range?.[0] ?? 0, `The key ${quote(key)} stands twice in the same object; keep one of them.`);
      const value = this.read(pair.value, depth + 1);
      height = Math.max(height, this.#height + 1);
      if (key === '<<' && (pair.key as Scalar).type === 'PLAIN') merged.push(...mergeable(value, pair.key));
      else result[key] = value;
    }
    for (const source of merged) {
      for (const [key, value] of Object.entries(source)) if (!Object.hasOwn(result, key)) result[key] = value;
    }
    this.#height = height;
    return result;
  }

  #key(key: Node | null): string {
    if (key === null || !isScalar(key) || key.value === null) {
      throw new Refusal(key?.range?.[0] ?? 0, 'A key must be plain text, not null, a list or an object.');
    }
    const text = keyText(key);
    if (text === '__proto__') throw new Refusal(key.range?.[0] ?? 0, 'The key `__proto__` is not allowed; rename it.');
    return text;
  }

  #follow(node: Node, name: string, depth: number): unknown {
    const anchor = this.#anchors.get(name);
    const offset = node.range?.[0] ?? 0;
    if (anchor === undefined) throw new Refusal(offset, `The alias ${quote(`*${name}`)} names no anchor before it.`);
    if (anchor === 'open')
      throw new Refusal(offset, `The alias ${quote(`*${name}`)} stands within its own anchor; a document cannot contain itself.`);
    if (depth + anchor.height > this.#limits.depth) throw new Refusal(offset, tooDeep(this.#limits), 'limit');
    this.#grow(anchor.size, offset);
    this.#height = anchor.height;
    this.aliases.set(node, anchor.node);
    return anchor.value;
  }

  #grow(by: number, offset: number): void {
    this.#size += by;
    if (this.#size > this.#limits.nodes) throw new Refusal(offset, tooMany(this.#limits), 'limit');
  }
}

function mergeable(value: unknown, key: Node): Record<string, unknown>[] {
  const sources = Array.isArray(value) ? value : [value];
  if (!sources.every((source) => typeof source === 'object' && source !== null && !Array.isArray(source))) {
    throw new Refusal(key.range?.[0] ?? 0, 'The merge key `<<` takes an object, or a list of objects.');
  }
  return sources as Record<string, unknown>[];
}

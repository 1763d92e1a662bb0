import { isArray, writeTree, type JsonTree } from './json-tree.ts';

/**
 * A JSON Patch (RFC 6902) that makes one value of another, as JSON text; undefined as soon as it is not shorter than `maxLength`
 * characters. Objects are compared by member, arrays by index: an element that comes in at the front changes all behind it, and
 * such a patch is soon too long.
 */
export function writePatch(from: JsonTree, to: JsonTree, maxLength: number): string | undefined {
  const patch = new Patch(maxLength);
  return patch.compare('', from, to) ? patch.text : undefined;
}

class Patch {
  readonly #maxLength: number;
  #operations = '';

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  get text(): string {
    return `[${this.#operations}]`;
  }

  /** False when there is no use in going on. */
  compare(path: string, from: JsonTree, to: JsonTree): boolean {
    if (typeof from === 'string' || typeof to === 'string') return from === to || this.#put('replace', path, to);
    if (isArray(from)) return isArray(to) ? this.#compareArrays(path, from, to) : this.#put('replace', path, to);
    return isArray(to) ? this.#put('replace', path, to) : this.#compareObjects(path, from, to);
  }

  #compareObjects(path: string, from: ReadonlyMap<string, JsonTree>, to: ReadonlyMap<string, JsonTree>): boolean {
    for (const name of from.keys()) if (!to.has(name) && !this.#remove(below(path, name))) return false;
    for (const [name, value] of to) {
      const before = from.get(name);
      const isGoing = before === undefined ? this.#put('add', below(path, name), value) : this.compare(below(path, name), before, value);
      if (!isGoing) return false;
    }
    return true;
  }

  #compareArrays(path: string, from: readonly JsonTree[], to: readonly JsonTree[]): boolean {
    const both = Math.min(from.length, to.length);
    for (let index = 0; index < both; index += 1) {
      if (!this.compare(`${path}/${index}`, from[index] as JsonTree, to[index] as JsonTree)) return false;
    }
    // From the end, so that no index changes before it is used.
    for (let index = from.length - 1; index >= both; index -= 1) if (!this.#remove(`${path}/${index}`)) return false;
    for (let index = both; index < to.length; index += 1) if (!this.#put('add', `${path}/-`, to[index] as JsonTree)) return false;
    return true;
  }

  #put(op: 'add' | 'replace', path: string, value: JsonTree): boolean {
    return this.#append(`{"op":"${op}","path":${JSON.stringify(path)},"value":${writeTree(value)}}`);
  }

  #remove(path: string): boolean {
    return this.#append(`{"op":"remove","path":${JSON.stringify(path)}}`);
  }

  #append(operation: string): boolean {
    this.#operations += this.#operations === '' ? operation : `,${operation}`;
    return this.#operations.length + 2 < this.#maxLength;
  }
}

/** RFC 6901, section 3. */
function below(path: string, name: string): string {
  return `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

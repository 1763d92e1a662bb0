import { JsonError } from '../json/json-error.ts';
import { JsonReader } from '../json/json-reader.ts';

/**
 * A JSON value to compare: objects as maps, arrays as arrays, everything else as it is written, so that no number loses digits
 * and no name means more than a name.
 */
export type JsonTree = string | readonly JsonTree[] | ReadonlyMap<string, JsonTree>;

/** The tree of JSON bytes; undefined when they are no JSON, or nest deeper than JsonReader goes. Of members of the same name the last counts. */
export function readTree(bytes: Uint8Array): JsonTree | undefined {
  try {
    const reader = new JsonReader(bytes);
    const tree = read(reader);
    reader.end();
    return tree;
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

function read(reader: JsonReader): JsonTree {
  const kind = reader.kind();
  if (kind === 'object') return readObject(reader);
  if (kind === 'array') return readArray(reader);
  reader.skip();
  return reader.bytes.toString('utf8', reader.start, reader.offset);
}

function readObject(reader: JsonReader): ReadonlyMap<string, JsonTree> {
  const members = new Map<string, JsonTree>();
  reader.openObject();
  for (let name = reader.member(); name !== undefined; name = reader.member()) members.set(name, read(reader));
  return members;
}

function readArray(reader: JsonReader): readonly JsonTree[] {
  const elements: JsonTree[] = [];
  reader.openArray();
  while (reader.element()) elements.push(read(reader));
  return elements;
}

/** The value as JSON text. */
export function writeTree(tree: JsonTree): string {
  if (typeof tree === 'string') return tree;
  if (isArray(tree)) return `[${tree.map(writeTree).join(',')}]`;
  return `{${[...tree].map(([name, value]) => `${JSON.stringify(name)}:${writeTree(value)}`).join(',')}}`;
}

/** An array, as opposed to an object. */
export function isArray(tree: readonly JsonTree[] | ReadonlyMap<string, JsonTree>): tree is readonly JsonTree[] {
  return Array.isArray(tree);
}

import { CloudEventError } from '../cloudevents/cloud-event-error.ts';
import { JsonError } from '../json/json-error.ts';
import { JsonReader } from '../json/json-reader.ts';

/** Texts, numbers and booleans of a JSON object by their path (`amount.value`), as texts; numbers as they are written. */
export type Fields<Path extends string> = Readonly<Partial<Record<Path, string>>>;

/** Members to descend into; where a path ends, `path` is its name. */
interface Node {
  path?: string;
  readonly members: Map<string, Node>;
}

/**
 * A function that picks these members out of JSON bytes in one pass. What is missing, null, an object or an array is left out.
 * It throws CloudEventError for what is not JSON, and for a member given twice: parsers differ about which one counts.
 */
export function fieldReader<const Path extends string>(paths: readonly Path[]): (bytes: Uint8Array) => Fields<Path> {
  const root: Node = { members: new Map() };
  for (const path of paths) {
    let node = root;
    for (const name of path.split('.')) {
      const next: Node = node.members.get(name) ?? { members: new Map() };
      node.members.set(name, next);
      node = next;
    }
    node.path = path;
  }
  return (bytes) => {
    const found: Record<string, string> = {};
    readJson(bytes, (reader) => readNode(reader, root, found));
    return found as Fields<Path>;
  };
}

/** Reads a whole JSON text; what is none is a CloudEventError at `data`. */
export function readJson<T>(bytes: Uint8Array, read: (reader: JsonReader) => T): T {
  try {
    const reader = new JsonReader(bytes);
    const value = read(reader);
    reader.end();
    return value;
  } catch (thrown) {
    if (thrown instanceof JsonError) throw new CloudEventError('data', `it is not the JSON that was expected: ${thrown.message}`, thrown);
    throw thrown;
  }
}

/** What `read` gives, or undefined when the bytes are not what it expects. */
export function unlessMalformed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof CloudEventError) return undefined;
    throw thrown;
  }
}

function readNode(reader: JsonReader, node: Node, found: Record<string, string>): void {
  const kind = reader.kind();
  if (kind === 'object' && node.members.size > 0) readMembers(reader, node, found);
  else if (node.path === undefined || kind === 'object' || kind === 'array' || kind === 'null') reader.skip();
  else if (kind === 'string') found[node.path] = reader.string();
  else {
    reader.skip();
    found[node.path] = reader.bytes.toString('latin1', reader.start, reader.offset);
  }
}

function readMembers(reader: JsonReader, node: Node, found: Record<string, string>): void {
  const seen = new Set<Node>();
  reader.openObject();
  for (let name = reader.member(); name !== undefined; name = reader.member()) {
    const next = node.members.get(name);
    if (next === undefined) {
      reader.skip();
      continue;
    }
    if (seen.has(next)) throw new CloudEventError('data', `the member ${name} is there more than once`);
    seen.add(next);
    readNode(reader, next, found);
  }
}

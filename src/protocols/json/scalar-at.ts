import { JsonError } from './json-error.ts';
import { JsonReader } from './json-reader.ts';

/**
 * The text, number, boolean or null at a path of JSON bytes, as a text that no other value has: numbers as they are written, so that
 * long ones stay apart. Undefined for objects, arrays, what is not there, and bytes that are not JSON.
 */
export function scalarAt(bytes: Uint8Array, path: readonly string[]): string | undefined {
  try {
    const reader = new JsonReader(bytes);
    const scalar = read(reader, path, 0);
    reader.end();
    return scalar;
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

/** Of members of the same name the last counts, as for most parsers. */
function read(reader: JsonReader, path: readonly string[], depth: number): string | undefined {
  if (depth === path.length) return scalar(reader);
  if (reader.kind() !== 'object') {
    reader.skip();
    return undefined;
  }
  let found: string | undefined;
  reader.openObject();
  for (let name = reader.member(); name !== undefined; name = reader.member()) {
    if (name === path[depth]) found = read(reader, path, depth + 1);
    else reader.skip();
  }
  return found;
}

function scalar(reader: JsonReader): string | undefined {
  const kind = reader.kind();
  if (kind === 'string') return `"${reader.string()}`;
  reader.skip();
  if (kind === 'object' || kind === 'array') return undefined;
  return reader.bytes.toString('latin1', reader.start, reader.offset);
}

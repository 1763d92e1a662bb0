import { JsonError } from './json-error.ts';
import { JsonReader } from './json-reader.ts';

/** Members to keep, by name; undefined where a member is kept whole, else what is kept of it. */
export interface MemberTree extends ReadonlyMap<string, MemberTree | undefined> {}

const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Only these members of JSON bytes, in their order and letter for letter: no number changes its digits. In an array each object is
 * treated so and whatever else it holds is left out. Undefined when the bytes are no JSON object or array (or nest deeper than JsonReader goes).
 */
export function selectMembers(bytes: Uint8Array, members: MemberTree): Buffer | undefined {
  try {
    const reader = new JsonReader(bytes);
    const selection = new Selection(reader);
    const isSelected = selection.value(members);
    reader.end();
    return isSelected ? selection.bytes : undefined;
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

/** Writes what is kept as it is read: never longer than what it is kept of. */
class Selection {
  readonly #reader: JsonReader;
  readonly #kept: Buffer;
  #at = 0;

  constructor(reader: JsonReader) {
    this.#reader = reader;
    this.#kept = Buffer.allocUnsafe(reader.bytes.length);
  }

  get bytes(): Buffer {
    return this.#kept.subarray(0, this.#at);
  }

  /** False, with nothing written, for a value that has no members. */
  value(members: MemberTree): boolean {
    const kind = this.#reader.kind();
    if (kind === 'object') this.#object(members);
    else if (kind === 'array') this.#array(members);
    else {
      this.#reader.skip();
      return false;
    }
    return true;
  }

  #object(members: MemberTree): void {
    const reader = this.#reader;
    reader.openObject();
    this.#byte(OPEN_OBJECT);
    let isFirst = true;
    for (let name = reader.member(); name !== undefined; name = reader.member()) {
      if (!members.has(name)) {
        reader.skip();
        continue;
      }
      const before = this.#at;
      if (!isFirst) this.#byte(COMMA);
      this.#copy(reader.start, reader.offset);
      if (this.#member(members.get(name))) isFirst = false;
      else this.#at = before;
    }
    this.#byte(CLOSE_OBJECT);
  }

  #member(members: MemberTree | undefined): boolean {
    if (members !== undefined) return this.value(members);
    this.#reader.skip();
    this.#copy(this.#reader.start, this.#reader.offset);
    return true;
  }

  #array(members: MemberTree): void {
    this.#reader.openArray();
    this.#byte(OPEN_ARRAY);
    let isFirst = true;
    while (this.#reader.element()) {
      const before = this.#at;
      if (!isFirst) this.#byte(COMMA);
      if (this.value(members)) isFirst = false;
      else this.#at = before;
    }
    this.#byte(CLOSE_ARRAY);
  }

  #copy(start: number, end: number): void {
    this.#at += this.#reader.bytes.copy(this.#kept, this.#at, start, end);
  }

  #byte(byte: number): void {
    this.#kept[this.#at] = byte;
    this.#at += 1;
  }
}

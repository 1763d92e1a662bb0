import { isUtf8 } from 'node:buffer';
import { JsonError } from './json-error.ts';

/** What a value begins with; `end` is a closing bracket or the end of the input, where no value stands. */
export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null' | 'end';

/**
 * Deepest nesting of arrays and objects that is read. 64 is the smallest default among common parsers
 * (.NET's System.Text.Json), so what comes in here can be read by every consumer; and it bounds the stack of `skip`.
 */
export const maxJsonDepth = 64;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Pulls values out of JSON bytes (RFC 8259) without building them: the caller opens what it knows and skips the rest,
 * and `start` to `offset` of a skipped value is its slice. Strict: no byte order mark, invalid UTF-8, trailing comma
 * or text after the value. Throws JsonError. The bytes stay the caller's and must not change meanwhile.
 */
export class JsonReader {
  readonly bytes: Buffer;
  #at = 0;
  #start = 0;
  #depth = 0;
  #fresh = false;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (!isUtf8(this.bytes)) throw new JsonError('text that is not UTF-8, found', firstInvalid(this.bytes));
  }

  /** Offset of the byte after what was read last. */
  get offset(): number {
    return this.#at;
  }

  /** Offset of the first byte of the value read last by `skip`, `string` or `number`. */
  get start(): number {
    return this.#start;
  }

  /** What the next value is, without reading it. */
  kind(): JsonKind {
    const byte = this.#space();
    switch (byte) {
      case OPEN_OBJECT:
        return 'object';
      case OPEN_ARRAY:
        return 'array';
      case QUOTE:
        return 'string';
      case 0x74: // t
      case 0x66: // f
        return 'boolean';
      case 0x6e: // n
        return 'null';
      case undefined:
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        return 'end';
      default:
        if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) return 'number';
        throw new JsonError('a value is expected', this.#at);
    }
  }

  /** Steps into an object, whose members `member` then names. */
  openObject(): void {
    this.#open(OPEN_OBJECT, 'an object is expected');
  }

  /** The name of the next member, whose value must then be read or skipped; undefined once the object is closed. */
  member(): string | undefined {
    if (this.#closes(CLOSE_OBJECT)) return undefined;
    if (this.#space() !== QUOTE) throw new JsonError('a member name in double quotes is expected', this.#at);
    const name = this.string();
    if (this.#space() !== COLON) throw new JsonError('a colon is expected', this.#at);
    this.#at += 1;
    return name;
  }

  /** Steps into an array, whose values `element` then announces. */
  openArray(): void {
    this.#open(OPEN_ARRAY, 'an array is expected');
  }

  /** Whether another value follows, which must then be read or skipped; false once the array is closed. */
  element(): boolean {
    return !this.#closes(CLOSE_ARRAY);
  }

  /** The next value, a string, with its escapes undone; unpaired surrogates written as escapes are kept. */
  string(): string {
    if (this.#space() !== QUOTE) throw new JsonError('a string is expected', this.#at);
    const start = this.#at;
    this.#start = start;
    const escaped = this.#passString();
    this.#fresh = false;
    if (escaped) return JSON.parse(this.bytes.toString('utf8', start, this.#at)) as string;
    return this.bytes.toString('utf8', start + 1, this.#at - 1);
  }

  /** The next value, a number, as it is written. */
  number(): string {
    this.#space();
    this.#start = this.#at;
    this.#passNumber();
    this.#fresh = false;
    return this.bytes.toString('latin1', this.#start, this.#at);
  }

  /** The next value, `true` or `false`. */
  boolean(): boolean {
    const value = this.#space() === 0x74;
    this.skip();
    return value;
  }

  /** Passes over the next value, whatever it is, checking it all the way. */
  skip(): void {
    this.#space();
    this.#start = this.#at;
    const start = this.#at;
    this.#passValue();
    this.#start = start;
    this.#fresh = false;
  }

  /** Checks that nothing but white space follows. */
  end(): void {
    if (this.#space() !== undefined) throw new JsonError('nothing more is expected', this.#at);
  }

  #open(bracket: number, expected: string): void {
    if (this.#space() !== bracket) throw new JsonError(expected, this.#at);
    this.#deeper();
    this.#at += 1;
    this.#fresh = true;
  }

  #deeper(): void {
    this.#depth += 1;
    if (this.#depth > maxJsonDepth) throw new JsonError(`nesting deeper than ${maxJsonDepth} levels, found`, this.#at);
  }

  #closes(bracket: number): boolean {
    const byte = this.#space();
    if (byte === bracket) {
      this.#at += 1;
      this.#depth -= 1;
      this.#fresh = false;
      return true;
    }
    if (this.#fresh) {
      this.#fresh = false;
      return false;
    }
    if (byte !== COMMA) throw new JsonError(`a comma or ${bracket === CLOSE_OBJECT ? '}' : ']'} is expected`, this.#at);
    this.#at += 1;
    const next = this.#space();
    if (next === bracket) throw new JsonError('a value is expected after the comma', this.#at);
    return false;
  }

  /** Passes white space and gives the byte after it. */
  #space(): number | undefined {
    const bytes = this.bytes;
    let at = this.#at;
    let byte = bytes[at];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++at];
    this.#at = at;
    return byte;
  }

  #passValue(): void {
    const byte = this.bytes[this.#at];
    if (byte === QUOTE) this.#passString();
    else if (byte === OPEN_OBJECT) this.#passObject();
    else if (byte === OPEN_ARRAY) this.#passArray();
    else if (byte === 0x74) this.#passWord('true');
    else if (byte === 0x66) this.#passWord('false');
    else if (byte === 0x6e) this.#passWord('null');
    else this.#passNumber();
  }

  #passObject(): void {
    this.#open(OPEN_OBJECT, 'an object is expected');
    while (!this.#closes(CLOSE_OBJECT)) {
      if (this.#space() !== QUOTE) throw new JsonError('a member name in double quotes is expected', this.#at);
      this.#passString();
      if (this.#space() !== COLON) throw new JsonError('a colon is expected', this.#at);
      this.#at += 1;
      this.#space();
      this.#passValue();
    }
  }

  #passArray(): void {
    this.#open(OPEN_ARRAY, 'an array is expected');
    while (!this.#closes(CLOSE_ARRAY)) {
      this.#space();
      this.#passValue();
    }
  }

  /** Returns whether there are escapes. */
  #passString(): boolean {
    const bytes = this.bytes;
    let escaped = false;
    let at = this.#at + 1;
    for (;;) {
      const byte = bytes[at];
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        escaped = true;
        at = passEscape(bytes, at);
      } else if (byte === undefined) {
        throw new JsonError('the end of a string is missing', at);
      } else if (byte < 0x20) {
        throw new JsonError('a control character in a string, which must be escaped, found', at);
      } else {
        at += 1;
      }
    }
    this.#at = at + 1;
    return escaped;
  }

  #passNumber(): void {
    const start = this.#at;
    if (this.bytes[start] === 0x2d) this.#at += 1;
    if (this.bytes[this.#at] === 0x30) this.#at += 1;
    else this.#passDigits(start === this.#at ? 'a value is expected' : 'a digit is expected');
    if (this.bytes[this.#at] === 0x2e) {
      this.#at += 1;
      this.#passDigits('a digit is expected');
    }
    const exponent = this.bytes[this.#at];
    if (exponent === 0x65 || exponent === 0x45) {
      this.#at += 1;
      const sign = this.bytes[this.#at];
      if (sign === 0x2b || sign === 0x2d) this.#at += 1;
      this.#passDigits('a digit is expected');
    }
  }

  #passDigits(expected: string): void {
    const start = this.#at;
    let byte = this.bytes[this.#at];
    while (byte !== undefined && byte >= 0x30 && byte <= 0x39) byte = this.bytes[++this.#at];
    if (this.#at === start) throw new JsonError(expected, start);
  }

  #passWord(word: string): void {
    const end = this.#at + word.length;
    if (this.bytes.toString('latin1', this.#at, Math.min(end, this.bytes.length)) !== word)
      throw new JsonError('a value is expected', this.#at);
    this.#at = end;
  }
}

function passEscape(bytes: Buffer, at: number): number {
  const byte = bytes[at + 1];
  if (byte === 0x75) {
    for (let digit = at + 2; digit < at + 6; digit += 1) {
      if (!isHex(bytes[digit])) throw new JsonError('four hexadecimal digits are expected', digit);
    }
    return at + 6;
  }
  // " \ / b f n r t
  if (
    byte === 0x22 ||
    byte === 0x5c ||
    byte === 0x2f ||
    byte === 0x62 ||
    byte === 0x66 ||
    byte === 0x6e ||
    byte === 0x72 ||
    byte === 0x74
  ) {
    return at + 2;
  }
  throw new JsonError('an escape that JSON does not know, found', at);
}

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

/** Where decoding and encoding again first differs: only paid for input that is refused. */
function firstInvalid(bytes: Buffer): number {
  const mended = Buffer.from(bytes.toString('utf8'), 'utf8');
  let at = 0;
  while (at < bytes.length && bytes[at] === mended[at]) at += 1;
  return at;
}

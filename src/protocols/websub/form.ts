import { isUtf8 } from 'node:buffer';

/** One field of a form; the value is undefined when its bytes are not UTF-8. */
export interface FormField {
  readonly name: string;
  readonly value: string | undefined;
}

const ampersand = 0x26;
const equals = 0x3d;
const percent = 0x25;
const plus = 0x2b;
const space = 0x20;

/**
 * Reads `application/x-www-form-urlencoded` (URL Standard, section 5.1) in order; undefined when there are more than `maxFields`.
 * A field whose name is not UTF-8 is left out, and a percent sign that escapes nothing stands for itself.
 */
export function readForm(body: Uint8Array, maxFields: number): readonly FormField[] | undefined {
  const fields: FormField[] = [];
  let start = 0;
  while (start < body.length) {
    const next = body.indexOf(ampersand, start);
    const end = next === -1 ? body.length : next;
    if (end > start) {
      if (fields.length === maxFields) return undefined;
      const field = readField(body.subarray(start, end));
      if (field !== undefined) fields.push(field);
    }
    start = end + 1;
  }
  return fields;
}

/** Writes fields so that they can be the body of a form and part of a URL's query alike: a space is `%20`. */
export function writeForm(fields: readonly (readonly [name: string, value: string])[]): string {
  return fields.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function readField(bytes: Uint8Array): FormField | undefined {
  const cut = bytes.indexOf(equals);
  const name = decode(cut === -1 ? bytes : bytes.subarray(0, cut));
  if (name === undefined) return undefined;
  return { name, value: cut === -1 ? '' : decode(bytes.subarray(cut + 1)) };
}

function decode(bytes: Uint8Array): string | undefined {
  const decoded = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    const escaped = byte === percent ? hexPair(bytes[at + 1], bytes[at + 2]) : undefined;
    if (escaped !== undefined) at += 2;
    decoded[length++] = escaped ?? (byte === plus ? space : byte);
  }
  const used = decoded.subarray(0, length);
  return isUtf8(used) ? used.toString('utf8') : undefined;
}

function hexPair(high: number | undefined, low: number | undefined): number | undefined {
  const first = hexDigit(high);
  const second = hexDigit(low);
  return first === undefined || second === undefined ? undefined : first * 16 + second;
}

function hexDigit(byte: number | undefined): number | undefined {
  if (byte === undefined) return undefined;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : undefined;
}

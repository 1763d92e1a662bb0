import { timingSafeEqual } from 'node:crypto';

/** The bytes of a hexadecimal text, of either case; undefined when it is none. */
export function fromHex(text: string): Buffer | undefined {
  return text.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(text) ? Buffer.from(text, 'hex') : undefined;
}

/** The bytes of standard base64 with padding (RFC 4648, section 4); undefined when it is anything else. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  // Encoding again is the whole check: alphabet, padding, stray bits and white space.
  return bytes.length > 0 && bytes.toString('base64') === text ? bytes : undefined;
}

/** Compares without telling by its time where two signatures differ; how long they are is no secret. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && timingSafeEqual(one, other);
}

import { crc32 } from 'node:zlib';
import type { EventDraft, ExtensionValue } from '../../core/event.ts';

/*
 * A batch: version byte, CRC-32 of the rest (little endian), events one after the other.
 * An event: flags (2 bytes), id, then those the flags announce of: source, type, datacontenttype, dataschema, subject, time,
 * extensions (count, then name, kind byte, value), data. Strings and data have a variable-length count of bytes before them.
 * A "same" flag says that the member is that of the event before.
 */

export const BATCH_VERSION = 1;
export const HEADER_BYTES = 5;

export const SAME_SOURCE = 1;
export const SAME_TYPE = 2;
export const HAS_CONTENT_TYPE = 4;
export const SAME_CONTENT_TYPE = 8;
export const HAS_SCHEMA = 16;
export const SAME_SCHEMA = 32;
export const HAS_SUBJECT = 64;
export const HAS_TIME = 128;
export const HAS_DATA = 256;
export const HAS_EXTENSIONS = 512;
export const DATA_KIND_SHIFT = 10;

export const DATA_KINDS = ['json', 'text', 'binary'] as const;

export const STRING = 0;
export const NUMBER = 1;
export const TRUE = 2;
export const FALSE = 3;

/** Scratch space kept between commits; what a larger commit needed is given back. */
const KEPT_BYTES = 1024 * 1024;

/** Writes batches into one growing buffer. What it gave out stays valid until `reset`. */
export class BatchEncoder {
  #buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #offset = 0;
  #start = 0;
  #previous: EventDraft | undefined;

  /** To be called when the bytes of the last commit are not needed any more. */
  reset(): void {
    this.#offset = 0;
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(KEPT_BYTES);
  }

  begin(): void {
    this.#room(HEADER_BYTES);
    this.#start = this.#offset;
    this.#offset += HEADER_BYTES;
    this.#previous = undefined;
  }

  /** Bytes of the batch so far. */
  get bytes(): number {
    return this.#offset - this.#start;
  }

  add(draft: EventDraft): void {
    const previous = this.#previous;
    const flags = flagsOf(draft, previous);
    this.#room(2);
    this.#buffer.writeUInt16LE(flags, this.#offset);
    this.#offset += 2;
    this.#string(draft.id);
    if ((flags & SAME_SOURCE) === 0) this.#string(draft.source);
    if ((flags & SAME_TYPE) === 0) this.#string(draft.type);
    if ((flags & (HAS_CONTENT_TYPE | SAME_CONTENT_TYPE)) === HAS_CONTENT_TYPE) this.#string(draft.datacontenttype!);
    if ((flags & (HAS_SCHEMA | SAME_SCHEMA)) === HAS_SCHEMA) this.#string(draft.dataschema!);
    if ((flags & HAS_SUBJECT) !== 0) this.#string(draft.subject!);
    if ((flags & HAS_TIME) !== 0) this.#string(draft.time!);
    if ((flags & HAS_EXTENSIONS) !== 0) this.#extensions(draft.extensions);
    if ((flags & HAS_DATA) !== 0) this.#bytes(draft.data!);
    this.#previous = draft;
  }

  finish(): Uint8Array {
    const batch = this.#buffer.subarray(this.#start, this.#offset);
    batch[0] = BATCH_VERSION;
    batch.writeUInt32LE(crc32(batch.subarray(HEADER_BYTES)), 1);
    return batch;
  }

  #extensions(extensions: Readonly<Record<string, ExtensionValue>>): void {
    const names = Object.keys(extensions);
    this.#count(names.length);
    for (const name of names) {
      const value = extensions[name]!;
      this.#string(name);
      this.#room(9);
      if (typeof value === 'string') {
        this.#buffer[this.#offset++] = STRING;
        this.#string(value);
      } else if (typeof value === 'number') {
        this.#buffer[this.#offset++] = NUMBER;
        this.#offset = this.#buffer.writeDoubleLE(value, this.#offset);
      } else {
        this.#buffer[this.#offset++] = value ? TRUE : FALSE;
      }
    }
  }

  #string(text: string): void {
    const bytes = Buffer.byteLength(text, 'utf8');
    this.#count(bytes);
    this.#room(bytes);
    this.#offset += this.#buffer.write(text, this.#offset, 'utf8');
  }

  #bytes(data: Uint8Array): void {
    this.#count(data.byteLength);
    this.#room(data.byteLength);
    this.#buffer.set(data, this.#offset);
    this.#offset += data.byteLength;
  }

  #count(value: number): void {
    this.#room(5);
    while (value > 127) {
      this.#buffer[this.#offset++] = (value & 127) | 128;
      value >>>= 7;
    }
    this.#buffer[this.#offset++] = value;
  }

  #room(bytes: number): void {
    if (this.#offset + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, this.#offset + bytes));
    this.#buffer.copy(larger, 0, 0, this.#offset);
    this.#buffer = larger;
  }
}

function flagsOf(draft: EventDraft, previous: EventDraft | undefined): number {
  let flags = DATA_KINDS.indexOf(draft.dataKind) << DATA_KIND_SHIFT;
  if (draft.source === previous?.source) flags |= SAME_SOURCE;
  if (draft.type === previous?.type) flags |= SAME_TYPE;
  if (draft.datacontenttype !== undefined) {
    flags |= HAS_CONTENT_TYPE;
    if (draft.datacontenttype === previous?.datacontenttype) flags |= SAME_CONTENT_TYPE;
  }
  if (draft.dataschema !== undefined) {
    flags |= HAS_SCHEMA;
    if (draft.dataschema === previous?.dataschema) flags |= SAME_SCHEMA;
  }
  if (draft.subject !== undefined) flags |= HAS_SUBJECT;
  if (draft.time !== undefined) flags |= HAS_TIME;
  if (draft.data !== undefined) flags |= HAS_DATA;
  for (const _ in draft.extensions) return flags | HAS_EXTENSIONS;
  return flags;
}

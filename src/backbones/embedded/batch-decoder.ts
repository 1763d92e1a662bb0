import { crc32 } from 'node:zlib';
import { Event } from '../../core/event.ts';
import type { EventDraft, ExtensionValue } from '../../core/event.ts';
import {
  BATCH_VERSION,
  DATA_KINDS,
  DATA_KIND_SHIFT,
  FALSE,
  HAS_CONTENT_TYPE,
  HAS_DATA,
  HAS_EXTENSIONS,
  HAS_SCHEMA,
  HAS_SUBJECT,
  HAS_TIME,
  HEADER_BYTES,
  NUMBER,
  SAME_CONTENT_TYPE,
  SAME_SCHEMA,
  SAME_SOURCE,
  SAME_TYPE,
  STRING,
  TRUE,
} from './batch-encoder.ts';
import { positionAt } from './position-text.ts';

/** A row of the log as it is stored. */
export interface StoredBatch {
  readonly first: number;
  readonly last: number;
  readonly acceptedAt: number;
  readonly address: string;
  readonly events: Uint8Array;
}

/**
 * The events of a batch with sequence numbers past `after` and up to `until`, in order; their data are views on the batch.
 * Throws when the bytes are damaged.
 */
export function decodeBatch(
  batch: StoredBatch,
  epoch: string,
  { after, until }: { readonly after: number; readonly until: number },
): Event[] {
  const reader = new BatchReader(batch.events);
  const events: Event[] = [];
  for (let seq = batch.first; seq <= batch.last; seq++) {
    const draft = reader.next();
    if (seq > after && seq <= until) events.push(new Event(draft, batch.address, positionAt(epoch, seq), batch.acceptedAt));
  }
  reader.end();
  return events;
}

class BatchReader {
  readonly #buffer: Buffer;
  #offset = HEADER_BYTES;
  #previous: EventDraft | undefined;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#buffer.length < HEADER_BYTES || this.#buffer[0] !== BATCH_VERSION)
      throw new Error('A stored batch of events has an unknown form');
    if (crc32(this.#buffer.subarray(HEADER_BYTES)) !== this.#buffer.readUInt32LE(1)) throw new Error('A stored batch of events is damaged');
  }

  next(): EventDraft {
    const previous = this.#previous;
    const flags = this.#buffer.readUInt16LE(this.#offset);
    this.#offset += 2;
    const draft: EventDraft = {
      id: this.#string(),
      source: (flags & SAME_SOURCE) === 0 ? this.#string() : previous!.source,
      type: (flags & SAME_TYPE) === 0 ? this.#string() : previous!.type,
      datacontenttype: this.#optional(flags, HAS_CONTENT_TYPE, SAME_CONTENT_TYPE, previous?.datacontenttype),
      dataschema: this.#optional(flags, HAS_SCHEMA, SAME_SCHEMA, previous?.dataschema),
      subject: (flags & HAS_SUBJECT) === 0 ? undefined : this.#string(),
      time: (flags & HAS_TIME) === 0 ? undefined : this.#string(),
      extensions: (flags & HAS_EXTENSIONS) === 0 ? {} : this.#extensions(),
      data: (flags & HAS_DATA) === 0 ? undefined : this.#bytes(),
      dataKind: DATA_KINDS[(flags >>> DATA_KIND_SHIFT) & 3]!,
    };
    this.#previous = draft;
    return draft;
  }

  end(): void {
    if (this.#offset !== this.#buffer.length) throw new Error('A stored batch of events has more bytes than events');
  }

  #optional(flags: number, has: number, same: number, previous: string | undefined): string | undefined {
    if ((flags & has) === 0) return undefined;
    return (flags & same) === 0 ? this.#string() : previous;
  }

  #extensions(): Record<string, ExtensionValue> {
    const extensions: Record<string, ExtensionValue> = {};
    for (let left = this.#count(); left > 0; left--) {
      const name = this.#string();
      const kind = this.#buffer[this.#offset++];
      if (kind === STRING) {
        extensions[name] = this.#string();
      } else if (kind === NUMBER) {
        extensions[name] = this.#buffer.readDoubleLE(this.#offset);
        this.#offset += 8;
      } else if (kind === TRUE || kind === FALSE) {
        extensions[name] = kind === TRUE;
      } else {
        throw new Error('A stored event has an extension of unknown kind');
      }
    }
    return extensions;
  }

  #string(): string {
    const end = this.#end();
    const text = this.#buffer.toString('utf8', this.#offset, end);
    this.#offset = end;
    return text;
  }

  #bytes(): Uint8Array {
    const end = this.#end();
    const bytes = this.#buffer.subarray(this.#offset, end);
    this.#offset = end;
    return bytes;
  }

  /** Reads a count of bytes and returns where they end. */
  #end(): number {
    const count = this.#count();
    const end = this.#offset + count;
    if (end > this.#buffer.length) throw new Error('A stored batch of events is cut short');
    return end;
  }

  #count(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer.readUInt8(this.#offset++);
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new Error('A stored batch of events has a count that does not end');
  }
}

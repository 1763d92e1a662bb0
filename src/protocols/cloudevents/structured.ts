import { JsonError } from '../json/json-error.ts';
import { JsonReader } from '../json/json-reader.ts';
import { checkCore, checkExtensionName, checkSpecVersion, checkString, maxExtensions, shown } from './attributes.ts';
import type { CoreAttribute } from './attributes.ts';
import type { CloudEvent, ExtensionValue } from './cloud-event.ts';
import { CloudEventError } from './cloud-event-error.ts';
import { isJsonType, parseMediaType } from './content-type.ts';
import { kindOfBytes } from './data.ts';

/**
 * Reads one event in the JSON format (CloudEvents JSON format 1.0.2). JSON data are a slice of `body`, byte for byte.
 * An extension named `position` is read like any other: delivering replaces it with the event's place on its log.
 * Throws CloudEventError. The caller has bounded the size.
 */
export function decodeStructured(body: Uint8Array): CloudEvent {
  return asCloudEvent(() => {
    const reader = new JsonReader(body);
    const event = readEvent(reader);
    reader.end();
    return event;
  });
}

/** Reads a batch in the JSON batch format, of at most `maxEvents`. Throws CloudEventError with a path such as `[3].id`. */
export function decodeBatch(body: Uint8Array, maxEvents: number): readonly CloudEvent[] {
  const decoder = new BatchDecoder(body, maxEvents);
  decoder.readOn(Infinity);
  return decoder.events;
}

/** Reads the same in parts: a long batch takes tens of milliseconds, in which others may have their turn. */
export class BatchDecoder {
  readonly #reader: JsonReader;
  readonly #events: CloudEvent[] = [];
  readonly #maxEvents: number;
  #isBegun = false;

  constructor(body: Uint8Array, maxEvents: number) {
    this.#reader = new JsonReader(body);
    this.#maxEvents = maxEvents;
  }

  /** What was read so far. */
  get events(): readonly CloudEvent[] {
    return this.#events;
  }

  /** Reads so many bytes and on to the end of an event; true once the batch was read whole. Throws CloudEventError like `decodeBatch`. */
  readOn(bytes: number): boolean {
    return asCloudEvent(() => {
      const reader = this.#reader;
      if (!this.#isBegun) openBatch(reader);
      this.#isBegun = true;
      if (!readMore(reader, { events: this.#events, maxEvents: this.#maxEvents, until: reader.offset + bytes })) return false;
      reader.end();
      return true;
    });
  }
}

/** The array of events that a reader stands before. Throws CloudEventError, and JsonError for what is not JSON. */
export function readEvents(reader: JsonReader, maxEvents: number): CloudEvent[] {
  const events: CloudEvent[] = [];
  openBatch(reader);
  readMore(reader, { events, maxEvents, until: Infinity });
  return events;
}

function openBatch(reader: JsonReader): void {
  if (reader.kind() !== 'array') throw new CloudEventError('', 'a batch is a JSON array of events');
  reader.openArray();
}

interface Reading {
  readonly events: CloudEvent[];
  readonly maxEvents: number;
  /** Place in the body from which on no further event is begun. */
  readonly until: number;
}

/** True once the array has ended. */
function readMore(reader: JsonReader, { events, maxEvents, until }: Reading): boolean {
  while (reader.offset < until) {
    if (!reader.element()) return true;
    const path = `[${events.length}]`;
    if (events.length === maxEvents) throw new CloudEventError(path, `a batch has at most ${maxEvents} events; send the rest in another`);
    try {
      events.push(readEvent(reader));
    } catch (thrown) {
      throw thrown instanceof CloudEventError ? thrown.within(path) : thrown;
    }
  }
  return false;
}

/** The event that a reader stands before. Throws CloudEventError, and JsonError for what is not JSON. */
export function readEvent(reader: JsonReader): CloudEvent {
  if (reader.kind() !== 'object') throw new CloudEventError('', 'an event is a JSON object');
  reader.openObject();
  const envelope = new Envelope();
  for (let name = reader.member(); name !== undefined; name = reader.member()) envelope.take(name, reader);
  return envelope.event();
}

/** Runs a decoder and turns JSON that cannot be read into a CloudEventError. */
function asCloudEvent<T>(decode: () => T): T {
  try {
    return decode();
  } catch (thrown) {
    if (thrown instanceof JsonError) throw new CloudEventError('', `it is not JSON as RFC 8259 has it: ${thrown.message}`, thrown);
    throw thrown;
  }
}

/** Members of one event as they come, in any order, until they can be judged together. */
class Envelope {
  readonly #names: string[] = [];
  readonly #extensions: Record<string, ExtensionValue> = {};
  #specversion = false;
  #id: string | undefined;
  #source: string | undefined;
  #type: string | undefined;
  #subject: string | undefined;
  #time: string | undefined;
  #datacontenttype: string | undefined;
  #dataschema: string | undefined;
  /** The slice of `data`, or its decoded string. */
  #raw: Uint8Array | undefined;
  #text: string | undefined;
  #base64: string | undefined;

  take(name: string, reader: JsonReader): void {
    if (this.#names.includes(name)) throw new CloudEventError(shown(name), 'it is there more than once');
    this.#names.push(name);
    switch (name) {
      case 'specversion':
        this.#specversion = takeSpecVersion(reader);
        break;
      case 'id':
        this.#id = takeCore(name, reader);
        break;
      case 'source':
        this.#source = takeCore(name, reader);
        break;
      case 'type':
        this.#type = takeCore(name, reader);
        break;
      case 'subject':
        this.#subject = takeCore(name, reader);
        break;
      case 'time':
        this.#time = takeCore(name, reader);
        break;
      case 'datacontenttype':
        this.#datacontenttype = takeCore(name, reader);
        break;
      case 'dataschema':
        this.#dataschema = takeCore(name, reader);
        break;
      case 'data':
        this.#takeData(reader);
        break;
      case 'data_base64':
        this.#base64 = takeString(name, reader);
        break;
      default:
        this.#takeExtension(name, reader);
    }
  }

  event(): CloudEvent {
    if (!this.#specversion) throw new CloudEventError('specversion', 'it is missing; it must be "1.0"');
    return {
      id: this.#id ?? missing('id'),
      source: this.#source ?? missing('source'),
      type: this.#type ?? missing('type'),
      subject: this.#subject,
      time: this.#time,
      datacontenttype: this.#datacontenttype,
      dataschema: this.#dataschema,
      extensions: this.#extensions,
      ...this.#data(),
    };
  }

  #takeData(reader: JsonReader): void {
    const kind = reader.kind();
    if (kind === 'string') this.#text = reader.string();
    else reader.skip();
    this.#raw = reader.bytes.subarray(reader.start, reader.offset);
  }

  #takeExtension(name: string, reader: JsonReader): void {
    checkExtensionName(name);
    if (this.#names.length > maxExtensions + 10)
      throw new CloudEventError(name, `an event has at most ${maxExtensions} extension attributes`);
    const value = takeExtension(name, reader);
    if (value !== undefined) this.#extensions[name] = value;
  }

  #data(): { data: Uint8Array | undefined; dataKind: 'json' | 'text' | 'binary' } {
    const raw = this.#raw;
    if (this.#base64 !== undefined) {
      if (raw !== undefined) throw new CloudEventError('data_base64', 'data and data_base64 exclude each other');
      const data = fromBase64(this.#base64);
      return { data, dataKind: kindOfBytes(data, this.#datacontenttype) };
    }
    if (raw === undefined) return { data: undefined, dataKind: 'json' };
    if (declaresJson(this.#datacontenttype)) return { data: raw, dataKind: 'json' };
    if (this.#text === undefined) {
      throw new CloudEventError('data', 'it must be a string, since datacontenttype does not declare JSON');
    }
    if (!this.#text.isWellFormed()) throw new CloudEventError('data', 'unpaired surrogates cannot be written as UTF-8');
    return { data: Buffer.from(this.#text, 'utf8'), dataKind: 'text' };
  }
}

function missing(name: string): never {
  throw new CloudEventError(name, 'it is missing');
}

/** JSON format 1.0.2, section 3.1.2: no content type means JSON. */
function declaresJson(datacontenttype: string | undefined): boolean {
  if (datacontenttype === undefined) return true;
  const media = parseMediaType(datacontenttype);
  return media !== undefined && isJsonType(media);
}

function takeSpecVersion(reader: JsonReader): boolean {
  const value = takeString('specversion', reader);
  if (value === undefined) return false;
  checkSpecVersion(value);
  return true;
}

function takeCore(name: CoreAttribute, reader: JsonReader): string | undefined {
  const value = takeString(name, reader);
  if (value !== undefined) checkCore(name, value);
  return value;
}

/** A string; undefined for null, which means unset (JSON format 1.0.2, section 2.2). */
function takeString(name: string, reader: JsonReader): string | undefined {
  const kind = reader.kind();
  if (kind === 'string') return reader.string();
  if (kind !== 'null') throw new CloudEventError(name, `it must be a string, not ${article(kind)}`);
  reader.skip();
  return undefined;
}

function takeExtension(name: string, reader: JsonReader): ExtensionValue | undefined {
  const kind = reader.kind();
  switch (kind) {
    case 'string': {
      const value = reader.string();
      checkString(name, value);
      return value;
    }
    case 'boolean':
      return reader.boolean();
    case 'number':
      return toInteger(name, reader.number());
    case 'null':
      reader.skip();
      return undefined;
    default:
      throw new CloudEventError(name, `it must be a string, a boolean or an integer, not ${article(kind)}`);
  }
}

function toInteger(name: string, written: string): number {
  const value = Number(written);
  if (!/^-?\d+$/.test(written) || value < -2_147_483_648 || value > 2_147_483_647) {
    throw new CloudEventError(name, 'a number must be an integer of 32 bits, written without fraction and exponent');
  }
  // Turns -0 into 0.
  return value | 0;
}

function fromBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  // Encoding again is the whole check: alphabet, padding, stray bits and white space.
  if (bytes.toString('base64') !== text) throw new CloudEventError('data_base64', 'it is not base64 of RFC 4648, section 4, with padding');
  return bytes;
}

function article(kind: string): string {
  return kind === 'object' || kind === 'array' ? `an ${kind}` : `a ${kind}`;
}

import type { ChangeFormat } from './changes.ts';
import type { Position } from './position.ts';

/** How the data member of the JSON format carries the bytes (CloudEvents JSON format 1.0.2, section 3.1). */
export type DataKind = 'json' | 'text' | 'binary';

export type ExtensionValue = string | number | boolean;

/** A CloudEvent that no log has taken yet: checked attributes plus the data bytes as received. */
export interface EventDraft {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string | undefined;
  /** RFC 3339, as received. */
  readonly time?: string | undefined;
  readonly datacontenttype?: string | undefined;
  readonly dataschema?: string | undefined;
  readonly extensions: Readonly<Record<string, ExtensionValue>>;
  /** The bytes as received, never parsed unless a policy asks; undefined when the event has no data. */
  readonly data: Uint8Array | undefined;
  readonly dataKind: DataKind;
}

/** Encodes an event, and what is said between events, for one way of writing to a client. The object itself is the cache key. */
export interface WireFormat {
  readonly name: string;
  /** The whole frame of one event; concatenated frames are a valid stream. Called once per event and format. */
  encode(event: Event): Buffer;
  /** A frame that names a gap, so that a reader never misses events without being told. */
  encodeGap(gap: Gap): Buffer;
  /** Where events may be written as changes of others; `encode` then writes them whole. */
  readonly changes?: ChangeFormat | undefined;
}

/** Events that a reader did not get: how many (undefined when unknown), between which positions, and why. */
export interface Gap {
  readonly after: Position;
  readonly upTo: Position;
  readonly events: number | undefined;
  readonly reason: 'dropped' | 'conflated';
}

/** Frames kept of one event: clients choose some formats themselves, and what many of them catch up with is kept for a while. */
const mostFrames = 16;

/** An event with its place on a channel's log. Immutable; shared by every reader. */
export class Event implements EventDraft {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | undefined;
  readonly time: string | undefined;
  readonly datacontenttype: string | undefined;
  readonly dataschema: string | undefined;
  readonly extensions: Readonly<Record<string, ExtensionValue>>;
  readonly data: Uint8Array | undefined;
  readonly dataKind: DataKind;
  /** The concrete address it was published to. */
  readonly address: string;
  readonly position: Position;
  /** Wall time of acceptance, milliseconds. */
  readonly acceptedAt: number;
  #format: WireFormat | undefined;
  #frame: Buffer | undefined;
  #frames: Map<WireFormat, Buffer> | undefined;
  #json: { readonly value: unknown } | undefined;

  constructor(draft: EventDraft, address: string, position: Position, acceptedAt: number) {
    this.id = draft.id;
    this.source = draft.source;
    this.type = draft.type;
    this.subject = draft.subject;
    this.time = draft.time;
    this.datacontenttype = draft.datacontenttype;
    this.dataschema = draft.dataschema;
    this.extensions = draft.extensions;
    this.data = draft.data;
    this.dataKind = draft.dataKind;
    this.address = address;
    this.position = position;
    this.acceptedAt = acceptedAt;
  }

  /** The event in a wire format: encoded on first use, then the same buffer for everyone; past the first formats anew each time. */
  frame(format: WireFormat): Buffer {
    if (this.#format === format) return this.#frame as Buffer;
    let frame = this.#frames?.get(format);
    if (frame === undefined) {
      frame = format.encode(this);
      if (this.#format === undefined) {
        this.#format = format;
        this.#frame = frame;
      } else {
        this.#frames ??= new Map();
        if (this.#frames.size < mostFrames - 1) this.#frames.set(format, frame);
      }
    }
    return frame;
  }

  /** The event as one client gets to see it. Charge for the event itself. */
  with(changes: Partial<EventDraft>): Event {
    const { id, source, type, subject, time, datacontenttype, dataschema, extensions, data, dataKind } = this;
    const draft = { id, source, type, subject, time, datacontenttype, dataschema, extensions, data, dataKind, ...changes };
    return new Event(draft, this.address, this.position, this.acceptedAt);
  }

  /** Payload size in bytes, before any encoding: what is billed as bytes. */
  get bytes(): number {
    return this.data === undefined ? 0 : this.data.byteLength;
  }

  /** The data as a JSON value, parsed once; undefined when it is not JSON. */
  json(): unknown {
    if (this.#json === undefined) this.#json = { value: parseJson(this) };
    return this.#json.value;
  }
}

function parseJson(draft: EventDraft): unknown {
  if (draft.dataKind !== 'json' || draft.data === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(draft.data.buffer, draft.data.byteOffset, draft.data.byteLength).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

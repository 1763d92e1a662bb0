import { ByteBuffer } from '../byte-buffer.ts';

/** An event as a client dispatches it. */
export interface SseMessage {
  /** `message` unless the stream named another. */
  readonly event: string;
  readonly data: string;
  /** The id that holds after this event: its own or the last one before. */
  readonly id: string;
}

/** One event is larger than the client allows; the stream cannot be read on. */
export class SseTooLargeError extends Error {
  override readonly name = 'SseTooLargeError';
}

const LF = 0x0a;
const CR = 0x0d;
const NUL = '\0';
/** Longest wait a timer can hold, in milliseconds. */
const maxRetry = 2_147_483_647;

/** Reads an event stream as WHATWG HTML, section 9.2.6, has it, from chunks cut anywhere. Keeps at most `maxEventBytes` of an unfinished event. */
export class SseParser {
  readonly #maxEventBytes: number;
  /** Bytes of a line whose end has not come. */
  readonly #rest = new ByteBuffer();
  #data: string[] = [];
  #dataBytes = 0;
  #event = '';
  #id = '';
  #lastEventId = '';
  #retry: number | undefined;
  #failure: SseTooLargeError | undefined;
  #first = true;
  #afterCr = false;

  constructor(maxEventBytes: number) {
    this.#maxEventBytes = maxEventBytes;
  }

  /** What a new connection sends as Last-Event-ID; empty: nothing. Only an id whose block was completed counts. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** Milliseconds the server wants between connections, once it said so. */
  get retry(): number | undefined {
    return this.#retry;
  }

  /**
   * The events that this chunk completes. An event without its empty line at the end of the stream is never given, as the standard wants.
   * Throws SseTooLargeError, but not before the events that came before it were given: `lastEventId` already stands after them.
   */
  feed(chunk: Uint8Array): SseMessage[] {
    if (this.#failure !== undefined) throw this.#failure;
    const messages: SseMessage[] = [];
    try {
      this.#read(chunk, messages);
    } catch (thrown) {
      if (!(thrown instanceof SseTooLargeError) || messages.length === 0) throw thrown;
      this.#failure = thrown;
    }
    return messages;
  }

  #read(chunk: Uint8Array, messages: SseMessage[]): void {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (byte === LF && this.#afterCr) {
        // The second half of a CRLF that may have been cut in two.
        this.#afterCr = false;
        start = at + 1;
        continue;
      }
      this.#afterCr = false;
      if (byte !== LF && byte !== CR) continue;
      this.#afterCr = byte === CR;
      const line = this.#line(bytes.subarray(start, at));
      start = at + 1;
      const message = this.#process(line);
      if (message !== undefined) messages.push(message);
    }
    if (start < bytes.length) this.#keep(bytes.subarray(start));
  }

  #keep(part: Buffer): void {
    this.#charge(part.length);
    this.#rest.append(part);
  }

  #charge(bytes: number): void {
    if (this.#dataBytes + this.#rest.length + bytes > this.#maxEventBytes) {
      throw new SseTooLargeError(`An event of the stream has more than ${this.#maxEventBytes} bytes.`);
    }
  }

  #line(end: Buffer): string {
    this.#charge(end.length);
    const text = this.#whole(end).toString('utf8');
    if (!this.#first) return text;
    this.#first = false;
    return text.startsWith('\ufeff') ? text.slice(1) : text;
  }

  #whole(end: Buffer): Buffer {
    if (this.#rest.length === 0) return end;
    this.#rest.append(end);
    return this.#rest.take();
  }

  #process(line: string): SseMessage | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return undefined;
    if (colon === -1) this.#field(line, '');
    else this.#field(line.slice(0, colon), line.slice(line.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1));
    return undefined;
  }

  #field(name: string, value: string): void {
    switch (name) {
      case 'data':
        this.#data.push(value);
        this.#dataBytes += value.length + 1;
        this.#charge(0);
        break;
      case 'event':
        this.#event = value;
        break;
      case 'id':
        if (!value.includes(NUL)) this.#id = value;
        break;
      case 'retry':
        if (/^[0-9]+$/.test(value)) this.#retry = Math.min(Number(value), maxRetry);
        break;
      default:
    }
  }

  #dispatch(): SseMessage | undefined {
    this.#lastEventId = this.#id;
    const event = this.#event === '' ? 'message' : this.#event;
    const lines = this.#data;
    this.#event = '';
    this.#data = [];
    this.#dataBytes = 0;
    return lines.length === 0 ? undefined : { event, data: lines.join('\n'), id: this.#id };
  }
}

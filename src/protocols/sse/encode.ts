/** One event of an event stream (WHATWG HTML, section 9.2). */
export interface SseEvent {
  /** Becomes the client's Last-Event-ID. Without line breaks and NUL. */
  readonly id?: string | undefined;
  /** Without line breaks; left out, browsers dispatch it as `message`. */
  readonly event?: string | undefined;
  readonly data: Uint8Array | string;
  /** Milliseconds until the client comes back. */
  readonly retry?: number | undefined;
}

const LF = 0x0a;
const CR = 0x0d;
const dataField = Buffer.from('data: ');
const dataEnd = Buffer.from('\n\n');

/**
 * The whole block of one event. CR, LF and CRLF in the data begin a new `data:` line, which clients give back as LF; other bytes
 * pass as they are. Throws RangeError when id, event or retry could break the framing.
 */
export function encodeSseEvent({ id, event, data, retry }: SseEvent): Buffer {
  let head = '';
  if (id !== undefined) head += `id: ${checkedField('id', id)}\n`;
  if (event !== undefined) head += `event: ${checkedField('event', event)}\n`;
  if (retry !== undefined) head += retryField(retry);
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
  if (bytes.indexOf(LF) !== -1 || bytes.indexOf(CR) !== -1) {
    return Buffer.concat([Buffer.from(head, 'utf8'), ...dataLines(bytes), dataEnd.subarray(1)]);
  }
  const headBytes = Buffer.byteLength(head);
  const block = Buffer.allocUnsafe(headBytes + dataField.length + bytes.byteLength + dataEnd.length);
  block.write(head, 0, 'utf8');
  block.set(dataField, headBytes);
  block.set(bytes, headBytes + dataField.length);
  block.set(dataEnd, headBytes + dataField.length + bytes.byteLength);
  return block;
}

/** A block that clients ignore: keeps the connection from looking dead. Line breaks in the text become spaces. */
export function encodeSseComment(text: string): Buffer {
  return Buffer.from(`: ${text.replace(/[\r\n]+/g, ' ')}\n\n`, 'utf8');
}

/** A block that only tells the client, in milliseconds, how long to wait before it comes back. */
export function encodeSseRetry(milliseconds: number): Buffer {
  return Buffer.from(`${retryField(milliseconds)}\n`, 'utf8');
}

function retryField(milliseconds: number): string {
  // A parser takes digits only: no sign, no fraction, no exponent.
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 0)
    throw new RangeError(`retry must be a whole number of milliseconds, not ${milliseconds}`);
  return `retry: ${milliseconds}\n`;
}

function checkedField(name: string, value: string): string {
  // A parser ignores an id with NUL, so resuming would go back further than it should.
  if (/[\r\n\0]/.test(value)) throw new RangeError(`${name} of an event stream must not have line breaks or NUL`);
  return value;
}

function dataLines(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let at = 0; at <= bytes.byteLength; at += 1) {
    const byte = bytes[at];
    if (byte !== LF && byte !== CR && byte !== undefined) continue;
    parts.push(dataField, bytes.subarray(start, at), dataEnd.subarray(1));
    if (byte === CR && bytes[at + 1] === LF) at += 1;
    start = at + 1;
  }
  return parts;
}

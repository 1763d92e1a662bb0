/** Opcodes of RFC 6455, section 5.2. */
export const opcodes = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** Set beside the opcode of a message's first frame: the message is compressed (RFC 7692, section 6). */
export const rsv1 = 0x40;

const FIN = 0x80;
const MASKED = 0x80;
/** Longest payload of a control frame (section 5.5). */
const maxControlBytes = 125;

/** One unmasked, unfragmented text frame, as a server sends it (section 5.6). The payload must be UTF-8. */
export function encodeTextFrame(payload: Uint8Array): Buffer {
  return encodeFrame(opcodes.text, payload);
}

/** The same with a payload that `deflateMessage` made. */
export function encodeDeflatedTextFrame(payload: Uint8Array): Buffer {
  return encodeFrame(opcodes.text | rsv1, payload);
}

/** One unmasked frame (section 5.2), the last of its message unless `fin` is false. */
export function encodeFrame(opcode: number, payload: Uint8Array, fin = true): Buffer {
  const head = headBytes(payload.byteLength);
  const frame = Buffer.allocUnsafe(head + payload.byteLength);
  writeHead(frame, fin ? FIN | opcode : opcode, payload.byteLength, 0);
  frame.set(payload, head);
  return frame;
}

/** One frame masked with four bytes, as a client must send it (section 5.3); `fin` false: more of the message follows. */
export function encodeMaskedFrame(opcode: number, payload: Uint8Array, mask: Uint8Array, fin = true): Buffer {
  const head = headBytes(payload.byteLength);
  const frame = Buffer.allocUnsafe(head + 4 + payload.byteLength);
  writeHead(frame, fin ? FIN | opcode : opcode, payload.byteLength, MASKED);
  frame.set(mask.subarray(0, 4), head);
  frame.set(payload, head + 4);
  applyMask(frame.subarray(head + 4), frame.subarray(head, head + 4));
  return frame;
}

/** A close frame (section 5.5.1); a reason of more than 123 bytes is cut between two characters. Without code it has no payload. */
export function encodeCloseFrame(code?: number, reason = ''): Buffer {
  return encodeFrame(opcodes.close, closePayload(code, reason));
}

/** The payload of a close frame: two bytes of code, then the reason as UTF-8. */
export function closePayload(code: number | undefined, reason: string): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  const text = Buffer.from(reason, 'utf8');
  let end = Math.min(text.length, maxControlBytes - 2);
  // 10xxxxxx is the inside of a character.
  while (end < text.length && end > 0 && ((text[end] as number) & 0xc0) === 0x80) end -= 1;
  const payload = Buffer.allocUnsafe(2 + end);
  payload.writeUInt16BE(code, 0);
  text.copy(payload, 2, 0, end);
  return payload;
}

/** A ping (section 5.5.2) with at most 125 bytes, which the pong repeats. Throws RangeError for more. */
export function encodePing(payload: Uint8Array = Buffer.alloc(0)): Buffer {
  return encodeControl(opcodes.ping, payload);
}

/** The answer to a ping, with its payload (section 5.5.3). Throws RangeError for more than 125 bytes. */
export function encodePong(payload: Uint8Array = Buffer.alloc(0)): Buffer {
  return encodeControl(opcodes.pong, payload);
}

/** Masks or unmasks in place (section 5.3: the same operation); `offset` is how many bytes of the payload came before. */
export function applyMask(bytes: Uint8Array, mask: Uint8Array, offset = 0): void {
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = (bytes[at] as number) ^ (mask[(at + offset) & 3] as number);
}

function encodeControl(opcode: number, payload: Uint8Array): Buffer {
  if (payload.byteLength > maxControlBytes)
    throw new RangeError(`a control frame has at most ${maxControlBytes} bytes, not ${payload.byteLength}`);
  return encodeFrame(opcode, payload);
}

function headBytes(length: number): number {
  if (length < 126) return 2;
  return length < 65_536 ? 4 : 10;
}

function writeHead(frame: Buffer, first: number, length: number, masked: number): void {
  frame[0] = first;
  if (length < 126) {
    frame[1] = masked | length;
  } else if (length < 65_536) {
    frame[1] = masked | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = masked | 127;
    frame.writeUInt32BE(Math.floor(length / 0x1_0000_0000), 2);
    frame.writeUInt32BE(length % 0x1_0000_0000, 6);
  }
}

import { ByteBuffer } from '../byte-buffer.ts';
import { applyMask, opcodes, rsv1 } from './encode-frame.ts';
import { WebSocketProtocolError } from './protocol-error.ts';

/** One frame (RFC 6455, section 5.2) with its payload unmasked. */
export interface Frame {
  readonly fin: boolean;
  readonly opcode: number;
  /** RSV1: the message that begins here is compressed (RFC 7692, section 6). */
  readonly compressed: boolean;
  readonly payload: Buffer;
}

interface FrameRules {
  /** Who receives. */
  readonly role: 'server' | 'client';
  readonly maxPayloadBytes: number;
  /** Whether permessage-deflate was agreed; otherwise RSV1 is refused. */
  readonly deflate: boolean;
}

/**
 * Cuts a stream of bytes into frames, strictly: as a server it insists on masks, as a client on their absence (section 5.1).
 * Throws WebSocketProtocolError, after which it must not be fed again.
 */
export class FrameDecoder {
  readonly #rules: FrameRules;
  /** Between two frames there is none, so that a quiet connection holds nothing. */
  #partial: PartialFrame | undefined;

  constructor(rules: FrameRules) {
    this.#rules = rules;
  }

  /**
   * Hands over each frame that this chunk completes, so that those before an error are not lost, until the receiver answers false. Returns
   * how many bytes were taken; the others are to be fed again. The chunk is not kept and not changed.
   */
  feed(chunk: Uint8Array, receive: (frame: Frame) => unknown): number {
    let at = 0;
    while (at < chunk.byteLength) {
      this.#partial ??= new PartialFrame();
      at = this.#partial.feed(chunk, at, this.#rules);
      const frame = this.#partial.completed();
      if (frame === undefined) continue;
      this.#partial = undefined;
      if (receive(frame) === false) break;
    }
    return at;
  }
}

interface Head {
  readonly fin: boolean;
  readonly opcode: number;
  readonly compressed: boolean;
  readonly length: number;
  /** Four bytes; undefined when the payload is not masked. */
  readonly mask: Buffer | undefined;
}

const knownOpcodes: ReadonlySet<number> = new Set(Object.values(opcodes));

/** The frame whose bytes are coming. */
class PartialFrame {
  /** Longest head: 2 bytes, 8 of length, 4 of mask. */
  readonly #headBytes = Buffer.alloc(14);
  #headLength = 0;
  readonly #payload = new ByteBuffer();
  #head: Head | undefined;

  /** Takes what belongs to this frame; returns where the rest of the chunk begins. */
  feed(chunk: Uint8Array, from: number, rules: FrameRules): number {
    let at = from;
    while (at < chunk.byteLength && this.#head === undefined) {
      this.#headBytes[this.#headLength] = chunk[at] as number;
      this.#headLength += 1;
      at += 1;
      if (this.#headLength === 2) checkStart(this.#headBytes, rules);
      if (this.#headLength >= 2 && this.#headLength === headLength(this.#headBytes)) this.#head = readHead(this.#headBytes, rules);
    }
    if (this.#head === undefined) return at;
    const end = Math.min(chunk.byteLength, at + this.#head.length - this.#payload.length);
    this.#payload.append(chunk.subarray(at, end));
    return end;
  }

  completed(): Frame | undefined {
    const head = this.#head;
    if (head === undefined || this.#payload.length < head.length) return undefined;
    const payload = this.#payload.take();
    if (head.mask !== undefined) applyMask(payload, head.mask);
    return { fin: head.fin, opcode: head.opcode, compressed: head.compressed, payload };
  }
}

/** What the first two bytes tell already, so that nonsense is refused before more of it is awaited. */
function checkStart(bytes: Buffer, { role, deflate }: FrameRules): void {
  const first = bytes[0] as number;
  const second = bytes[1] as number;
  const opcode = first & 0x0f;
  if ((first & 0x30) !== 0) throw new WebSocketProtocolError(1002, 'RSV2 or RSV3 is set, but no extension that uses them was agreed.');
  if (!knownOpcodes.has(opcode)) throw new WebSocketProtocolError(1002, `Opcode ${opcode} is reserved.`);
  if ((first & rsv1) !== 0 && !(deflate && (opcode === opcodes.text || opcode === opcodes.binary)))
    throw new WebSocketProtocolError(1002, 'RSV1 is set where no compressed message begins.');
  if ((second & 0x80) === 0 && role === 'server') throw new WebSocketProtocolError(1002, 'A client must mask its frames.');
  if ((second & 0x80) !== 0 && role === 'client') throw new WebSocketProtocolError(1002, 'A server must not mask its frames.');
  if (opcode >= 0x8) {
    // Section 5.5.
    if ((first & 0x80) === 0) throw new WebSocketProtocolError(1002, 'A control frame must not be fragmented.');
    if ((second & 0x7f) > 125) throw new WebSocketProtocolError(1002, 'A control frame has at most 125 bytes.');
  }
}

function readHead(bytes: Buffer, { maxPayloadBytes }: FrameRules): Head {
  const size = headLength(bytes);
  const length = payloadLength(bytes);
  if (length > maxPayloadBytes) {
    throw new WebSocketProtocolError(1009, `A frame has ${length} bytes, but at most ${maxPayloadBytes} are accepted.`);
  }
  const first = bytes[0] as number;
  const masked = ((bytes[1] as number) & 0x80) !== 0;
  return {
    fin: (first & 0x80) !== 0,
    opcode: first & 0x0f,
    compressed: (first & rsv1) !== 0,
    length,
    mask: masked ? bytes.subarray(size - 4, size) : undefined,
  };
}

function headLength(bytes: Buffer): number {
  const second = bytes[1] as number;
  const short = second & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  return 2 + extended + ((second & 0x80) === 0 ? 0 : 4);
}

/** Section 5.2: the shortest form must be used, and the highest bit of 64 must be 0. */
function payloadLength(bytes: Buffer): number {
  const short = (bytes[1] as number) & 0x7f;
  if (short < 126) return short;
  if (short === 126) {
    const length = bytes.readUInt16BE(2);
    if (length < 126) throw new WebSocketProtocolError(1002, 'A payload length is not written in its shortest form.');
    return length;
  }
  const high = bytes.readUInt32BE(2);
  if (high >= 0x8000_0000) throw new WebSocketProtocolError(1002, 'The highest bit of a 64-bit payload length must be 0.');
  const length = high * 0x1_0000_0000 + bytes.readUInt32BE(6);
  if (length < 65_536) throw new WebSocketProtocolError(1002, 'A payload length is not written in its shortest form.');
  return length;
}

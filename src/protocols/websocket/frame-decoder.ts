import { ByteBuffer } from '../byte-buffer.ts';
import { applyMask, opcodes } from './encode-frame.ts';
import { WebSocketProtocolError } from './protocol-error.ts';

/** One frame (RFC 6455, section 5.2) with its payload unmasked. */
export interface Frame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
}

interface Head {
  readonly fin: boolean;
  readonly opcode: number;
  readonly length: number;
  /** Four bytes; undefined when the payload is not masked. */
  readonly mask: Buffer | undefined;
}

const knownOpcodes: ReadonlySet<number> = new Set(Object.values(opcodes));

/**
 * Cuts a stream of bytes into frames, strictly: as a server it insists on masks, as a client on their absence (section 5.1).
 * Extensions are not negotiated, so RSV bits are refused. Throws WebSocketProtocolError, after which it must not be fed again.
 */
export class FrameDecoder {
  readonly #role: 'server' | 'client';
  readonly #maxPayloadBytes: number;
  /** Longest head: 2 bytes, 8 of length, 4 of mask. */
  readonly #headBytes = Buffer.alloc(14);
  #headLength = 0;
  readonly #payload = new ByteBuffer();
  #head: Head | undefined;

  constructor(role: 'server' | 'client', maxPayloadBytes: number) {
    this.#role = role;
    this.#maxPayloadBytes = maxPayloadBytes;
  }

  /** Hands over each frame that this chunk completes, so that those before an error are not lost. The chunk is not kept and not changed. */
  feed(chunk: Uint8Array, receive: (frame: Frame) => void): void {
    let at = 0;
    while (at < chunk.byteLength) {
      if (this.#head === undefined) {
        at = this.#feedHead(chunk, at);
      } else {
        const end = Math.min(chunk.byteLength, at + this.#head.length - this.#payload.length);
        this.#payload.append(chunk.subarray(at, end));
        at = end;
      }
      const frame = this.#completed();
      if (frame !== undefined) receive(frame);
    }
  }

  #feedHead(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.byteLength && this.#head === undefined) {
      this.#headBytes[this.#headLength] = chunk[at] as number;
      this.#headLength += 1;
      at += 1;
      if (this.#headLength === 2) this.#checkStart(this.#headBytes);
      if (this.#headLength >= 2 && this.#headLength === headLength(this.#headBytes)) this.#head = this.#readHead(this.#headLength);
    }
    return at;
  }

  #completed(): Frame | undefined {
    const head = this.#head;
    if (head === undefined || this.#payload.length < head.length) return undefined;
    this.#head = undefined;
    const payload = this.#payload.take();
    if (head.mask !== undefined) applyMask(payload, head.mask);
    return { fin: head.fin, opcode: head.opcode, payload };
  }

  /** What the first two bytes tell already, so that nonsense is refused before more of it is awaited. */
  #checkStart(bytes: Buffer): void {
    const first = bytes[0] as number;
    const second = bytes[1] as number;
    const opcode = first & 0x0f;
    if ((first & 0x70) !== 0) throw new WebSocketProtocolError(1002, 'RSV bits are set, but no extension was agreed.');
    if (!knownOpcodes.has(opcode)) throw new WebSocketProtocolError(1002, `Opcode ${opcode} is reserved.`);
    if ((second & 0x80) === 0 && this.#role === 'server') throw new WebSocketProtocolError(1002, 'A client must mask its frames.');
    if ((second & 0x80) !== 0 && this.#role === 'client') throw new WebSocketProtocolError(1002, 'A server must not mask its frames.');
    if (opcode >= 0x8) {
      // Section 5.5.
      if ((first & 0x80) === 0) throw new WebSocketProtocolError(1002, 'A control frame must not be fragmented.');
      if ((second & 0x7f) > 125) throw new WebSocketProtocolError(1002, 'A control frame has at most 125 bytes.');
    }
  }

  #readHead(size: number): Head {
    const bytes = this.#headBytes;
    this.#headLength = 0;
    const length = payloadLength(bytes);
    if (length > this.#maxPayloadBytes) {
      throw new WebSocketProtocolError(1009, `A frame has ${length} bytes, but at most ${this.#maxPayloadBytes} are accepted.`);
    }
    const first = bytes[0] as number;
    const masked = ((bytes[1] as number) & 0x80) !== 0;
    return {
      fin: (first & 0x80) !== 0,
      opcode: first & 0x0f,
      length,
      mask: masked ? Buffer.from(bytes.subarray(size - 4, size)) : undefined,
    };
  }
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

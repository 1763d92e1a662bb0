import { isUtf8 } from 'node:buffer';
import { ByteBuffer } from '../byte-buffer.ts';
import { opcodes } from './encode-frame.ts';
import type { Frame } from './frame-decoder.ts';
import { inflateMessage } from './permessage-deflate.ts';
import { WebSocketProtocolError } from './protocol-error.ts';

/** What frames say once put together (RFC 6455, sections 5.4 and 5.5). */
export type Message =
  | { readonly kind: 'text' | 'binary' | 'ping' | 'pong'; readonly data: Buffer }
  /** `code` is undefined when the close frame was empty. */
  | { readonly kind: 'close'; readonly code: number | undefined; readonly reason: string };

/** A message of which not all has come. */
interface Begun {
  readonly kind: 'text' | 'binary';
  readonly compressed: boolean;
  readonly fragments: ByteBuffer;
}

/** Puts fragments together, with control frames between them. Throws WebSocketProtocolError, after which it must not be used. */
export class MessageAssembler {
  /** Of a message as it was sent, and once inflated. */
  readonly #maxMessageBytes: number;
  #begun: Begun | undefined;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** The message that this frame completes, if it does. */
  take(frame: Frame): Message | undefined {
    switch (frame.opcode) {
      case opcodes.ping:
        return { kind: 'ping', data: frame.payload };
      case opcodes.pong:
        return { kind: 'pong', data: frame.payload };
      case opcodes.close:
        return readClose(frame.payload);
      case opcodes.continuation:
        if (this.#begun === undefined) throw new WebSocketProtocolError(1002, 'A continuation frame comes without a message to continue.');
        return this.#continue(this.#begun, frame);
      default:
        if (this.#begun !== undefined) throw new WebSocketProtocolError(1002, 'A new message begins before the last one ended.');
        return this.#begin(frame.opcode === opcodes.text ? 'text' : 'binary', frame);
    }
  }

  #begin(kind: 'text' | 'binary', frame: Frame): Message | undefined {
    if (frame.fin) return this.#whole(kind, frame.compressed, frame.payload);
    const begun = { kind, compressed: frame.compressed, fragments: new ByteBuffer() };
    this.#begun = begun;
    return this.#continue(begun, frame);
  }

  #continue({ kind, compressed, fragments }: Begun, frame: Frame): Message | undefined {
    if (fragments.length + frame.payload.length > this.#maxMessageBytes) throw this.#tooLarge();
    fragments.append(frame.payload);
    if (!frame.fin) return undefined;
    this.#begun = undefined;
    return this.#whole(kind, compressed, fragments.take());
  }

  #whole(kind: 'text' | 'binary', compressed: boolean, payload: Buffer): Message {
    if (payload.length > this.#maxMessageBytes) throw this.#tooLarge();
    const data = compressed ? inflateMessage(payload, this.#maxMessageBytes) : payload;
    // Section 8.1: characters may be split between fragments, so only the whole can be judged.
    if (kind === 'text' && !isUtf8(data)) throw new WebSocketProtocolError(1007, 'A text message is not UTF-8.');
    return { kind, data };
  }

  #tooLarge(): WebSocketProtocolError {
    return new WebSocketProtocolError(1009, `A message has more than ${this.#maxMessageBytes} bytes.`);
  }
}

/** Whether a close frame may carry this code (section 7.4 and the IANA registry). */
export function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

function readClose(payload: Buffer): Message {
  if (payload.length === 0) return { kind: 'close', code: undefined, reason: '' };
  if (payload.length === 1) throw new WebSocketProtocolError(1002, 'A close frame has one byte where a code has two.');
  const code = payload.readUInt16BE(0);
  if (!isCloseCode(code)) throw new WebSocketProtocolError(1002, `${code} is not a close code that may be sent.`);
  const reason = payload.subarray(2);
  if (!isUtf8(reason)) throw new WebSocketProtocolError(1007, 'The reason in a close frame is not UTF-8.');
  return { kind: 'close', code, reason: reason.toString('utf8') };
}

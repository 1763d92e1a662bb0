import { randomBytes } from 'node:crypto';
import { closePayload, encodeMaskedFrame, opcodes } from '../protocols/websocket/encode-frame.ts';
import { FrameDecoder } from '../protocols/websocket/frame-decoder.ts';
import { MessageAssembler, type Message } from '../protocols/websocket/message-assembler.ts';
import { RawHttp, type RawHead } from './raw-http.ts';

/** Largest message in bytes it takes. */
const largest = 16 * 1024 * 1024;

export interface WebSocketRequest {
  /** Base URL of the gateway. */
  readonly gateway: string;
  /** Path and query. */
  readonly target: string;
  /** Header fields besides those of the handshake, which they replace where they have the same name. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A WebSocket client on a bare socket, which answers nothing by itself and says exactly the frames a test wants said. */
export class RawWebSocket {
  readonly http: RawHttp;
  readonly #receive: ((message: Message) => void) | undefined;
  readonly #decoder = new FrameDecoder({ role: 'client', maxPayloadBytes: largest, deflate: true });
  readonly #assembler = new MessageAssembler(largest);
  readonly #early: Buffer[] = [];
  readonly #messages: Message[] = [];
  readonly #waiting: ((message: Message) => void)[] = [];
  #isOpen = false;

  /** Without `receive` messages are kept for `next`. */
  constructor({ gateway, target, headers = {} }: WebSocketRequest, receive?: (message: Message) => void) {
    this.#receive = receive;
    this.http = new RawHttp(gateway, (chunk) => this.#take(chunk));
    const key = randomBytes(16).toString('base64');
    this.http.send('GET', target, {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': key,
      ...headers,
    });
    void this.http.head.then((head) => this.#opened(head));
  }

  /** What a refused handshake was answered with. */
  get refusal(): string {
    return Buffer.concat(this.#early).toString('utf8');
  }

  /** The next message the server sends, control frames included. */
  next(): Promise<Message> {
    const message = this.#messages.shift();
    return message === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(message);
  }

  /** The next message, which must be text that is JSON. */
  async nextJson(): Promise<Readonly<Record<string, unknown>>> {
    const message = await this.next();
    if (message.kind !== 'text') throw new Error(`Instead of text came ${JSON.stringify(message)}.`);
    return JSON.parse(message.data.toString('utf8')) as Record<string, unknown>;
  }

  say(message: unknown): void {
    this.send(opcodes.text, typeof message === 'string' ? message : JSON.stringify(message));
  }

  send(opcode: number, payload: string | Uint8Array, fin = true): void {
    this.http.socket.write(encodeMaskedFrame(opcode, Buffer.from(payload), randomBytes(4), fin));
  }

  /** The closing handshake's half of this side. */
  sendClose(code = 1000): void {
    this.send(opcodes.close, closePayload(code, ''));
  }

  #opened({ status }: RawHead): void {
    this.#isOpen = status === 101;
    if (this.#isOpen) for (const chunk of this.#early.splice(0)) this.#decode(chunk);
  }

  #take(chunk: Buffer): void {
    if (this.#isOpen) this.#decode(chunk);
    else this.#early.push(chunk);
  }

  #decode(chunk: Buffer): void {
    this.#decoder.feed(chunk, (frame) => {
      const message = this.#assembler.take(frame);
      if (message === undefined) return;
      if (this.#receive !== undefined) this.#receive(message);
      else if (this.#waiting.length > 0) this.#waiting.shift()?.(message);
      else this.#messages.push(message);
    });
  }
}

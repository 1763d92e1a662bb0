import type { Socket } from 'node:net';
import { encodeCloseFrame, encodePing, encodePong, opcodes } from '../../protocols/websocket/encode-frame.ts';
import { FrameDecoder, type Frame } from '../../protocols/websocket/frame-decoder.ts';
import { MessageAssembler, type Message } from '../../protocols/websocket/message-assembler.ts';
import { WebSocketProtocolError } from '../../protocols/websocket/protocol-error.ts';
import type { EntrypointEnvironment } from '../environment.ts';

/** Milliseconds a client has to answer a close frame, and then to close its socket. */
const closeTime = 5000;
/** Bytes of a message that is not whole which its owner is not asked about. */
const freePartialBytes = 64 * 1024;

/** Who uses a WebSocket. */
export interface FrameOwner {
  /** A whole message, whose bytes are the owner's; `received` of them came, fewer when it was compressed. */
  onMessage(data: Buffer, isText: boolean, received: number): void;
  /** Bytes came in: the client is there. */
  onSign(): void;
  /** So many bytes are kept here of a message whose rest has not come; 0: no more. */
  onPartial(bytes: number): void;
  /** The socket can take more. */
  onDrain(): void;
  /** Nothing may be sent from now on and nothing comes: closed by either side, broken or gone. Called once. */
  onOver(): void;
  onBug(error: unknown): void;
}

interface FrameSocketParts {
  readonly socket: Socket;
  readonly owner: FrameOwner;
  /** Also of what a compressed message inflates to. */
  readonly maxMessageBytes: number;
  /** Whether permessage-deflate was agreed. */
  readonly deflate: boolean;
  readonly environment: Timing;
}

type Timing = Pick<EntrypointEnvironment, 'now' | 'schedule'>;

const itsFrames = Symbol('FrameSocket');

/** The listeners are the same functions on every socket, which leads them to what is its own: thousands of connections wait at once. */
interface FramedSocket extends Socket {
  [itsFrames]?: FrameSocket;
}

/**
 * The server's end of one WebSocket: cuts what comes in into messages, answers pings and keeps the closing handshake
 * (RFC 6455, sections 5.5 and 7). Whole frames may be written to the socket by others as long as it is not over.
 */
export class FrameSocket {
  readonly #socket: Socket;
  readonly #owner: FrameOwner;
  readonly #environment: Timing;
  readonly #decoder: FrameDecoder;
  readonly #assembler: MessageAssembler;
  /** `closing`: a close frame was sent and not answered; `ended`: what comes is thrown away. */
  #state: 'open' | 'closing' | 'ended' = 'open';
  #isPaused = false;
  /** Came before reading was paused, and not looked at. */
  #unread: Buffer | undefined;
  /** Payload bytes since the last message. */
  #received = 0;
  /** Bytes that came since the last frame, and of the fragments before it. */
  #frameBytes = 0;
  #fragmentBytes = 0;
  #isPartial = false;
  /** Payload of the last ping that came while the socket was full; those before it need no answer (section 5.5.3). */
  #unanswered: Buffer | undefined;
  #cancelCut: (() => void) | undefined;

  constructor({ socket, owner, maxMessageBytes, deflate, environment }: FrameSocketParts) {
    this.#socket = socket;
    this.#owner = owner;
    this.#environment = environment;
    this.#decoder = new FrameDecoder({ role: 'server', maxPayloadBytes: maxMessageBytes, deflate });
    this.#assembler = new MessageAssembler(maxMessageBytes);
    const framed: FramedSocket = socket;
    framed[itsFrames] = this;
    socket.on('close', onClose);
    socket.on('error', ignore);
  }

  /** Answers the handshake and begins to read; false when the client has gone meanwhile. */
  open(answer: string): boolean {
    const socket = this.#socket;
    if (this.#state !== 'open' || socket.destroyed || !socket.readable || !socket.writable) return false;
    socket.setTimeout(0);
    socket.write(answer, 'latin1');
    socket.on('data', onData);
    socket.on('drain', onDrain);
    socket.on('end', onEnd);
    socket.resume();
    return true;
  }

  ping(): void {
    if (this.#state === 'open') this.#socket.write(encodePing());
  }

  /** Reads no further, not even what has come already. */
  pause(): void {
    if (this.#state !== 'open') return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#unread === undefined) this.#socket.resume();
    else setImmediate(() => this.#readOn());
  }

  /** Begins the closing handshake; cuts a client that does not answer in time. */
  close(code: number, reason: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#socket.write(encodeCloseFrame(code, reason));
    // A paused socket would never see the answer.
    this.resume();
    this.#cutLater();
    this.#owner.onOver();
  }

  /** Cuts the connection. */
  terminate(): void {
    this.#socket.destroy();
  }

  /** The socket has read something. */
  receive(chunk: Buffer): void {
    if (this.#state === 'ended') return;
    if (this.#isPaused || this.#unread !== undefined) {
      this.#unread = this.#unread === undefined ? chunk : Buffer.concat([this.#unread, chunk]);
      return;
    }
    this.#owner.onSign();
    this.#frameBytes += chunk.length;
    try {
      const taken = this.#decoder.feed(chunk, (frame) => this.#takeFrame(frame));
      if (taken < chunk.length) this.#unread = chunk.subarray(taken);
      this.#tellPartial();
    } catch (error) {
      if (error instanceof WebSocketProtocolError) {
        this.#end(encodeCloseFrame(error.closeCode, error.message));
      } else {
        this.#owner.onBug(error);
        this.#end(encodeCloseFrame(1011));
      }
    }
  }

  #readOn(): void {
    const chunk = this.#unread;
    if (this.#isPaused || chunk === undefined) return;
    this.#unread = undefined;
    this.receive(chunk);
    if (!this.#isPaused) this.#socket.resume();
  }

  #tellPartial(): void {
    const bytes = this.#fragmentBytes + this.#frameBytes;
    const isPartial = bytes > freePartialBytes;
    if (isPartial || this.#isPartial) this.#owner.onPartial(isPartial ? bytes : 0);
    this.#isPartial = isPartial;
  }

  /** False: no further for now. */
  #takeFrame(frame: Frame): boolean {
    this.#frameBytes = 0;
    if (frame.opcode < opcodes.close) this.#fragmentBytes = frame.fin ? 0 : this.#fragmentBytes + frame.payload.length;
    // Messages are not listened to any more, so they are not put together either.
    if (this.#state === 'ended' || (this.#state === 'closing' && frame.opcode < opcodes.close)) return true;
    this.#received += frame.payload.length;
    const message = this.#assembler.take(frame);
    if (message !== undefined) this.#take(message);
    return !this.#isPaused;
  }

  #take(message: Message): void {
    switch (message.kind) {
      case 'text':
      case 'binary':
        if (this.#state === 'open') this.#owner.onMessage(message.data, message.kind === 'text', this.#received);
        this.#received = 0;
        break;
      case 'ping':
        this.#pong(message.data);
        break;
      case 'pong':
        break;
      case 'close':
        this.#end(encodeCloseFrame(message.code));
    }
  }

  #pong(payload: Buffer): void {
    if (this.#state !== 'open') return;
    if (this.#socket.writableNeedDrain) this.#unanswered = payload;
    else this.#socket.write(encodePong(payload));
  }

  /** The socket can take more. */
  drained(): void {
    const payload = this.#unanswered;
    this.#unanswered = undefined;
    if (payload !== undefined) this.#pong(payload);
    this.#owner.onDrain();
  }

  /** The client will send no more. */
  ended(): void {
    this.#end();
  }

  /** Sends nothing after the close frame, if there is still one to send, and listens to nothing. */
  #end(closeFrame?: Buffer): void {
    const wasOpen = this.#state === 'open';
    this.#state = 'ended';
    if (wasOpen && closeFrame !== undefined) this.#socket.write(closeFrame);
    this.#socket.end();
    this.resume();
    this.#cutLater();
    if (wasOpen) this.#owner.onOver();
  }

  #cutLater(): void {
    const { now, schedule } = this.#environment;
    this.#cancelCut ??= schedule(now() + closeTime, () => this.terminate());
  }

  /** The socket is closed. */
  gone(): void {
    const wasOpen = this.#state === 'open';
    this.#state = 'ended';
    this.#cancelCut?.();
    if (wasOpen) this.#owner.onOver();
  }
}

function onData(this: FramedSocket, chunk: Buffer): void {
  this[itsFrames]?.receive(chunk);
}

function onDrain(this: FramedSocket): void {
  this[itsFrames]?.drained();
}

function onEnd(this: FramedSocket): void {
  this[itsFrames]?.ended();
}

function onClose(this: FramedSocket): void {
  this[itsFrames]?.gone();
}

function ignore(): void {
  // An error closes the socket, and that is what counts.
}

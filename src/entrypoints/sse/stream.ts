import type { Socket } from 'node:net';
import type { Reader, Sink } from '../../core/entrypoint.ts';
import type { GatewayError } from '../../core/errors.ts';
import type { WireFormat } from '../../core/event.ts';
import { encodeSseComment, encodeSseEvent, encodeSseRetry } from '../../protocols/sse/encode.ts';
import { farewell } from './farewell.ts';

/** Milliseconds without a byte after which a comment is sent, so that proxies and clients see the stream is alive. */
const heartbeat = 15_000;
/** Milliseconds a client has to take the last words before its socket is cut. */
const farewellTime = 5000;

export interface StreamParts {
  readonly socket: Socket;
  readonly format: WireFormat;
  /** Header fields besides those of every stream. */
  readonly headers: Readonly<Record<string, string>>;
  readonly now: () => number;
  readonly random: () => number;
  readonly schedule: (at: number, callback: () => void) => () => void;
  /** The client is gone or the stream has ended. */
  readonly onClosed: () => void;
}

const heartbeatFrame = encodeSseComment('');

/**
 * One SSE response on the bare socket: the head is written here, the body ends with the connection, so that no
 * framing stands between the shared buffers and the socket.
 */
export class SseStream implements Sink {
  readonly #parts: StreamParts;
  readonly format: WireFormat;
  #lastWrite: number;
  #cancelTimer: () => void = () => undefined;
  #isBegun = false;
  /** Ended before the response began. */
  #endedEarly: GatewayError | undefined;
  #isOver = false;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.format = parts.format;
    this.#lastWrite = parts.now();
  }

  /** From here on the socket is the stream's: what the reader writes goes out behind the response head. */
  open(reader: Reader): void {
    const { socket } = this.#parts;
    if (socket.destroyed) {
      this.#close();
      return;
    }
    socket.setKeepAlive(true, 60_000);
    socket.on('drain', () => reader.drained());
    socket.once('close', () => this.#close());
    socket.once('error', () => socket.destroy());
    this.#begin();
    if (this.#endedEarly !== undefined) this.end(this.#endedEarly);
    else this.#beat();
  }

  write(buffer: Buffer): boolean {
    this.#begin();
    this.#lastWrite = this.#parts.now();
    return this.#parts.socket.write(buffer);
  }

  get buffered(): number {
    return this.#parts.socket.writableLength;
  }

  hold(error: GatewayError, until: number): void {
    const problem = { ...error.toProblem(), until: new Date(until).toISOString() };
    this.write(encodeSseEvent({ event: 'sluice.limit', data: JSON.stringify(problem) }));
  }

  end(reason: GatewayError): void {
    if (this.#isOver) return;
    if (!this.#isBegun) {
      this.#endedEarly = reason;
      return;
    }
    const { socket, random, now, schedule } = this.#parts;
    this.#close();
    socket.end(farewell(reason, random));
    const cancel = schedule(now() + farewellTime, () => socket.destroy());
    socket.once('close', cancel);
  }

  /** The response head and the first `retry:`, spread so that clients do not all come back at once; before the first byte, whoever writes it. */
  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    const { socket, headers, now, random } = this.#parts;
    const fields = {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
      Connection: 'close',
      ...headers,
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `HTTP/1.1 200 OK\r\nDate: ${new Date(now()).toUTCString()}\r\n${lines.join('')}\r\n`;
    socket.write(Buffer.concat([Buffer.from(head, 'latin1'), encodeSseRetry(1000 + Math.floor(random() * 2000))]));
  }

  #beat(): void {
    const { socket, now, schedule } = this.#parts;
    if (this.#isOver) return;
    const due = this.#lastWrite + heartbeat;
    if (now() >= due && socket.writableLength === 0) this.write(heartbeatFrame);
    this.#cancelTimer = schedule(Math.max(this.#lastWrite + heartbeat, now() + 1000), () => this.#beat());
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#parts.onClosed();
  }
}

import type { Reader, Session, Sink } from '../../core/entrypoint.ts';
import type { GatewayError } from '../../core/errors.ts';
import type { WireFormat } from '../../core/event.ts';
import type { BareAnswer, BytePipe } from '../../listeners/bare-answer.ts';
import { encodeSseComment, encodeSseEvent } from '../../protocols/sse/encode.ts';
import { farewell } from './farewell.ts';

/**
 * Milliseconds between two looks at a stream. One that nothing went out on since the last look is sent a comment, so that proxies and
 * clients see it is alive: it is never silent for longer than two looks.
 */
const heartbeat = 10_000;
/** Milliseconds a client has to take the last words before its socket is cut. */
const farewellTime = 5000;

const heartbeatFrame = encodeSseComment('');

const everyStream = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache, no-transform', 'X-Accel-Buffering': 'no' };

/** Time and chance, the same for all streams. */
export interface StreamClock {
  readonly now: () => number;
  readonly random: () => number;
  readonly schedule: (at: number, callback: () => void) => () => void;
}

/** One SSE response: its head, then the buffers that all readers share, straight to the connection. */
export class SseStream implements Sink {
  readonly format: WireFormat;
  readonly #answer: BareAnswer;
  readonly #pipe: BytePipe;
  readonly #clock: StreamClock;
  #session: Pick<Session, 'close'> | undefined;
  #reader: Reader | undefined;
  /** Until they have been sent. */
  #fields: Readonly<Record<string, string>> | undefined;
  #isBegun = false;
  #isOver = false;
  /** Ended before the response began. */
  #endedEarly: GatewayError | undefined;
  /** Bytes that had gone out at the last look. */
  #written = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(answer: BareAnswer, format: WireFormat, clock: StreamClock) {
    this.#answer = answer;
    this.#pipe = answer.pipe;
    this.format = format;
    this.#clock = clock;
  }

  /** Whose stream it is; closed with the stream. */
  admit(session: Pick<Session, 'close'>): void {
    this.#session = session;
  }

  /** Header fields besides those of every stream, set before reading begins. */
  set fields(fields: Readonly<Record<string, string>>) {
    this.#fields = fields;
  }

  /** From here on the connection is the stream's: what the reader writes goes out behind the response head. */
  open(reader: Reader): void {
    this.#reader = reader;
    const pipe = this.#pipe;
    if (pipe.destroyed) {
      this.#close();
      return;
    }
    pipe.on('drain', this.#drained);
    pipe.on('close', this.#close);
    if (!this.#isBegun) this.#begin();
    if (this.#endedEarly !== undefined) this.end(this.#endedEarly);
    // Clients that came together are not looked at together.
    else this.#lookAfter(heartbeat * (1 - this.#clock.random() / 2));
  }

  /** The client is answered otherwise. */
  abandon(): void {
    this.#isOver = true;
    this.#session?.close();
  }

  /** The same as `end`, for who calls it without the stream. */
  readonly onEnd = (reason: GatewayError): void => this.end(reason);

  write(buffer: Buffer): boolean {
    if (!this.#isBegun) this.#begin();
    return this.#pipe.write(buffer);
  }

  get buffered(): number {
    return this.#pipe.writableLength;
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
    const { random, now, schedule } = this.#clock;
    this.#close();
    this.#pipe.end(farewell(reason, random));
    this.#pipe.once(
      'close',
      schedule(now() + farewellTime, () => this.#pipe.destroy()),
    );
  }

  /** The response head and the first `retry:`, spread so that clients do not all come back at once; before the first byte, whoever writes it. */
  #begin(): void {
    this.#isBegun = true;
    const retry = 1000 + Math.floor(this.#clock.random() * 2000);
    this.#answer.begin(200, { ...everyStream, ...this.#fields }, `retry: ${retry}\n\n`);
    this.#fields = undefined;
  }

  readonly #look = (): void => {
    const pipe = this.#pipe;
    if (pipe.bytesWritten === this.#written && pipe.writableLength === 0) pipe.write(heartbeatFrame);
    this.#lookAfter(heartbeat);
  };

  #lookAfter(milliseconds: number): void {
    this.#written = this.#pipe.bytesWritten;
    this.#cancelTimer = this.#clock.schedule(this.#clock.now() + milliseconds, this.#look);
  }

  readonly #drained = (): void => this.#reader?.drained();

  readonly #close = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer?.();
    this.#session?.close();
  };
}

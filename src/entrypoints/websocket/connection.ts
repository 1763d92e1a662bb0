import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Reader, Session, Sink } from '../../core/entrypoint.ts';
import { GatewayError, toGatewayError } from '../../core/errors.ts';
import type { WireFormat } from '../../core/event.ts';
import type { ClientRequest, Dialect } from './dialect.ts';

/** Milliseconds between pings; a client that answered none since the last one is gone. */
const heartbeat = 25_000;
/** Milliseconds a client has to answer a close frame. */
const closeTime = 5000;
/** Messages of one client in work or waiting; past it the socket is read no further. */
const maxInbound = 64;
/** Most events one `publish` may bring. */
const maxBatchEvents = 1000;

export interface ConnectionParts {
  readonly socket: Socket;
  readonly webSocket: WebSocket;
  readonly session: Session;
  readonly dialect: Dialect;
  readonly now: () => number;
  readonly schedule: (at: number, callback: () => void) => () => void;
  readonly onBug: (error: unknown) => void;
}

/**
 * One WebSocket. `ws` parses what comes in; events go out as frames that all readers share, straight to the socket,
 * never between the bytes of a frame of its own, since both write whole frames only.
 */
export class Connection implements Sink {
  readonly #parts: ConnectionParts;
  readonly format: WireFormat;
  #reader: Reader | undefined;
  #inbound = 0;
  #lastRequest: Promise<void> = Promise.resolve();
  #isAlive = true;
  #isOver = false;
  #cancelTimer: () => void = () => undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.format = parts.dialect.format;
    const { socket, webSocket } = parts;
    socket.on('drain', () => this.#reader?.drained());
    webSocket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    webSocket.on('pong', () => (this.#isAlive = true));
    webSocket.on('error', () => undefined);
    webSocket.on('close', () => this.#close());
    this.#scheduleBeat();
  }

  attach(reader: Reader): void {
    this.#reader = reader;
    if (this.#isOver) reader.close();
  }

  write(buffer: Buffer): boolean {
    if (this.#isOver) return false;
    return this.#parts.socket.write(buffer);
  }

  get buffered(): number {
    return this.#parts.socket.writableLength;
  }

  hold(_error: GatewayError, until: number): void {
    const { dialect, session } = this.#parts;
    this.#say(dialect.limits(session.limits(), until));
  }

  end(reason: GatewayError): void {
    if (this.#isOver) return;
    const { webSocket, dialect, now, schedule, socket } = this.#parts;
    if (reason.code !== 'RESTARTING') this.#say(dialect.error(reason, undefined));
    this.#close();
    webSocket.close(reason.close, closeReason(reason));
    const cancel = schedule(now() + closeTime, () => webSocket.terminate());
    socket.once('close', cancel);
  }

  #receive(message: Buffer, isBinary: boolean): void {
    if (this.#isOver) return;
    if (isBinary) {
      this.end(new GatewayError('BAD_REQUEST', 'Events are text frames here; a binary frame has no meaning.'));
      return;
    }
    this.#inbound += 1;
    if (this.#inbound === maxInbound) this.#parts.webSocket.pause();
    this.#lastRequest = this.#lastRequest.then(() => this.#answer(message));
  }

  async #answer(message: Buffer): Promise<void> {
    const { dialect, webSocket, onBug } = this.#parts;
    try {
      if (!this.#isOver) await this.#handle(dialect.parse(message, maxBatchEvents));
    } catch (error) {
      const refusal = toGatewayError(error);
      if (refusal.code === 'INTERNAL') onBug(error);
      this.#say(dialect.error(refusal, dialect.refOf(error)));
    }
    if (this.#inbound === maxInbound) webSocket.resume();
    this.#inbound -= 1;
  }

  async #handle(request: ClientRequest): Promise<void> {
    const { dialect, session } = this.#parts;
    switch (request.op) {
      case 'publish':
        await this.#publish(request);
        return;
      case 'ack': {
        const refusal = this.#reader === undefined ? new GatewayError('BAD_REQUEST', 'This connection reads nothing, so there is nothing to acknowledge.') : this.#reader.confirm(request.position);
        if (refusal !== undefined) throw refusal;
        return;
      }
      case 'renew':
        session.renew(request.credential);
        this.#say(dialect.renewed());
        return;
      case 'limits':
        this.#say(dialect.limits(session.limits()));
        return;
    }
  }

  async #publish({ ref, address, events }: Extract<ClientRequest, { op: 'publish' }>): Promise<void> {
    const { dialect, session } = this.#parts;
    try {
      const placed = await session.publish(address ?? session.address, events);
      this.#say(dialect.accepted(ref, placed));
    } catch (error) {
      this.#say(dialect.error(toGatewayError(error), ref));
    }
  }

  #say(frame: Buffer | undefined): void {
    if (frame !== undefined && !this.#isOver) this.#parts.socket.write(frame);
  }

  #scheduleBeat(): void {
    const { now, schedule } = this.#parts;
    this.#cancelTimer = schedule(now() + heartbeat, () => this.#beat());
  }

  #beat(): void {
    if (this.#isOver) return;
    const { webSocket } = this.#parts;
    if (!this.#isAlive) {
      webSocket.terminate();
      return;
    }
    this.#isAlive = false;
    webSocket.ping();
    this.#scheduleBeat();
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#parts.session.close();
  }
}

/** At most 123 bytes (RFC 6455, section 5.5): the code, when to come back, and as much of the sentence as fits. */
function closeReason(reason: GatewayError): string {
  const retry = reason.retryAfter === undefined ? '' : ` retry-after=${Math.ceil(reason.retryAfter / 1000)}`;
  const text = `${reason.code}${retry}: ${reason.message}`;
  let end = Math.min(text.length, 123);
  while (Buffer.byteLength(text.slice(0, end)) > 123) end -= 1;
  return text.slice(0, end).replace(/[\uD800-\uDBFF]$/, '');
}

import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Credential, Reader, Session, Sink } from '../../core/entrypoint.ts';
import { GatewayError, toGatewayError } from '../../core/errors.ts';
import type { WireFormat } from '../../core/event.ts';
import type { ClientRequest, Dialect } from './dialect.ts';
import { sayGoodbye } from './goodbye.ts';
import { InboundBound } from './inbound-bound.ts';

/** Milliseconds between pings; a client that did nothing since the last one is gone. */
const heartbeat = 25_000;
/** Most events one `publish` may bring. */
const maxBatchEvents = 1000;

export interface ConnectionParts {
  readonly socket: Socket;
  /** Answers the handshake, once; undefined when the client is gone. */
  readonly accept: () => WebSocket | undefined;
  readonly session: Pick<Session, 'address' | 'publish' | 'limits' | 'malformed' | 'renew' | 'close'>;
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
  readonly #inbound = new InboundBound();
  #webSocket: WebSocket | undefined;
  #reader: Reader | undefined;
  /** Settles when everything asked so far was answered, in order. */
  #answered: Promise<void> = Promise.resolve();
  #onDrain: () => void = () => undefined;
  #isAlive = true;
  /** Ended before the handshake was answered. */
  #endedEarly: GatewayError | undefined;
  #isOver = false;
  #cancelTimer: () => void = () => undefined;
  readonly #onClose = (): void => this.#close();

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.format = parts.dialect.format;
    parts.socket.once('close', this.#onClose);
  }

  /** Answers the handshake; without a reader the connection only publishes. */
  open(reader: Reader | undefined): void {
    this.#reader = reader;
    this.#begin();
    if (this.#isOver) reader?.close();
    else if (this.#endedEarly !== undefined) this.end(this.#endedEarly);
  }

  write(buffer: Buffer): boolean {
    this.#begin();
    // Nothing may follow a close frame (RFC 6455, section 5.5.1).
    if (this.#isOver || this.#webSocket?.readyState !== this.#webSocket?.OPEN) return false;
    return this.#parts.socket.write(buffer);
  }

  get buffered(): number {
    return this.#parts.socket.writableLength;
  }

  hold(_error: GatewayError, until: number): void {
    this.#limits(until).then(
      (frame) => this.#say(frame),
      () => undefined,
    );
  }

  end(reason: GatewayError): void {
    if (this.#isOver) return;
    const { dialect, now, schedule, socket } = this.#parts;
    if (this.#webSocket === undefined) {
      this.#endedEarly ??= reason;
      return;
    }
    if (reason.code !== 'RESTARTING') this.#say(dialect.error(reason, undefined));
    this.#close();
    sayGoodbye(this.#webSocket, socket, { reason, now, schedule });
  }

  /** The handshake is answered before the first frame goes out, whoever sends it. */
  #begin(): void {
    if (this.#webSocket !== undefined || this.#isOver) return;
    const webSocket = this.#parts.accept();
    if (webSocket === undefined) {
      this.#close();
      return;
    }
    this.#webSocket = webSocket;
    this.#parts.socket.on('drain', () => this.#drained());
    webSocket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    webSocket.on('pong', () => (this.#isAlive = true));
    webSocket.on('error', () => this.#close());
    this.#scheduleBeat();
  }

  #drained(): void {
    this.#isAlive = true;
    this.#reader?.drained();
    this.#onDrain();
  }

  #receive(message: Buffer, isBinary: boolean): void {
    this.#isAlive = true;
    if (this.#isOver) return;
    if (isBinary) {
      this.end(new GatewayError('BAD_REQUEST', 'Events are text frames here; a binary frame has no meaning.'));
      return;
    }
    if (this.#inbound.take(message.length)) this.#webSocket?.pause();
    // Begun at once, so that what one turn brings shares a commit; answered in order.
    const answer = this.#answer(message);
    this.#answered = this.#answered.then(async () => {
      this.#say(await answer);
      await this.#room();
      if (this.#inbound.release(message.length)) this.#webSocket?.resume();
    });
  }

  async #answer(message: Buffer): Promise<Buffer | undefined> {
    const { dialect, session, onBug } = this.#parts;
    let request: ClientRequest;
    try {
      request = dialect.parse(message, maxBatchEvents);
    } catch (error) {
      const refusal = toGatewayError(error);
      if (refusal.code === 'INTERNAL') onBug(error);
      else await session.malformed(refusal);
      return dialect.error(refusal, dialect.refOf(error));
    }
    try {
      return await this.#handle(request);
    } catch (error) {
      const refusal = toGatewayError(error);
      if (refusal.code === 'INTERNAL') onBug(error);
      return dialect.error(refusal, dialect.refOf(error));
    }
  }

  #handle(request: ClientRequest): Buffer | undefined | Promise<Buffer | undefined> {
    switch (request.op) {
      case 'publish':
        return this.#publish(request);
      case 'ack':
        return this.#confirm(request.position);
      case 'renew':
        return this.#renew(request.credential);
      case 'limits':
        return this.#limits(undefined);
    }
  }

  async #confirm(position: string): Promise<undefined> {
    const refusal =
      this.#reader === undefined
        ? new GatewayError('BAD_REQUEST', 'This connection reads nothing, so there is nothing to acknowledge.')
        : await this.#reader.confirm(position);
    if (refusal !== undefined) throw refusal;
  }

  async #renew(credential: Credential): Promise<Buffer | undefined> {
    const { dialect, session } = this.#parts;
    await session.renew(credential);
    return dialect.renewed();
  }

  async #limits(until: number | undefined): Promise<Buffer | undefined> {
    const { dialect, session } = this.#parts;
    return dialect.limits(await session.limits(), until);
  }

  async #publish({ ref, address, events }: Extract<ClientRequest, { op: 'publish' }>): Promise<Buffer | undefined> {
    const { dialect, session, onBug } = this.#parts;
    try {
      return dialect.accepted(ref, await session.publish(address ?? session.address, events));
    } catch (error) {
      const refusal = toGatewayError(error);
      if (refusal.code === 'INTERNAL') onBug(error);
      return dialect.error(refusal, ref);
    }
  }

  #say(frame: Buffer | undefined): void {
    if (frame !== undefined) this.write(frame);
  }

  /** Answers that a client does not take must not pile up: the next one waits until the socket has room. */
  #room(): Promise<void> | undefined {
    if (this.#isOver || !this.#parts.socket.writableNeedDrain) return undefined;
    return new Promise((resolve) => (this.#onDrain = resolve));
  }

  #scheduleBeat(): void {
    const { now, schedule } = this.#parts;
    this.#cancelTimer = schedule(now() + heartbeat, () => this.#beat());
  }

  #beat(): void {
    if (this.#isOver) return;
    if (!this.#isAlive && !this.#isHeld) {
      this.#webSocket?.terminate();
      return;
    }
    this.#isAlive = false;
    this.#webSocket?.ping();
    this.#scheduleBeat();
  }

  /** Read no further for now, though it takes what it is told: its pong waits in the socket. */
  get #isHeld(): boolean {
    return this.#inbound.isFull && this.#parts.socket.writableLength === 0;
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#parts.socket.off('close', this.#onClose);
    this.#onDrain();
    this.#parts.session.close();
  }
}

import type { Socket } from 'node:net';
import type { Credential, Reader, Session, Sink } from '../../core/entrypoint.ts';
import { GatewayError, toGatewayError } from '../../core/errors.ts';
import type { WireFormat } from '../../core/event.ts';
import type { BodyBudget, Reservation } from '../body-budget.ts';
import type { EntrypointEnvironment } from '../environment.ts';
import type { ClientRequest, Dialect } from './dialect.ts';
import { FrameSocket, type FrameOwner } from './frame-socket.ts';
import { goodbye } from './goodbye.ts';
import type { Handshake } from './handshake.ts';
import { InboundBound, restFor } from './inbound-bound.ts';

/** Milliseconds between pings; a client that did nothing since the last one is gone. */
const heartbeat = 25_000;
/** Most events one `publish` may bring. */
const maxBatchEvents = 1000;
/** Bytes for which an unfinished message is given room at once. */
const partialStep = 256 * 1024;

export interface ConnectionParts {
  readonly socket: Socket;
  readonly handshake: Handshake;
  readonly maxMessageBytes: number;
  /** Of which all messages that have not come whole take their room. */
  readonly partials: BodyBudget;
  readonly environment: Pick<EntrypointEnvironment, 'now' | 'schedule' | 'random' | 'onBug'>;
}

/** What a connection asks of its session. */
export type ConnectedSession = Pick<Session, 'subscription' | 'address' | 'publish' | 'limits' | 'malformed' | 'renew' | 'close'>;

const nothing = Promise.resolve();
const ignore = (): void => undefined;

/** One WebSocket with its session. Events go out as frames that all readers share, straight to the socket. */
export class Connection implements Sink, FrameOwner {
  readonly format: WireFormat;
  readonly #environment: ConnectionParts['environment'];
  readonly #dialect: Dialect;
  readonly #socket: Socket;
  readonly #frames: FrameSocket;
  readonly #inbound = new InboundBound();
  readonly #partials: BodyBudget;
  /** For an unfinished message, and how many bytes. */
  #reservation: Reservation | undefined;
  #reservedBytes = 0;
  #session: ConnectedSession | undefined;
  #reader: Reader | undefined;
  /** The answer to the handshake, until it is sent. */
  #answer: string | undefined;
  /** Frames may be sent: the handshake was answered and no close frame sent. */
  #isOpen = false;
  #isOver = false;
  /** Ended before the handshake was answered. */
  #endedEarly: GatewayError | undefined;
  /** Settles when everything asked so far was answered, in order. */
  #answered = nothing;
  #onRoom = ignore;
  #endRest = ignore;
  #isAlive = true;
  #cancelBeat = ignore;

  constructor({ socket, handshake, maxMessageBytes, partials, environment }: ConnectionParts) {
    const { dialect, deflate, answer } = handshake;
    this.format = deflate ? dialect.deflatedFormat : dialect.format;
    this.#environment = environment;
    this.#partials = partials;
    this.#dialect = dialect;
    this.#socket = socket;
    this.#answer = answer;
    this.#frames = new FrameSocket({ socket, owner: this, maxMessageBytes, deflate, environment });
  }

  /** From now on the session is this connection's to close. */
  admit(session: ConnectedSession): void {
    if (this.#isOver) session.close();
    else this.#session = session;
  }

  /** Answers the handshake; without a reader the connection only publishes. */
  open(reader: Reader | undefined): void {
    this.#reader = reader;
    this.#begin();
    if (this.#isOver) reader?.close();
    else if (this.#endedEarly !== undefined) this.end(this.#endedEarly);
  }

  /** Answers the handshake to say by close code why the client is not let in. */
  refuse(reason: GatewayError): void {
    this.#begin();
    this.#frames.close(reason.close, goodbye(reason));
  }

  write(buffer: Buffer): boolean {
    return this.#isOpen ? this.#socket.write(buffer) : this.#writeFirst(buffer);
  }

  get buffered(): number {
    return this.#socket.writableLength;
  }

  hold(_error: GatewayError, until: number): void {
    if (this.#session === undefined) return;
    this.#limits(this.#session, until).then((frame) => this.#say(frame), ignore);
  }

  end(reason: GatewayError): void {
    if (this.#isOver) return;
    if (this.#answer !== undefined) {
      this.#endedEarly ??= reason;
      return;
    }
    if (reason.code !== 'RESTARTING') this.#say(this.#dialect.error(reason, undefined));
    this.#frames.close(reason.close, goodbye(reason));
  }

  onSign(): void {
    this.#isAlive = true;
  }

  onDrain(): void {
    this.#isAlive = true;
    this.#reader?.drained();
    this.#onRoom();
  }

  onPartial(bytes: number): void {
    if (bytes === 0 || this.#session === undefined || this.#isOver) {
      this.#reservation?.release();
      this.#reservation = undefined;
      this.#reservedBytes = 0;
      return;
    }
    try {
      this.#reservation ??= this.#partials.reserve(this.#session.subscription);
      for (; this.#reservedBytes < bytes; this.#reservedBytes += partialStep) this.#reservation.take(partialStep);
    } catch (error) {
      this.end(toGatewayError(error));
    }
  }

  onBug(error: unknown): void {
    this.#environment.onBug(error);
  }

  onOver(): void {
    this.#isOver = true;
    this.#isOpen = false;
    this.#answer = undefined;
    this.#cancelBeat();
    this.#onRoom();
    this.#endRest();
    this.onPartial(0);
    this.#session?.close();
  }

  onMessage(message: Buffer, isText: boolean, received: number): void {
    const session = this.#session;
    if (session === undefined) return;
    if (!isText) {
      this.end(new GatewayError('BAD_REQUEST', 'Events are text frames here; a binary frame has no meaning.'));
      return;
    }
    if (this.#inbound.take(message.length)) this.#frames.pause();
    // Begun at once, so that what one turn brings shares a commit; answered in order.
    const answer = this.#reply(session, message);
    this.#answered = this.#answered.then(async () => {
      this.#say(await answer);
      await this.#room();
      const rest = restFor(message.length, received);
      if (rest > 0) await this.#rest(rest);
      if (this.#inbound.release(message.length)) this.#frames.resume();
    });
  }

  /** The handshake is answered before the first frame goes out, whoever sends it. */
  #begin(): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    this.#answer = undefined;
    if (!this.#frames.open(answer)) {
      this.#frames.terminate();
      return;
    }
    this.#isOpen = true;
    // Thousands that came together are not all pinged together.
    this.#scheduleBeat(heartbeat * (0.5 + this.#environment.random() / 2));
  }

  #writeFirst(buffer: Buffer): boolean {
    this.#begin();
    return this.#isOpen && this.#socket.write(buffer);
  }

  async #reply(session: ConnectedSession, message: Buffer): Promise<Buffer | undefined> {
    const dialect = this.#dialect;
    let request: ClientRequest;
    try {
      request = dialect.parse(message, maxBatchEvents);
    } catch (error) {
      const refusal = toGatewayError(error);
      if (refusal.code === 'INTERNAL') this.onBug(error);
      else await session.malformed(refusal);
      return dialect.error(refusal, dialect.refOf(error));
    }
    try {
      return await this.#handle(session, request);
    } catch (error) {
      const refusal = toGatewayError(error);
      if (refusal.code === 'INTERNAL') this.onBug(error);
      return dialect.error(refusal, dialect.refOf(error));
    }
  }

  #handle(session: ConnectedSession, request: ClientRequest): Buffer | undefined | Promise<Buffer | undefined> {
    switch (request.op) {
      case 'publish':
        return this.#publish(session, request);
      case 'ack':
        return this.#confirm(request.position);
      case 'renew':
        return this.#renew(session, request.credential);
      case 'limits':
        return this.#limits(session, undefined);
    }
  }

  async #confirm(position: string): Promise<undefined> {
    const refusal =
      this.#reader === undefined
        ? new GatewayError('BAD_REQUEST', 'This connection reads nothing, so there is nothing to acknowledge.')
        : await this.#reader.confirm(position);
    if (refusal !== undefined) throw refusal;
  }

  async #renew(session: ConnectedSession, credential: Credential): Promise<Buffer | undefined> {
    await session.renew(credential);
    return this.#dialect.renewed();
  }

  async #limits(session: ConnectedSession, until: number | undefined): Promise<Buffer | undefined> {
    return this.#dialect.limits(await session.limits(), until);
  }

  async #publish(
    session: ConnectedSession,
    { ref, address, events }: Extract<ClientRequest, { op: 'publish' }>,
  ): Promise<Buffer | undefined> {
    const dialect = this.#dialect;
    try {
      return dialect.accepted(ref, await session.publish(address ?? session.address, events));
    } catch (error) {
      const refusal = toGatewayError(error);
      if (refusal.code === 'INTERNAL') this.onBug(error);
      return dialect.error(refusal, ref);
    }
  }

  #say(frame: Buffer | undefined): void {
    if (frame !== undefined) this.write(frame);
  }

  /** Answers that a client does not take must not pile up: the next one waits until the socket has room. */
  #room(): Promise<void> | undefined {
    if (this.#isOver || !this.#socket.writableNeedDrain) return undefined;
    return new Promise((resolve) => (this.#onRoom = resolve));
  }

  async #rest(milliseconds: number): Promise<void> {
    if (this.#isOver) return;
    const { now, schedule } = this.#environment;
    let cancel = ignore;
    await new Promise<void>((resolve) => {
      cancel = schedule(now() + milliseconds, resolve);
      this.#endRest = resolve;
    });
    cancel();
  }

  #scheduleBeat(after: number): void {
    const { now, schedule } = this.#environment;
    this.#cancelBeat = schedule(now() + after, () => this.#beat());
  }

  #beat(): void {
    if (!this.#isAlive && !this.#isHeld) {
      this.#frames.terminate();
      return;
    }
    this.#isAlive = false;
    this.#frames.ping();
    this.#scheduleBeat(heartbeat);
  }

  /** Read no further for now, though it takes what it is told: its pong waits in the socket. */
  get #isHeld(): boolean {
    return this.#inbound.isFull && this.#socket.writableLength === 0;
  }
}

import { opcodes } from '../protocols/websocket/encode-frame.ts';
import type { Message } from '../protocols/websocket/message-assembler.ts';
import { RawWebSocket } from './raw-websocket.ts';
import {
  confirmByPost,
  endingOf,
  eventOf,
  Inbox,
  targetOf,
  type Reading,
  type ReadingProtocol,
  type ReadingRequest,
  type Told,
} from './reading-client.ts';

const lacks = { refusal: 'a connection that may only publish stays open for that' };

/** WebSocket without a subprotocol: one CloudEvent per text frame. */
export const readingByWebSocket: ReadingProtocol = {
  name: 'websocket',
  lacks,
  read: (request) => new WebSocketReading(request, {}),
};

/** The same with compressed frames for events of a KiB and more. */
export const readingByDeflatedWebSocket: ReadingProtocol = {
  name: 'websocket, compressed',
  lacks,
  read: (request) => new WebSocketReading(request, { deflate: true }),
};

/** WebSocket with the subprotocol of operations. */
export const readingBySluiceWebSocket: ReadingProtocol = {
  name: 'websocket, sluice.v1.json',
  lacks,
  read: (request) => new WebSocketReading(request, { subprotocol: 'sluice.v1.json' }),
};

interface Agreement {
  readonly subprotocol?: string;
  readonly deflate?: boolean;
}

class WebSocketReading implements Reading {
  readonly #request: ReadingRequest;
  readonly #subprotocol: string | undefined;
  readonly #inbox = new Inbox();
  readonly #client: RawWebSocket;
  #error: Record<string, unknown> | undefined;
  #onLimits: () => void = () => undefined;

  constructor(request: ReadingRequest, { subprotocol, deflate = false }: Agreement) {
    this.#request = request;
    this.#subprotocol = subprotocol;
    const { gateway, path, query = {}, resume, key } = request;
    const target = targetOf({ path, query: resume === undefined ? query : { ...query, after: resume } });
    const headers = {
      ...(subprotocol === undefined ? {} : { 'sec-websocket-protocol': subprotocol }),
      ...(deflate ? { 'sec-websocket-extensions': 'permessage-deflate' } : {}),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    };
    this.#client = new RawWebSocket({ gateway, target, headers }, (message) => this.#receive(message));
    void this.#client.http.head.then(({ status }) => {
      if (status === 101) this.#inbox.begun();
      void this.#client.http.closed.then(() => this.#closed(status));
    });
  }

  get ready(): Promise<void> {
    return this.#inbox.ready;
  }

  next(): Promise<Told> {
    return this.#inbox.next();
  }

  async confirm(position: string): Promise<void> {
    if (this.#subprotocol === undefined) {
      await confirmByPost(this.#request, position);
      return;
    }
    this.#client.say({ op: 'ack', position });
    // Answered in order: once this is, the acknowledgement was dealt with.
    const answered = new Promise<void>((resolve) => (this.#onLimits = resolve));
    this.#client.say({ op: 'limits' });
    await answered;
  }

  stall(): void {
    this.#client.http.socket.pause();
  }

  unstall(): void {
    this.#client.http.socket.resume();
  }

  close(): void {
    this.#client.http.socket.destroy();
  }

  #receive(message: Message): void {
    if (message.kind === 'close') this.#closing(message);
    else if (message.kind === 'ping') this.#client.send(opcodes.pong, message.data);
    else if (message.kind === 'text') this.#tell(JSON.parse(message.data.toString('utf8')) as Record<string, unknown>);
  }

  #tell(json: Record<string, unknown>): void {
    const kind = String(json['op'] ?? json['type']);
    const body = (json['op'] === undefined ? json['data'] : json) as Record<string, unknown>;
    switch (kind) {
      case 'gap':
      case 'dev.sluice.gap':
        this.#inbox.put({ ...body, kind: 'gap' } as Told);
        return;
      case 'limits':
      case 'dev.sluice.limit':
        if (body['until'] === undefined) this.#onLimits();
        else this.#inbox.put({ kind: 'held', until: body['until'] as string });
        return;
      case 'error':
        this.#error = body['problem'] as Record<string, unknown>;
        return;
      case 'dev.sluice.error':
        this.#error = body;
        return;
      default:
        this.#inbox.put(eventOf(json['event'] ?? json));
    }
  }

  #closing({ code, reason }: Extract<Message, { kind: 'close' }>): void {
    this.#client.sendClose(code);
    if (this.#error !== undefined && reason.startsWith(String(this.#error['code']))) {
      this.#inbox.put(endingOf(this.#error, code ?? 1005));
      return;
    }
    const match = /^([A-Z_]+)(?: retry-after=(\d+))?:/.exec(reason);
    const retryAfter = match?.[2] === undefined ? undefined : Number(match[2]) * 1000;
    this.#inbox.put({ kind: 'end', code: match?.[1] ?? 'GONE', number: code ?? 1005, retryAfter });
  }

  #closed(status: number): void {
    if (status !== 101 && this.#client.refusal !== '') this.#inbox.put(endingOf(JSON.parse(this.#client.refusal)));
    else this.#inbox.put({ kind: 'end', code: 'GONE', number: 1006, retryAfter: undefined });
  }
}

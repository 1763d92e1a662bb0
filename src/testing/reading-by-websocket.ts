import { randomBytes } from 'node:crypto';
import { encodeMaskedFrame, opcodes } from '../protocols/websocket/encode-frame.ts';
import { FrameDecoder } from '../protocols/websocket/frame-decoder.ts';
import { MessageAssembler, type Message } from '../protocols/websocket/message-assembler.ts';
import { RawHttp } from './raw-http.ts';
import { confirmByPost, endingOf, eventOf, Inbox, targetOf, type Reading, type ReadingProtocol, type ReadingRequest, type Told } from './reading-client.ts';

const largest = 16 * 1024 * 1024;

const lacks = { refusal: 'a connection that may only publish stays open for that' };

/** WebSocket without a subprotocol: one CloudEvent per text frame. */
export const readingByWebSocket: ReadingProtocol = { name: 'websocket', lacks, read: (request) => new WebSocketReading(request, undefined) };

/** WebSocket with the subprotocol of operations. */
export const readingBySluiceWebSocket: ReadingProtocol = {
  name: 'websocket, sluice.v1.json',
  lacks,
  read: (request) => new WebSocketReading(request, 'sluice.v1.json'),
};

/** One WebSocket on a bare socket, that says exactly the frames a test wants said. */
export class WebSocketReading implements Reading {
  readonly #request: ReadingRequest;
  readonly #subprotocol: string | undefined;
  readonly #inbox = new Inbox();
  readonly #http: RawHttp;
  readonly #decoder = new FrameDecoder('client', largest);
  readonly #assembler = new MessageAssembler(largest);
  #status = 0;
  #body: Buffer[] = [];
  #error: Record<string, unknown> | undefined;

  constructor(request: ReadingRequest, subprotocol: string | undefined) {
    this.#request = request;
    this.#subprotocol = subprotocol;
    this.#http = new RawHttp(request.gateway, (chunk) => this.#receive(chunk));
    const { query = {}, resume, key } = request;
    this.#http.send('GET', targetOf({ path: request.path, query: resume === undefined ? query : { ...query, after: resume } }), {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
      ...(subprotocol === undefined ? {} : { 'sec-websocket-protocol': subprotocol }),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    });
    void this.#http.head.then(({ status }) => {
      this.#status = status;
      if (status === 101) this.#inbox.begun();
    });
    void this.#http.closed.then(() => this.#closed());
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
    this.say({ op: 'ack', position });
    // Answered in order: once this is, the acknowledgement was dealt with.
    const answered = new Promise<void>((resolve) => (this.#onLimits = resolve));
    this.say({ op: 'limits' });
    await answered;
  }

  say(message: unknown): void {
    this.#http.socket.write(encodeMaskedFrame(opcodes.text, Buffer.from(JSON.stringify(message)), randomBytes(4)));
  }

  stall(): void {
    this.#http.socket.pause();
  }

  unstall(): void {
    this.#http.socket.resume();
  }

  close(): void {
    this.#http.socket.destroy();
  }

  #onLimits: () => void = () => undefined;

  #receive(chunk: Buffer): void {
    this.#body.push(chunk);
    void this.#http.head.then(({ status }) => {
      if (status !== 101) return;
      for (const part of this.#body.splice(0)) this.#decode(part);
    });
  }

  #decode(chunk: Buffer): void {
    this.#decoder.feed(chunk, (frame) => {
      const message = this.#assembler.take(frame);
      if (message?.kind === 'close') this.#closing(message);
      else if (message?.kind === 'ping') this.#http.socket.write(encodeMaskedFrame(opcodes.pong, message.data, randomBytes(4)));
      else if (message?.kind === 'text') this.#tell(JSON.parse(message.data.toString('utf8')) as Record<string, unknown>);
    });
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
        else this.#inbox.put({ kind: 'held', until: String(body['until']) });
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
    this.#http.socket.end(encodeMaskedFrame(opcodes.close, Buffer.of((code ?? 1000) >> 8, (code ?? 1000) & 255), randomBytes(4)));
    if (this.#error !== undefined && reason.startsWith(String(this.#error['code']))) {
      this.#inbox.put(endingOf(this.#error, code ?? 1005));
      return;
    }
    const match = /^([A-Z_]+)(?: retry-after=(\d+))?:/.exec(reason);
    const retryAfter = match?.[2] === undefined ? undefined : Number(match[2]) * 1000;
    this.#inbox.put({ kind: 'end', code: match?.[1] ?? 'GONE', number: code ?? 1005, retryAfter });
  }

  #closed(): void {
    const body = Buffer.concat(this.#body).toString('utf8');
    if (this.#status !== 101 && body !== '') this.#inbox.put(endingOf(JSON.parse(body)));
    else this.#inbox.put({ kind: 'end', code: 'GONE', number: 1006, retryAfter: undefined });
  }
}

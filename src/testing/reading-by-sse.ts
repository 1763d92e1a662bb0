import { SseParser, type SseMessage } from '../protocols/sse/sse-parser.ts';
import { RawHttp } from './raw-http.ts';
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

/** Server-Sent Events, by the strict parser on a bare socket. */
export const readingBySse: ReadingProtocol = { name: 'sse', lacks: {}, read: (request) => new SseReading(request) };

class SseReading implements Reading {
  readonly #request: ReadingRequest;
  readonly #inbox = new Inbox();
  readonly #http: RawHttp;
  readonly #parser = new SseParser(16 * 1024 * 1024);
  #status = 0;
  #retries = 0;

  constructor(request: ReadingRequest) {
    this.#request = request;
    this.#http = new RawHttp(request.gateway, (chunk) => this.#receive(chunk));
    this.#http.send('GET', targetOf(request), {
      accept: 'text/event-stream',
      connection: 'close',
      ...(request.key === undefined ? {} : { authorization: `Bearer ${request.key}` }),
      ...(request.resume === undefined ? {} : { 'last-event-id': request.resume }),
    });
    void this.#http.head.then(({ status }) => (this.#status = status));
    void this.#http.closed.then(() => this.#closed());
  }

  get ready(): Promise<void> {
    return this.#inbox.ready;
  }

  next(): Promise<Told> {
    return this.#inbox.next();
  }

  confirm(position: string): Promise<void> {
    return confirmByPost(this.#request, position);
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

  #body: Buffer[] = [];

  #receive(chunk: Buffer): void {
    this.#body.push(chunk);
    void this.#http.head.then(({ status }) => {
      if (status !== 200) return;
      for (const part of this.#body.splice(0)) this.#parse(part);
    });
  }

  #parse(chunk: Buffer): void {
    const before = this.#parser.retry;
    for (const message of this.#parser.feed(chunk)) this.#tell(message);
    if (this.#parser.retry !== before) this.#retries += 1;
    if (this.#retries > 0) this.#inbox.begun();
  }

  #tell({ event, data }: SseMessage): void {
    const json = JSON.parse(data) as Record<string, unknown>;
    if (event === 'sluice.gap') this.#inbox.put({ kind: 'gap', ...json } as Told);
    else if (event === 'sluice.limit') this.#inbox.put({ kind: 'held', until: String(json['until']) });
    else if (event === 'sluice.error') this.#inbox.put(endingOf(json));
    else this.#inbox.put(eventOf(json));
  }

  #closed(): void {
    const body = Buffer.concat(this.#body).toString('utf8');
    if (this.#status !== 200 && body !== '') this.#inbox.put(endingOf(JSON.parse(body)));
    else if (this.#retries > 1) this.#inbox.put({ kind: 'end', code: 'RESTARTING', number: 200, retryAfter: this.#parser.retry });
    else this.#inbox.put({ kind: 'end', code: 'GONE', number: this.#status, retryAfter: undefined });
  }
}

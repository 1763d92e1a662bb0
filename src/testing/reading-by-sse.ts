import { SseParser, type SseMessage } from '../protocols/sse/sse-parser.ts';
import { RawHttp } from './raw-http.ts';
import {
  confirmByPost,
  endingOf,
  eventOf,
  Inbox,
  targetOf,
  type Ending,
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
    for (const message of this.#parser.feed(chunk)) this.#inbox.put(toldBySse(message));
    if (this.#parser.retry !== before) this.#retries += 1;
    if (this.#retries > 0) this.#inbox.begun();
  }

  #closed(): void {
    const refusal = Buffer.concat(this.#body).toString('utf8');
    this.#inbox.put(endOfSse({ status: this.#status, refusal, retries: this.#retries, retry: this.#parser.retry }));
  }
}

/** A message of an event stream, as what a reading client was told. */
export function toldBySse({ event, data }: SseMessage): Told {
  const json = JSON.parse(data) as Record<string, unknown>;
  if (event === 'sluice.gap') return { kind: 'gap', ...json } as Told;
  if (event === 'sluice.limit') return { kind: 'held', until: String(json['until']) };
  if (event === 'sluice.error') return endingOf(json);
  return eventOf(json);
}

interface Ended {
  readonly status: number;
  /** The body of an answer that was no stream. */
  readonly refusal: string;
  /** How often the client was told when to come back. */
  readonly retries: number;
  readonly retry: number | undefined;
}

/** Why a stream ended, where nothing in it said so. */
export function endOfSse({ status, refusal, retries, retry }: Ended): Ending {
  if (status !== 200 && refusal !== '') return endingOf(JSON.parse(refusal));
  if (retries > 1) return { kind: 'end', code: 'RESTARTING', number: 200, retryAfter: retry };
  return { kind: 'end', code: 'GONE', number: status, retryAfter: undefined };
}

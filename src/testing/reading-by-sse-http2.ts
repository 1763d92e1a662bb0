import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { SseParser } from '../protocols/sse/sse-parser.ts';
import { confirmByPost, Inbox, targetOf, type Reading, type ReadingProtocol, type ReadingRequest, type Told } from './reading-client.ts';
import { endOfSse, toldBySse } from './reading-by-sse.ts';

/** Server-Sent Events on a stream of HTTP/2 with prior knowledge, by Node's own client. */
export const readingBySseHttp2: ReadingProtocol = { name: 'sse over HTTP/2', lacks: {}, read: (request) => new SseHttp2Reading(request) };

class SseHttp2Reading implements Reading {
  readonly #request: ReadingRequest;
  readonly #inbox = new Inbox();
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #parser = new SseParser(16 * 1024 * 1024);
  #status = 0;
  #retries = 0;
  #refusal = '';

  constructor(request: ReadingRequest) {
    this.#request = request;
    this.#session = connect(request.gateway);
    this.#session.on('error', () => undefined);
    this.#stream = this.#session.request({
      ':path': targetOf(request),
      accept: 'text/event-stream',
      ...(request.key === undefined ? {} : { authorization: `Bearer ${request.key}` }),
      ...(request.resume === undefined ? {} : { 'last-event-id': request.resume }),
    });
    this.#stream.on('error', () => undefined);
    this.#stream.on('response', (headers) => (this.#status = headers[':status'] ?? 0));
    this.#stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#stream.once('close', () => this.#closed());
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
    this.#stream.pause();
  }

  unstall(): void {
    this.#stream.resume();
  }

  close(): void {
    this.#session.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#status !== 200) {
      this.#refusal += chunk.toString('utf8');
      return;
    }
    const before = this.#parser.retry;
    for (const message of this.#parser.feed(chunk)) this.#inbox.put(toldBySse(message));
    if (this.#parser.retry !== before) this.#retries += 1;
    if (this.#retries > 0) this.#inbox.begun();
  }

  #closed(): void {
    this.#session.close();
    this.#inbox.put(endOfSse({ status: this.#status, refusal: this.#refusal, retries: this.#retries, retry: this.#parser.retry }));
  }
}

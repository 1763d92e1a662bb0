import { request } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { SseParser } from '../protocols/sse/sse-parser.ts';

/** An event as it came out of a stream. */
export interface Received {
  readonly id: string;
  readonly position: string;
  readonly [attribute: string]: unknown;
}

/** How a stream ended, in the words of its protocol. */
export interface Ending {
  /** WebSocket close code. */
  readonly close?: number;
  /** Status of an answer that was no stream. */
  readonly status?: number;
  /** What SSE or sluice.v1.json said last. */
  readonly problem?: Readonly<Record<string, any>>;
  /** Milliseconds after which SSE is to come back, where it was told on leaving. */
  readonly retry?: number;
  /** Last-Event-ID an EventSource would come back with. */
  readonly lastEventId?: string;
}

/** One client of a stream, the same for every protocol. */
export interface StreamClient {
  readonly received: Received[];
  /** Limits, gaps and errors, in order. */
  readonly said: Readonly<Record<string, any>>[];
  /** Resolves when it ended, with how. */
  readonly ended: Promise<Ending>;
  /** Resolves when the condition holds; it is asked after everything that comes. Rejects when the stream ends before. */
  until(condition: () => boolean, milliseconds?: number): Promise<void>;
  /** Resolves once at least so many events came. */
  atLeast(count: number, milliseconds?: number): Promise<void>;
  /** Stops reading from the socket, so that its buffers fill. */
  pause(): void;
  resume(): void;
  close(): void;
}

export interface StreamOptions {
  readonly key?: string | undefined;
  /** Last-Event-ID (SSE) or `?after=` (WebSocket): where to go on. */
  readonly after?: string | undefined;
  readonly subprotocol?: string;
}

/** Opens an event stream and resolves when its head has come; the ending tells what it was instead of a stream. */
export function openSse(url: string, { key, after }: StreamOptions = {}): Promise<StreamClient> {
  return new Promise((resolve, reject) => {
    const book = new Book();
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (key !== undefined) headers['authorization'] = `Bearer ${key}`;
    if (after !== undefined) headers['last-event-id'] = after;
    const outgoing = request(url, { headers, agent: false }, (response) => {
      const parser = new SseParser(16 * 1024 * 1024);
      /** The end of what came: a stream that is told when to come back ends with that, and one that is cut does not. */
      let tail = '';
      let problem: Record<string, any> | undefined;
      const isStream = response.headers['content-type'] === 'text/event-stream';
      let body = '';
      response.on('data', (chunk: Buffer) => {
        if (!isStream) {
          body += chunk.toString();
          return;
        }
        for (const message of parser.feed(chunk)) {
          const data = JSON.parse(message.data) as Record<string, any>;
          if (message.event === 'sluice.error') problem = data;
          if (message.event.startsWith('sluice.')) book.said.push({ ...data, said: message.event });
          else book.received.push(data as unknown as Received);
        }
        tail = (tail + chunk.toString('latin1')).slice(-32);
        book.look();
      });
      response.on('error', () => undefined);
      response.on('close', () => {
        if (!isStream && body !== '') problem = JSON.parse(body) as Record<string, any>;
        const retry = /\n\nretry: \d+\n\n$/.test(tail) ? parser.retry : undefined;
        book.end({
          status: response.statusCode ?? 0,
          lastEventId: parser.lastEventId,
          ...(problem && { problem }),
          ...(retry === undefined ? {} : { retry }),
        });
      });
      resolve(book.client(outgoing.socket as Socket, () => outgoing.destroy()));
    });
    outgoing.on('error', (error) => {
      book.end({});
      reject(error);
    });
    outgoing.end();
  });
}

/** Opens a WebSocket and resolves when it is open, or has ended instead; plain unless a subprotocol is named. */
export function openWebSocket(
  url: string,
  { key, after, subprotocol = 'sluice.v1.json' }: StreamOptions = {},
): Promise<StreamClient & { send(op: unknown): void }> {
  return new Promise((resolve) => {
    const book = new Book();
    const target = new URL(url.replace(/^http/, 'ws'));
    if (after !== undefined) target.searchParams.set('after', after);
    const webSocket = new WebSocket(target, subprotocol, { headers: key === undefined ? {} : { authorization: `Bearer ${key}` } });
    let problem: Record<string, any> | undefined;
    let status: number | undefined;
    const opened = (): void => resolve({ ...clientOf(), send: (op) => webSocket.send(JSON.stringify(op)) });
    const clientOf = (): StreamClient => book.client((webSocket as unknown as { _socket: Socket })._socket, () => webSocket.terminate());
    webSocket.on('message', (message: Buffer) => {
      const op = JSON.parse(message.toString()) as Record<string, any>;
      if (op['op'] === 'error') problem = op['problem'];
      if (op['op'] === undefined) book.received.push(op as unknown as Received);
      else if (op['op'] === 'event') book.received.push(op['event']);
      else book.said.push({ ...op, said: op['op'] });
      book.look();
    });
    webSocket.on('open', opened);
    webSocket.on('unexpected-response', (_request, response) => {
      status = response.statusCode ?? 0;
      webSocket.terminate();
    });
    webSocket.on('error', () => undefined);
    webSocket.on('close', (close) => {
      book.end({ ...(status === undefined ? { close } : { status }), ...(problem && { problem }) });
      opened();
    });
  });
}

/** What came so far, and who waits for more. */
class Book {
  readonly received: Received[] = [];
  readonly said: Record<string, any>[] = [];
  readonly ended: Promise<Ending>;
  #end: (ending: Ending) => void = () => undefined;
  #ending: Ending | undefined;
  readonly #waiting = new Set<() => void>();

  constructor() {
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  look(): void {
    for (const check of this.#waiting) check();
  }

  end(ending: Ending): void {
    this.#ending ??= ending;
    this.#end(this.#ending);
    this.look();
  }

  until(condition: () => boolean, milliseconds = 30_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        if (error === undefined) resolve();
        else reject(error);
      };
      const check = (): void => {
        if (condition()) settle();
        else if (this.#ending !== undefined)
          settle(new Error(`the stream ended with ${JSON.stringify(this.#ending)} after ${this.received.length} events`));
      };
      const timer = setTimeout(
        () =>
          settle(
            new Error(`not within ${milliseconds} ms; ${this.received.length} events came, and ${JSON.stringify(this.said.slice(-3))}`),
          ),
        milliseconds,
      );
      this.#waiting.add(check);
      check();
    });
  }

  client(socket: Socket, close: () => void): StreamClient {
    const { received, said, ended } = this;
    return {
      received,
      said,
      ended,
      until: (condition, milliseconds) => this.until(condition, milliseconds),
      atLeast: (count, milliseconds) => this.until(() => received.length >= count, milliseconds),
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
      close,
    };
  }
}

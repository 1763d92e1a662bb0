import {
  constants,
  createServer,
  Http2ServerRequest,
  Http2ServerResponse,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../core/errors.ts';
import type { Dispatch } from './dispatch.ts';
import { Http2Answer, stopUpload } from './http2-answer.ts';
import { Http2Watch } from './http2-watch.ts';
import type { RequestHead } from './http-request.ts';
import { respondProblem } from './respond.ts';
import { asksForStream } from './stream-aware-message.ts';

/** Streams of one connection at once: more than a browser opens, few enough that a connection is no crowd. */
const maxConcurrentStreams = 250;
/** Bytes of names and values, each pair counted with 32 more (RFC 9113, section 6.5.2). */
const maxHeaderBytes = 16 * 1024;
/** Milliseconds between two looks at what connections do. */
const lookInterval = 2000;

const bounds = {
  settings: { maxConcurrentStreams, maxHeaderListSize: maxHeaderBytes, enablePush: false },
  maxHeaderListPairs: 128,
  // Frames that make no sense, and streams opened past the bound, before the connection is ended.
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  // Streams opened only to be reset: so many at once, and so many a second.
  streamResetBurst: 500,
  streamResetRate: 50,
} as const;

/** HTTP/2 (RFC 9113) on connections that the port has accepted. */
export class Http2Sessions {
  readonly #dispatch: Dispatch;
  readonly #server: Http2Server;
  readonly #watches = new Map<ServerHttp2Session, Http2Watch>();
  #looking: NodeJS.Timeout | undefined;
  #isClosing = false;

  constructor(dispatch: Dispatch) {
    this.#dispatch = dispatch;
    this.#server = createServer(bounds);
    this.#server.on('session', (session) => this.#begin(session));
    // A connection that breaks the protocol has been told by then.
    this.#server.on('sessionError', () => undefined);
    this.#server.on('stream', (stream, headers, _flags, rawHeaders) => this.#stream(stream, headers, rawHeaders));
  }

  /** Speaks HTTP/2 on this connection, beginning with what it has unread. */
  take(socket: Duplex): void {
    // A client that has said all it will say has nobody to answer to.
    socket.once('end', () => socket.destroy());
    this.#server.emit('connection', socket);
  }

  /** Idle connections end, the others once their streams have. */
  close(): void {
    this.#isClosing = true;
    for (const session of this.#watches.keys()) session.close();
  }

  closeNow(): void {
    this.#isClosing = true;
    for (const session of this.#watches.keys()) session.destroy();
  }

  #begin(session: ServerHttp2Session): void {
    this.#watches.set(session, new Http2Watch(session));
    session.once('close', () => {
      this.#watches.delete(session);
      if (this.#watches.size > 0) return;
      clearInterval(this.#looking);
      this.#looking = undefined;
    });
    this.#looking ??= setInterval(() => this.#look(), lookInterval).unref();
    if (this.#isClosing) session.close();
  }

  #look(): void {
    const now = performance.now();
    for (const watch of this.#watches.values()) watch.look(now);
  }

  #stream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    stream.on('error', () => undefined);
    const { session } = stream;
    const watch = session === undefined ? undefined : this.#watches.get(session as ServerHttp2Session);
    if (watch === undefined) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    const method = headers[':method'];
    if (sizeOf(rawHeaders) > maxHeaderBytes) {
      watch.opened(stream, false);
      new Http2Answer(stream).refuse(new GatewayError('HEADERS_TOO_LARGE', 'The request headers have more than 16 KiB.'), {});
    } else if (asksForStream({ method, headers })) {
      watch.opened(stream, true);
      stream.resume();
      const head: RequestHead = { method, url: headers[':path'], headers, rawHeaders, httpVersion: '2.0' };
      void this.#dispatch.stream(head, !stream.endAfterHeaders, new Http2Answer(stream));
    } else {
      watch.opened(stream, false);
      this.#request(stream, headers, rawHeaders);
    }
  }

  #request(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    const request = new Http2ServerRequest(stream, headers, {}, rawHeaders);
    const response = new Http2ServerResponse(stream);
    void this.#dispatch.request(request, response, (refusal, cors) => {
      respondProblem(response, refusal, cors);
      if (!request.complete && !stream.endAfterHeaders) stopUpload(stream);
    });
  }
}

function sizeOf(rawHeaders: readonly string[]): number {
  let size = 0;
  for (const text of rawHeaders) size += text.length + 16;
  return size;
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../core/errors.ts';
import { Http1Answer } from './bare-answer.ts';
import { Dispatch, unknownMethod, type DispatchParts, type RequestHandler, type StreamHandler, type UpgradeHandler } from './dispatch.ts';
import { Http2Sessions } from './http2.ts';
import { beginsHttp2, leaveHttp1, type ParseError } from './http2-preface.ts';
import { endWithProblem } from './last-words.ts';
import { Pipeline } from './pipeline.ts';
import { respondProblem } from './respond.ts';
import { StreamAwareMessage } from './stream-aware-message.ts';
import { oldestTls, type KeyPair } from './key-pair.ts';

export interface HttpListenerParts extends DispatchParts {
  /** Most sockets at once: what file descriptors and memory allow. */
  readonly maxConnections: number;
  /** Serve https, as HTTP/2 and HTTP/1.1, instead of http. */
  readonly tls?: KeyPair | undefined;
  /** Milliseconds in which a connection neither takes nor sends a byte before it is cut, streams excepted. Default: 120,000, twice the longest poll. */
  readonly stallTime?: number | undefined;
}

const defaultStallTime = 120_000;

const options = {
  IncomingMessage: StreamAwareMessage,
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 2000,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
  // Said here in our own words.
  requireHostHeader: false,
};

/** One port for every protocol that begins with an HTTP request. */
export class HttpListener {
  readonly #parts: HttpListenerParts;
  readonly #dispatch: Dispatch;
  readonly #server: Server<typeof StreamAwareMessage> | TlsServer<typeof StreamAwareMessage>;
  readonly #http2: Http2Sessions;
  /** Sockets that are no longer the server's to close. */
  readonly #upgraded = new Set<Duplex>();
  readonly #pipeline = new Pipeline();
  readonly #forget: (this: Duplex) => void;

  constructor(parts: HttpListenerParts) {
    this.#parts = parts;
    this.#dispatch = new Dispatch({ ...parts, isTls: parts.tls !== undefined });
    const upgraded = this.#upgraded;
    this.#forget = function forget() {
      upgraded.delete(this);
    };
    this.#http2 = new Http2Sessions(this.#dispatch);
    this.#server = parts.tls === undefined ? createServer(options) : this.#secure(parts.tls);
    this.#server.maxConnections = parts.maxConnections;
    // Who asks for pages and takes none would keep them in memory for as long as it likes.
    this.#server.timeout = parts.stallTime ?? defaultStallTime;
    this.#server.on('request', (request, response) => void this.#request(request, response));
    // Who asks before sending is let go on by the handler, once it is sure to read the body.
    this.#server.on('checkContinue', (request, response) => void this.#request(request, response));
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket as Socket, head));
    this.#server.on('connect', (_request, socket) => endWithProblem(socket, unknownMethod('CONNECT'), {}));
    this.#server.on('clientError', (error, socket) => this.#clientError(error, socket as Socket));
  }

  use(handler: RequestHandler): void {
    this.#dispatch.use(handler);
  }

  useStream(handler: StreamHandler): void {
    this.#dispatch.useStream(handler);
  }

  useUpgrade(handler: UpgradeHandler): void {
    this.#dispatch.useUpgrade(handler);
  }

  /** Resolves to the base URL once connections are taken; rejects with the system's error. `reusePort`: others may listen on the same port and get their share. */
  listen(port: number, host: string, { reusePort = false } = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      // The system lets as many wait to be accepted as it is set up for (net.core.somaxconn).
      this.#server.listen({ port, host, backlog: 65_535, reusePort }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#parts.onBug(error));
        const { port: actual } = this.#server.address() as AddressInfo;
        resolve(`${this.#parts.tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${actual}`);
      });
    });
  }

  /** Takes no more connections; those that are idle end. Resolves when the last one has ended. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      // A connection that was busy when this began is idle a moment later.
      const sweep = setInterval(() => this.#server.closeIdleConnections(), 50);
      this.#server.close(() => {
        clearInterval(sweep);
        resolve();
      });
      this.#server.closeIdleConnections();
      this.#http2.close();
    });
  }

  /** From now on new connections are shown this certificate; only for a listener that began with one. */
  renew(pair: KeyPair): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext({ ...pair, minVersion: oldestTls });
  }

  /** Takes no more connections and cuts what is still open, upgraded or not. */
  closeNow(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#http2.closeNow();
    for (const socket of this.#upgraded) socket.destroy();
  }

  /** The handshake has agreed on the version of HTTP (ALPN, RFC 7301). */
  #secure(pair: KeyPair): TlsServer<typeof StreamAwareMessage> {
    const protocols = { ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: 10_000, minVersion: oldestTls };
    const server = createTlsServer({ ...options, ...protocols, ...pair });
    // Nobody has agreed on a way to be told.
    server.removeAllListeners('tlsClientError').on('tlsClientError', (_error, socket) => socket.destroy());
    const [serveHttp1] = server.listeners('secureConnection');
    server.removeAllListeners('secureConnection');
    server.on('secureConnection', (socket) => {
      if (socket.alpnProtocol === 'h2') this.#http2.take(socket);
      else if (serveHttp1 !== undefined) Reflect.apply(serveHttp1, server, [socket]);
    });
    return server;
  }

  #clientError(error: ParseError, socket: Socket): void {
    if (this.#parts.tls === undefined && beginsHttp2(error, socket)) {
      leaveHttp1(error, socket);
      this.#http2.take(socket);
    } else {
      answerClientError(error, socket);
    }
  }

  async #request(raw: IncomingMessage, response: ServerResponse): Promise<void> {
    const turn = this.#pipeline.turn(raw.socket, response);
    if (turn !== undefined && !(await turn)) {
      raw.socket.destroy();
      return;
    }
    await this.#dispatch.request(raw, response, (refusal, cors) => {
      if (raw.complete || !hasBody(raw)) respondProblem(response, refusal, cors);
      else refuseUnread(raw, refusal, cors);
    });
  }

  async #upgrade(raw: StreamAwareMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on('error', destroy);
    socket.on('close', this.#forget);
    this.#upgraded.add(socket);
    if (raw.kind === 'stream') await this.#stream(raw, socket, head);
    else await this.#dispatch.upgrade(raw, socket, head);
  }

  /** Until the stream ends nothing may come behind its request. */
  async #stream(raw: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const isBodied = hasBody(raw);
    if (!isBodied && head.length > 0) {
      socket.destroy();
      return;
    }
    if (!isBodied) socket.on('data', destroy);
    socket.on('end', destroy);
    // Reading, so that the client's leaving is noticed.
    socket.resume();
    const turn = this.#pipeline.turnOfStream(socket);
    if (turn !== undefined) await turn;
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    socket.setTimeout(0);
    await this.#dispatch.stream(raw, isBodied, new Http1Answer(socket));
  }
}

function destroy(this: Duplex): void {
  this.destroy();
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** Refuses a request whose body has not come whole: what is still on its way is thrown away, not read as the next request. */
function refuseUnread(raw: IncomingMessage, refusal: GatewayError, cors: Readonly<Record<string, string>>): void {
  raw.resume();
  endWithProblem(raw.socket, refusal, cors);
}

function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    endWithProblem(socket, new GatewayError('HEADERS_TOO_LARGE', 'The request headers have more than 16 KiB.'), {});
  } else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    endWithProblem(
      socket,
      new GatewayError('REQUEST_TIMEOUT', 'The request did not arrive in time: 10 s for the headers, 30 s in all.'),
      {},
    );
  } else {
    endWithProblem(socket, new GatewayError('BAD_REQUEST', 'This is not a well-formed HTTP/1.1 request.'), {});
  }
}

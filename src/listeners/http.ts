import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RouteInfo } from '../core/entrypoint.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { splitTarget, type HttpRequest } from './http-request.ts';
import { endWithProblem } from './last-words.ts';
import { Pipeline } from './pipeline.ts';
import { allowedMethods, respondProblem } from './respond.ts';

/** A protocol spoken in plain requests. The first that accepts a request gets it; rejecting answers with a problem. */
export interface RequestHandler {
  readonly protocol: string;
  accepts(request: HttpRequest): boolean;
  handle(request: HttpRequest, response: ServerResponse): Promise<void>;
}

/** A protocol reached by `Upgrade`. Rejecting answers with a problem and closes. */
export interface UpgradeHandler {
  readonly protocol: string;
  /** The token of the Upgrade header, lower case. */
  readonly token: string;
  upgrade(request: HttpRequest, socket: Socket, head: Buffer): Promise<void>;
}

export interface HttpListenerParts {
  readonly route: (path: string) => RouteInfo | undefined;
  /** A thrown bug, for the operator's log. */
  readonly onBug: (error: unknown) => void;
  /** Most sockets at once: what file descriptors and memory allow. */
  readonly maxConnections: number;
}

/** One port for every protocol that begins with an HTTP/1.1 request. */
export class HttpListener {
  readonly #parts: HttpListenerParts;
  readonly #server: Server;
  readonly #handlers: RequestHandler[] = [];
  readonly #upgrades = new Map<string, UpgradeHandler>();
  /** Sockets that are no longer the server's to close. */
  readonly #upgraded = new Set<Socket>();
  readonly #pipeline = new Pipeline();
  /** Sockets on which a handler writes by itself. */
  readonly #taken = new WeakSet<Duplex>();

  constructor(parts: HttpListenerParts) {
    this.#parts = parts;
    this.#server = createServer({
      maxHeaderSize: 16 * 1024,
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 30_000,
      connectionsCheckingInterval: 2000,
      noDelay: true,
      // Said here in our own words.
      requireHostHeader: false,
    });
    this.#server.maxConnections = parts.maxConnections;
    this.#server.on('request', (request, response) => void this.#request(request, response));
    // Who asks before sending is let go on by the handler, once it is sure to read the body.
    this.#server.on('checkContinue', (request, response) => void this.#request(request, response));
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket as Socket, head));
    this.#server.on('connect', (_request, socket) => endWithProblem(socket, unknownMethod('CONNECT'), {}));
    this.#server.on('clientError', (error, socket) => {
      if (this.#taken.has(socket)) socket.destroy();
      else answerClientError(error, socket);
    });
  }

  use(handler: RequestHandler): void {
    this.#handlers.push(handler);
  }

  useUpgrade(handler: UpgradeHandler): void {
    this.#upgrades.set(handler.token, handler);
  }

  /** From now on a handler writes to this socket by itself: nothing else is answered on it, and who sends more on it is cut. */
  takeOver(socket: Socket): void {
    this.#taken.add(socket);
  }

  /** Resolves to the base URL once connections are taken; rejects with the system's error. `reusePort`: others may listen on the same port and get their share. */
  listen(port: number, host: string, { reusePort = false } = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host, backlog: 4096, reusePort }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#parts.onBug(error));
        const { port: actual } = this.#server.address() as AddressInfo;
        resolve(`http://${host.includes(':') ? `[${host}]` : host}:${actual}`);
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
    });
  }

  /** Takes no more connections and cuts what is still open, upgraded or not. */
  closeNow(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#upgraded) socket.destroy();
  }

  async #request(raw: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#taken.has(raw.socket)) {
      raw.socket.destroy();
      return;
    }
    const turn = this.#pipeline.turn(raw.socket, response);
    if (turn !== undefined && (!(await turn) || this.#taken.has(raw.socket))) {
      raw.socket.destroy();
      return;
    }
    let cors: Readonly<Record<string, string>> = {};
    try {
      const { path, query } = splitTarget(raw);
      const route = this.#parts.route(path);
      cors = corsHeaders(route?.cors, raw.headers.origin);
      if (route === undefined) throw new GatewayError('NOT_FOUND', 'No API is served at this path.');
      if (raw.method === 'OPTIONS') {
        response.writeHead(204, { ...preflightHeaders(route.cors, raw.headers), allow: allowedMethods }).end();
        return;
      }
      const request: HttpRequest = { raw, path, query, route, cors };
      await this.#handlerOf(request).handle(request, response);
    } catch (error) {
      const refusal = this.#seen(error);
      if (response.headersSent || response.destroyed) return;
      if (raw.complete || !hasBody(raw)) respondProblem(response, refusal, cors);
      else refuseUnread(raw, refusal, cors);
    }
  }

  async #upgrade(raw: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    this.#upgraded.add(socket);
    socket.once('close', () => this.#upgraded.delete(socket));
    let cors: Readonly<Record<string, string>> = {};
    try {
      const { path, query } = splitTarget(raw);
      const route = this.#parts.route(path);
      if (route === undefined) throw new GatewayError('NOT_FOUND', 'No API is served at this path.');
      cors = corsHeaders(route.cors, raw.headers.origin);
      const handler = this.#upgrades.get(String(raw.headers.upgrade).toLowerCase());
      if (handler === undefined) throw new GatewayError('BAD_REQUEST', 'The only protocol to upgrade to here is websocket.');
      await handler.upgrade({ raw, path, query, route, cors }, socket, head);
    } catch (error) {
      endWithProblem(socket, this.#seen(error), cors);
    }
  }

  #handlerOf(request: HttpRequest): RequestHandler {
    const { method } = request.raw;
    if (method !== 'GET' && method !== 'POST') {
      throw unknownMethod(method);
    }
    const handler = this.#handlers.find((candidate) => candidate.accepts(request));
    if (handler === undefined) throw new GatewayError('NOT_ACCEPTABLE', 'No protocol here answers such a request.');
    return handler;
  }

  #seen(error: unknown): GatewayError {
    const refusal = toGatewayError(error);
    if (refusal.code === 'INTERNAL') this.#parts.onBug(error);
    return refusal;
  }
}

function unknownMethod(method: string | undefined): GatewayError {
  return new GatewayError('METHOD_NOT_ALLOWED', `A channel can be read with GET and published to with POST; ${method} means nothing here.`);
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

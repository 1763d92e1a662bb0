import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { Socket } from 'node:net';
import type { RouteInfo } from '../core/entrypoint.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { BareAnswer } from './bare-answer.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { originOf, splitTarget, type HttpRequest, type RequestHead } from './http-request.ts';
import { hubLinks } from './hub-links.ts';
import { endWithProblem } from './last-words.ts';
import { allowedMethods, type PlainAnswer } from './respond.ts';

/** A request that may have a body, in either version of HTTP. */
export type RawRequest = IncomingMessage | Http2ServerRequest;

/** A protocol spoken in plain requests. The first that accepts a request gets it; rejecting answers with a problem. */
export interface RequestHandler {
  readonly protocol: string;
  accepts(request: HttpRequest<RawRequest>): boolean;
  handle(request: HttpRequest<RawRequest>, response: PlainAnswer): Promise<void>;
}

/** A protocol that answers a `GET` for `text/event-stream` with bytes as they come. Rejecting answers with a problem. */
export interface StreamHandler {
  readonly protocol: string;
  stream(request: HttpRequest<RequestHead>, answer: BareAnswer): Promise<void>;
}

/** A protocol reached by `Upgrade`. Rejecting answers with a problem and closes. */
export interface UpgradeHandler {
  readonly protocol: string;
  /** The token of the Upgrade header, lower case. */
  readonly token: string;
  upgrade(request: HttpRequest, socket: Socket, head: Buffer): Promise<void>;
}

export interface DispatchParts {
  readonly route: (path: string) => RouteInfo | undefined;
  readonly isTls?: boolean;
  /** A thrown bug, for the operator's log. */
  readonly onBug: (error: unknown) => void;
}

type Fields = Readonly<Record<string, string>>;

/** Brings a request to the protocol that answers it, and a refusal to whoever asked. */
export class Dispatch {
  readonly #parts: DispatchParts;
  readonly #handlers: RequestHandler[] = [];
  readonly #upgrades = new Map<string, UpgradeHandler>();
  #streams: StreamHandler | undefined;

  constructor(parts: DispatchParts) {
    this.#parts = parts;
  }

  use(handler: RequestHandler): void {
    this.#handlers.push(handler);
  }

  useStream(handler: StreamHandler): void {
    this.#streams = handler;
  }

  useUpgrade(handler: UpgradeHandler): void {
    this.#upgrades.set(handler.token, handler);
  }

  /** `refuse` answers what was refused before an answer began: how, depends on what has become of the request's body. */
  async request(raw: RawRequest, response: PlainAnswer, refuse: (error: GatewayError, cors: Fields) => void): Promise<void> {
    let cors: Fields = {};
    try {
      const { path, query } = splitTarget(raw);
      const route = this.#parts.route(path);
      cors = corsHeaders(route?.cors, raw.headers.origin);
      if (route === undefined) throw nothingHere();
      cors = { ...cors, ...this.#topicLinks(raw, route, path) };
      if (raw.method === 'OPTIONS' && !(route.isDesk === true && raw.headers['access-control-request-method'] === undefined)) {
        response.writeHead(204, { ...preflightHeaders(route.cors, raw.headers), allow: allowedMethods });
        response.end();
        return;
      }
      const request: HttpRequest<RawRequest> = { raw, path, query, route, cors };
      await this.#handlerOf(request).handle(request, response);
    } catch (error) {
      const refusal = this.#seen(error);
      if (!response.headersSent && response.destroyed !== true) refuse(refusal, cors);
    }
  }

  async stream(raw: RequestHead, hasBody: boolean, answer: BareAnswer): Promise<void> {
    let cors: Fields = {};
    try {
      const { path, query } = splitTarget(raw);
      const route = this.#parts.route(path);
      cors = corsHeaders(route?.cors, raw.headers.origin);
      if (route === undefined) throw nothingHere();
      if (hasBody) throw new GatewayError('BAD_REQUEST', 'A GET for an event stream must not have a body.');
      if (this.#streams === undefined || route.isDesk === true) throw unanswered();
      await this.#streams.stream({ raw, path, query, route, cors }, answer);
    } catch (error) {
      answer.refuse(this.#seen(error), cors);
    }
  }

  async upgrade(raw: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    let cors: Fields = {};
    try {
      const { path, query } = splitTarget(raw);
      const route = this.#parts.route(path);
      if (route === undefined) throw nothingHere();
      cors = corsHeaders(route.cors, raw.headers.origin);
      const handler = this.#upgrades.get(String(raw.headers.upgrade).toLowerCase());
      if (handler === undefined) throw new GatewayError('BAD_REQUEST', 'The only protocol to upgrade to here is websocket.');
      await handler.upgrade({ raw, path, query, route, cors }, socket, head);
    } catch (error) {
      endWithProblem(socket, this.#seen(error), cors);
    }
  }

  #handlerOf(request: HttpRequest<RawRequest>): RequestHandler {
    const { method } = request.raw;
    const isKnown = method === 'GET' || method === 'POST' || (method === 'HEAD' && request.route.hub !== undefined);
    if (request.route.isDesk !== true && !isKnown) throw unknownMethod(method);
    const handler = this.#handlers.find((candidate) => candidate.accepts(request));
    if (handler === undefined) throw unanswered();
    return handler;
  }

  /** Also on a refusal, so that a hub can be discovered without a key (WebSub, section 4). */
  #topicLinks({ method, headers }: RawRequest, { hub }: RouteInfo, path: string): Fields {
    if (hub === undefined || (method !== 'GET' && method !== 'HEAD')) return {};
    const link = hubLinks(hub, originOf(headers, this.#parts.isTls === true), path);
    return link === undefined ? {} : { link };
  }

  #seen(error: unknown): GatewayError {
    const refusal = toGatewayError(error);
    if (refusal.code === 'INTERNAL') this.#parts.onBug(error);
    return refusal;
  }
}

/** What is said to a method that channels do not have. */
export function unknownMethod(method: string | undefined): GatewayError {
  return new GatewayError('METHOD_NOT_ALLOWED', `A channel can be read with GET and published to with POST; ${method} means nothing here.`);
}

function nothingHere(): GatewayError {
  return new GatewayError('NOT_FOUND', 'No API is served at this path.');
}

function unanswered(): GatewayError {
  return new GatewayError('NOT_ACCEPTABLE', 'No protocol here answers such a request.');
}

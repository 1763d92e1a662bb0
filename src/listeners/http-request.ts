import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Credential, RouteInfo } from '../core/entrypoint.ts';
import { GatewayError } from '../core/errors.ts';

/** What is known of a request once its head has come, in every version of HTTP. */
export interface RequestHead {
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they were sent. */
  readonly rawHeaders: readonly string[];
  readonly httpVersion: string;
}

/** A request on the gateway's HTTP port, split once. */
export interface HttpRequest<Raw extends RequestHead = IncomingMessage> {
  readonly raw: Raw;
  /** Without query, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly route: RouteInfo;
  /** Headers every answer to this request carries: those for pages of other origins, and where a topic has its hub. */
  readonly cors: Readonly<Record<string, string>>;
}

/** Splits a request target into path and query; absolute targets are refused, as this is no proxy. */
export function splitTarget(head: RequestHead): { readonly path: string; readonly query: URLSearchParams } {
  checkHost(head);
  const { url: target = '' } = head;
  if (!target.startsWith('/')) throw new GatewayError('BAD_REQUEST', 'The request target must be a path.');
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  return { path, query: new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1)) };
}

/** Scheme and host of the gateway as a request names them: `https://api.example.com`. */
export function originOf(headers: IncomingHttpHeaders, isTls: boolean): string {
  return `${isTls ? 'https' : 'http'}://${headers.host ?? String(headers[':authority'] ?? '')}`;
}

/** One host and no other, or two servers on the way may mean different ones (RFC 9112, section 3.2; RFC 9113, section 8.3.1). */
function checkHost({ headers, rawHeaders, httpVersion }: RequestHead): void {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  if (hosts > 1) throw new GatewayError('BAD_REQUEST', 'A request must not have more than one header Host.');
  if (hosts === 0 && httpVersion === '1.1') throw new GatewayError('BAD_REQUEST', 'An HTTP/1.1 request needs the header Host.');
  const authority = headers[':authority'];
  if (hosts === 1 && authority !== undefined && authority !== headers.host)
    throw new GatewayError('BAD_REQUEST', 'The header Host and :authority must name the same host.');
}

const secretParameters = ['api_key', 'apikey', 'api-key', 'key', 'token', 'access_token', 'authorization'];

/** The one credential a request carries. A long-lived secret in a URL is refused: URLs end up in logs. */
export function credentialOf({ raw, query }: Pick<HttpRequest<RequestHead>, 'raw' | 'query'>): Credential | undefined {
  for (const name of secretParameters) {
    if (query.has(name)) {
      throw new GatewayError(
        'BAD_REQUEST',
        `Secrets do not belong in a URL: send the key as a header instead of ?${name}=, or get a single-use ?ticket=.`,
      );
    }
  }
  const found: Credential[] = [];
  const { authorization } = raw.headers;
  const apiKey = raw.headers['x-api-key'];
  const ticket = query.get('ticket');
  if (authorization !== undefined) found.push({ kind: 'bearer', value: bearer(authorization) });
  if (typeof apiKey === 'string') found.push({ kind: 'api-key', value: apiKey });
  if (ticket !== null) found.push({ kind: 'ticket', value: ticket });
  if (found.length > 1) throw new GatewayError('BAD_REQUEST', 'The request carries more than one credential; send one.');
  return found[0];
}

function bearer(authorization: string): string {
  const match = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization);
  if (match?.[1] === undefined) throw new GatewayError('UNAUTHENTICATED', 'The Authorization header must be: Bearer, a space, the key.');
  return match[1];
}

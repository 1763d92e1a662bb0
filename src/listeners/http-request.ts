import type { IncomingMessage } from 'node:http';
import type { Credential, RouteInfo } from '../core/entrypoint.ts';
import { GatewayError } from '../core/errors.ts';

/** A request on the gateway's HTTP port, split once. */
export interface HttpRequest {
  readonly raw: IncomingMessage;
  /** Without query, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly route: RouteInfo;
  /** Cross-origin headers every answer to this request carries. */
  readonly cors: Readonly<Record<string, string>>;
}

/** Splits a request target into path and query; absolute targets are refused, as this is no proxy. */
export function splitTarget({ url: target = '', headers, httpVersion }: IncomingMessage): {
  readonly path: string;
  readonly query: URLSearchParams;
} {
  // RFC 9112, section 3.2.
  if (headers.host === undefined && httpVersion === '1.1')
    throw new GatewayError('BAD_REQUEST', 'An HTTP/1.1 request needs the header Host.');
  if (!target.startsWith('/')) throw new GatewayError('BAD_REQUEST', 'The request target must be a path.');
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  return { path, query: new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1)) };
}

const secretParameters = ['api_key', 'apikey', 'api-key', 'key', 'token', 'access_token', 'authorization'];

/** The one credential a request carries. A long-lived secret in a URL is refused: URLs end up in logs. */
export function credentialOf({ raw, query }: Pick<HttpRequest, 'raw' | 'query'>): Credential | undefined {
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

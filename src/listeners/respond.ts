import type { ServerResponse } from 'node:http';
import type { GatewayError } from '../core/errors.ts';

type Headers = Readonly<Record<string, string>>;

/** Answers with JSON and nothing left to guess for a browser. */
export function respondJson(response: ServerResponse, status: number, body: Buffer | string, headers: Headers): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': String(bytes.length), 'x-content-type-options': 'nosniff', ...headers });
  response.end(bytes);
}

/** Headers that belong to a refusal besides its body. */
export function refusalHeaders(error: GatewayError): Record<string, string> {
  const headers: Record<string, string> = { 'cache-control': 'no-store' };
  if (error.retryAfter !== undefined) headers['retry-after'] = String(Math.max(0, Math.ceil(error.retryAfter / 1000)));
  if (error.status === 401) headers['www-authenticate'] = 'Bearer realm="sluice"';
  return headers;
}

/** Answers with an RFC 9457 problem document. */
export function respondProblem(response: ServerResponse, error: GatewayError, headers: Headers): void {
  if (response.headersSent || response.destroyed) return;
  respondJson(response, error.status, JSON.stringify(error.toProblem()), { ...refusalHeaders(error), ...headers, 'content-type': 'application/problem+json' });
}

import type { GatewayError } from '../core/errors.ts';
import { rateLimit, rateLimitPolicy } from '../protocols/http/rate-limit.ts';

/** What a channel understands. */
export const allowedMethods = 'GET, POST, OPTIONS';

type Headers = Readonly<Record<string, string>>;

/** What the responses of `node:http` and `node:http2` have in common. */
export interface PlainAnswer {
  readonly headersSent: boolean;
  readonly destroyed?: boolean;
  writeContinue(): void;
  writeHead(status: number, headers: Headers): unknown;
  end(): unknown;
  end(body: Buffer): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** Answers with JSON and nothing left to guess for a browser. */
export function respondJson(response: PlainAnswer, status: number, body: Buffer | string, headers: Headers): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': String(bytes.length),
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(bytes);
}

/** Headers that belong to a refusal besides its body. */
export function refusalHeaders(error: GatewayError): Record<string, string> {
  const headers: Record<string, string> = { 'cache-control': 'no-store' };
  if (error.retryAfter !== undefined) headers['retry-after'] = String(Math.max(0, Math.ceil(error.retryAfter / 1000)));
  if (error.status === 401) headers['www-authenticate'] = 'Bearer realm="sluice"';
  if (error.status === 405) headers['allow'] = allowedMethods;
  return { ...headers, ...limitHeaders(error) };
}

/** The limit that was reached, in the words of the headers that tell of limits elsewhere. */
function limitHeaders({ details, retryAfter }: GatewayError): Record<string, string> {
  const { limit, counts, quota, remaining = 0 } = details;
  if (typeof limit !== 'string' || typeof quota !== 'number') return {};
  const counted = typeof counts === 'string' ? counts : limit === 'connectionCount' ? 'connections' : 'seconds';
  const state = { limit, counts: counted, quota, remaining: Number(remaining), window: undefined, resetsIn: retryAfter };
  return { 'ratelimit-policy': rateLimitPolicy([state]) ?? '', ratelimit: rateLimit([state]) ?? '' };
}

/** Answers with an RFC 9457 problem document. */
export function respondProblem(response: PlainAnswer, error: GatewayError, headers: Headers): void {
  if (response.headersSent || response.destroyed) return;
  respondJson(response, error.status, JSON.stringify(error.toProblem()), {
    ...refusalHeaders(error),
    ...headers,
    'content-type': 'application/problem+json',
  });
}

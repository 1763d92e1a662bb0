import type { IncomingHttpHeaders } from 'node:http';
import type { Cors } from '../core/entrypoint.ts';

const exposed = 'Link, RateLimit, RateLimit-Policy, Retry-After, Location';
const allowedHeader = /^(authorization|x-api-key|content-type|accept|last-event-id|cache-control|ack|ce-[a-z0-9]{1,64})$/i;

/** Whether a page of this origin may use the API. `*` means any. */
export function isAllowedOrigin(cors: Cors | undefined, origin: string): boolean {
  return cors !== undefined && (cors.origins.includes('*') || cors.origins.includes(origin));
}

/** Headers for an answer to a request with this Origin; none where the API is not open to it (Fetch, section 3.3). */
export function corsHeaders(cors: Cors | undefined, origin: string | undefined): Record<string, string> {
  if (cors === undefined) return {};
  if (origin === undefined || !isAllowedOrigin(cors, origin)) return { vary: 'Origin' };
  return {
    'access-control-allow-origin': cors.origins.includes('*') ? '*' : origin,
    'access-control-expose-headers': exposed,
    vary: 'Origin',
  };
}

/** Headers for a preflight request. */
export function preflightHeaders(cors: Cors | undefined, headers: IncomingHttpHeaders): Record<string, string> {
  const basic = corsHeaders(cors, headers.origin);
  if (cors === undefined || !('access-control-allow-origin' in basic)) return basic;
  const asked = String(headers['access-control-request-headers'] ?? '');
  const allowed = asked
    .split(',')
    .map((name) => name.trim())
    .filter((name) => allowedHeader.test(name))
    .slice(0, 50);
  return {
    ...basic,
    'access-control-allow-methods': 'GET, POST',
    ...(allowed.length === 0 ? {} : { 'access-control-allow-headers': allowed.join(', ') }),
    'access-control-max-age': String(Math.floor(cors.maxAge / 1000)),
  };
}

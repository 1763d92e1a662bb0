import type { EndpointSpec } from '../store/resources.ts';
import type { WrittenAuthentication } from './config/authentication-shape.ts';
import type { Asking } from './own.ts';

type Kept = Pick<EndpointSpec, 'headers' | 'authentication'>;

/**
 * The stored headers and authentication that a change of an endpoint may refer to instead of filling them in. Whoever filled them in said
 * where they go: an application may leave them there, and an administrator may send them elsewhere.
 */
export function keptSecrets(
  asking: Asking,
  { url, headers, authentication }: Kept & Pick<EndpointSpec, 'url'>,
  next: { readonly url: string; readonly authentication?: WrittenAuthentication | undefined },
): Kept {
  const all = { headers, ...(authentication && { authentication }) };
  if (asking === undefined) return all;
  if (!hasSameOrigin(url, next.url)) return { headers: {} };
  return hasSameOrigin(tokenUrlOf(authentication), tokenUrlOf(next.authentication)) ? all : { headers };
}

function tokenUrlOf(authentication: { readonly kind: string; readonly tokenUrl?: string } | undefined): string | undefined {
  return authentication?.tokenUrl;
}

function hasSameOrigin(one: string | undefined, other: string | undefined): boolean {
  return one === other || (one !== undefined && other !== undefined && new URL(one).origin === new URL(other).origin);
}

import type { EndpointSpec, SourceSpec } from '../store/resources.ts';
import type { WrittenAuthentication } from './config/authentication-shape.ts';
import type { Asking } from './own.ts';

type Kept = Pick<EndpointSpec, 'headers' | 'authentication'>;

/**
 * The stored headers and authentication that a change of an endpoint may refer to instead of filling them in. Whoever filled them in said
 * where they go: an application may leave them there, and an administrator may send them elsewhere. On hosts that many share another path
 * is somebody else.
 */
export function keptSecrets(
  asking: Asking,
  { url, headers, authentication }: Kept & Pick<EndpointSpec, 'url'>,
  next: { readonly url: string; readonly authentication?: WrittenAuthentication | undefined },
): Kept {
  const all = { headers, ...(authentication && { authentication }) };
  if (asking === undefined) return all;
  if (!isSameUrl(url, next.url)) return { headers: {} };
  return isSameUrl(tokenUrlOf(authentication), tokenUrlOf(next.authentication)) ? all : { headers };
}

/** Whether a source needs another secret, since its hub is told it: by the word of an application no hub learns what another one was given. */
export function needsNewSecret(asking: Asking, before: SourceSpec['topic'], next: SourceSpec['topic']): boolean {
  return asking !== undefined && !isSameUrl(before?.url, next?.url);
}

function tokenUrlOf(authentication: { readonly kind: string; readonly tokenUrl?: string } | undefined): string | undefined {
  return authentication?.tokenUrl;
}

function isSameUrl(one: string | undefined, other: string | undefined): boolean {
  return one === other || (one !== undefined && other !== undefined && new URL(one).href === new URL(other).href);
}

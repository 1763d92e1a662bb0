import type { RouteInfo } from '../core/entrypoint.ts';
import { writeHubLinks } from '../protocols/websub/links.ts';

/** Where a channel's newest content is: the canonical URL of it as a WebSub topic. `base` is the gateway's, `path` the channel's as it was asked for. */
export function topicUrl(base: string, path: string): string | undefined {
  try {
    const segments = path.split('/').map((segment) => encodeURIComponent(decodeURIComponent(segment)));
    return `${base}${segments.join('/')}?latest`;
  } catch (error) {
    // What is wrong with its encoding is said by whoever answers it.
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** The Link header by which a channel's hub is discovered (WebSub, section 4); `origin` is the gateway's as the request names it. */
export function hubLinks(hub: NonNullable<RouteInfo['hub']>, origin: string, path: string): string | undefined {
  const base = hub.origin ?? origin;
  const self = topicUrl(base, path);
  return self === undefined ? undefined : writeHubLinks([`${base}${hub.path}`], self);
}

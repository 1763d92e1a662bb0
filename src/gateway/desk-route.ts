import { deskSegment } from '../core/desk.ts';
import type { RouteInfo } from '../core/entrypoint.ts';

/** The root of what RFC 8615 keeps for the gateway as a whole, whatever API stands at `/`. */
const wellKnown = '/.well-known/';

const ofGateway: RouteInfo = { cors: undefined, entrypoints: [], maxEventBytes: 0, isDesk: true };

type ApiRoute = Omit<RouteInfo, 'cors' | 'isDesk'> & { readonly cors?: RouteInfo['cors'] };

/** What HTTP is told of a path, given what the API that stands there says and the segments behind the API's own path. */
export function routeOf(
  path: string,
  found: { readonly info: ApiRoute; readonly rest: readonly string[] } | undefined,
): RouteInfo | undefined {
  if (path.startsWith(wellKnown)) return ofGateway;
  if (found === undefined) return undefined;
  const { cors, entrypoints, maxEventBytes } = found.info;
  return { cors, entrypoints, maxEventBytes, isDesk: found.rest[0] === deskSegment };
}

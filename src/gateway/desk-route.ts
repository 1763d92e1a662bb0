import { deskSegment } from '../core/desk.ts';
import type { RouteInfo } from '../core/entrypoint.ts';

/** The root of what RFC 8615 keeps for the gateway as a whole, whatever API stands at `/`. */
const wellKnown = '/.well-known/';

const ofGateway: RouteInfo = { cors: undefined, entrypoints: [], maxEventBytes: 0, isDesk: true };

type ApiRoute = Pick<RouteInfo, 'entrypoints' | 'maxEventBytes'> & { readonly path: string; readonly cors?: RouteInfo['cors'] };

/**
 * What HTTP is told of a path, given what the API that stands there says and the segments behind the API's own path; `publicUrl` is the
 * gateway's base URL as clients see it, where it is known.
 */
export function routeOf(
  path: string,
  found: { readonly info: ApiRoute; readonly rest: readonly string[] } | undefined,
  publicUrl: string | undefined,
): RouteInfo | undefined {
  if (path.startsWith(wellKnown)) return ofGateway;
  if (found === undefined) return undefined;
  const { cors, entrypoints, maxEventBytes } = found.info;
  const isDesk = found.rest[0] === deskSegment;
  const isTopic = !isDesk && found.rest.length > 0 && entrypoints.includes('websub');
  const hub = isTopic ? { path: `${found.info.path}/${deskSegment}/websub`, origin: publicUrl } : undefined;
  return { cors, entrypoints, maxEventBytes, isDesk, hub };
}

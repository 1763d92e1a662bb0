import type { DeskAnswer, DeskRequest } from '../core/desk.ts';
import type { Gateway, Hello, RouteInfo, Session } from '../core/entrypoint.ts';
import { routeOf } from '../gateway/desk-route.ts';
import { PathTable } from '../gateway/path-table.ts';
import type { MainLink } from './main-link.ts';
import type { Route } from './messages.ts';
import { RemoteSession } from './remote-session.ts';

/** Sessions are counted from 1. */
const noSession = 0;

/** The gateway as a worker's entrypoints see it: paths are looked up here, everything else is decided on the main thread. */
export class RemoteGateway implements Gateway {
  readonly #link: MainLink;
  #routes: PathTable<Route>;

  constructor(link: MainLink, routes: readonly Route[]) {
    this.#link = link;
    this.#routes = tableOf(routes);
  }

  set routes(routes: readonly Route[]) {
    this.#routes = tableOf(routes);
  }

  route(path: string): RouteInfo | undefined {
    const found = this.#routes.find(path);
    return routeOf(path, found && { info: found.entry, rest: found.rest }, found?.entry.publicUrl);
  }

  ask(request: DeskRequest): Promise<DeskAnswer> {
    return this.#link.ask('desk', noSession, { asked: request }, (answer) => answer).answer;
  }

  connect(hello: Hello): Promise<Session> {
    return RemoteSession.connect(this.#link, hello);
  }
}

function tableOf(routes: readonly Route[]): PathTable<Route> {
  return new PathTable(routes, ({ path }) => path);
}

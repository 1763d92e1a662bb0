import { deskSegment, type DeskAnswer, type DeskRequest } from '../core/desk.ts';
import { GatewayError } from '../core/errors.ts';
import type { Catalogue } from '../gateway/catalogue.ts';
import { decodeAddress, pathSegments } from '../gateway/path.ts';
import { served } from '../gateway/permission.ts';
import type { Desk, GatewayDesk } from './desk.ts';

export interface DesksParts {
  readonly catalogue: Pick<Catalogue, 'route'>;
  /** Base URL of the gateway as clients see it; undefined: as each request names it. */
  readonly publicUrl?: string | undefined;
  readonly desks: readonly Desk[];
  readonly gatewayDesks: readonly GatewayDesk[];
}

/** Finds the desk a request is for. */
export class Desks {
  readonly #parts: DesksParts;
  readonly #desks: ReadonlyMap<string, Desk>;
  readonly #gatewayDesks: ReadonlyMap<string, GatewayDesk>;

  constructor(parts: DesksParts) {
    this.#parts = parts;
    this.#desks = new Map(parts.desks.map((desk) => [desk.name, desk]));
    this.#gatewayDesks = new Map(parts.gatewayDesks.map((desk) => [desk.name, desk]));
  }

  async ask(request: DeskRequest): Promise<DeskAnswer> {
    const origin = this.#parts.publicUrl ?? asWritten(request);
    const asked: DeskRequest = { ...request, origin };
    if (request.path.startsWith('/.well-known/')) {
      const [, name = '', ...rest] = decoded(pathSegments(request.path));
      const desk = this.#gatewayDesks.get(name);
      if (desk === undefined) throw nothingHere(request.path);
      return await desk.answer(asked, rest);
    }
    const found = this.#parts.catalogue.route(request.path);
    if (found?.rest[0] !== deskSegment) throw nothingHere(request.path);
    served(found.api);
    const [name = '', ...rest] = decoded(found.rest.slice(1));
    const desk = this.#desks.get(name);
    if (desk === undefined) throw nothingHere(request.path);
    const { path } = found.api.resource.spec;
    return await desk.answer({ request: asked, api: found.api, apiUrl: `${origin}${path === '/' ? '' : path}`, rest });
  }
}

/** Letters, digits and what stands in addresses and before ports. */
const plainOrigin = /^https?:\/\/[A-Za-z0-9._:[\]-]+$/;

/** URLs that are given out, stored and signed begin with what a client calls the gateway: that has to be a host and nothing more. */
function asWritten({ origin }: DeskRequest): string {
  if (plainOrigin.test(origin) && URL.canParse(origin)) return origin;
  throw new GatewayError('BAD_REQUEST', 'The header Host does not name a host.');
}

/** Checked like segments of an address: none of them may mean two things. */
function decoded(segments: readonly string[]): readonly string[] {
  return segments.map((segment) => decodeAddress([segment]));
}

function nothingHere(path: string): GatewayError {
  return new GatewayError(
    'NOT_FOUND',
    `Nothing answers at ${path.slice(0, 200)}. Below an API's /-/ there are in, hooks, openapi.json, channels.json and websub.`,
  );
}

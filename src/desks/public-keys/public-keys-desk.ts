import type { DeskAnswer, DeskRequest } from '../../core/desk.ts';
import { GatewayError } from '../../core/errors.ts';
import type { PublicKeySet } from '../../protocols/standard-webhooks/public-keys.ts';
import { endpointKeys } from '../../push/endpoint-keys.ts';
import type { ResourceStore } from '../../store/resources.ts';
import type { GatewayDesk } from '../desk.ts';
import { requireMethod } from '../desk-method.ts';

interface PublicKeyParts {
  readonly store: Pick<ResourceStore, 'byId'>;
  /** Opens what is sealed at rest. */
  readonly open: (sealed: string) => string;
  readonly now: () => number;
}

/** Seconds for which a receiver may keep what it was told: less than the overlap of a rotation. */
const maxAge = 300;

/** `GET /.well-known/webhook-keys/{endpoint}.json`: the public keys whose signatures (`v1a`) an endpoint gets, for everybody (SW-13). */
export class PublicKeysDesk implements GatewayDesk {
  readonly name = 'webhook-keys';
  readonly #parts: PublicKeyParts;

  constructor(parts: PublicKeyParts) {
    this.#parts = parts;
  }

  async answer(request: DeskRequest, rest: readonly string[]): Promise<DeskAnswer> {
    requireMethod(request, ['GET', 'HEAD'], rest.slice(1));
    const [, id] = /^([a-zA-Z0-9_-]{1,40})\.json$/.exec(rest[0] ?? '') ?? [];
    const found = id === undefined ? undefined : this.#keysOf(id);
    // The same for one that is not, and one that is signed for with a shared secret.
    if (found === undefined || found.keys.length === 0) throw new GatewayError('NOT_FOUND', 'There are no public keys under this name.');
    const headers = {
      'content-type': 'application/jwk-set+json',
      'cache-control': `public, max-age=${maxAge}`,
      'access-control-allow-origin': '*',
    };
    return { status: 200, headers, body: JSON.stringify(found) };
  }

  #keysOf(id: string): PublicKeySet | undefined {
    const endpoint = this.#parts.store.byId('endpoint', id);
    if (endpoint === undefined) return undefined;
    return endpointKeys(endpoint, { open: this.#parts.open, now: this.#parts.now() });
  }
}

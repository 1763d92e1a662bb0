import type { GatewayError } from '../core/errors.ts';
import type { Resource } from '../store/resources.ts';

interface Refusal {
  /** Of the endpoint as a resource. */
  readonly version: number;
  readonly error: GatewayError;
  readonly isFinal: boolean;
}

type Versioned = Pick<Resource<'endpoint'>, 'id' | 'version'>;

/** Why endpoints that should be delivered to are not. */
export class Refusals {
  /** Who was refused the longest ago first. */
  readonly #byEndpoint = new Map<string, Refusal>();
  #passing = 0;

  of(endpoint: string): GatewayError | undefined {
    return this.#byEndpoint.get(endpoint)?.error;
  }

  /** Whether trying again is of no use until somebody changes the endpoint. */
  isFinal({ id, version }: Versioned): boolean {
    const known = this.#byEndpoint.get(id);
    return known?.isFinal === true && known.version === version;
  }

  /** Whether some are to be tried again. */
  get arePassing(): boolean {
    return this.#passing > 0;
  }

  /** Ids of those that are to be tried again. */
  *passing(): Iterable<string> {
    for (const [id, { isFinal }] of this.#byEndpoint) if (!isFinal) yield id;
  }

  /** False: it was refused for the same reason before. */
  add({ id, version }: Versioned, error: GatewayError, { isFinal }: Pick<Refusal, 'isFinal'>): boolean {
    const known = this.#byEndpoint.get(id);
    this.delete(id);
    this.#byEndpoint.set(id, { version, error, isFinal });
    if (!isFinal) this.#passing += 1;
    return known?.error.message !== error.message;
  }

  delete(endpoint: string): void {
    const known = this.#byEndpoint.get(endpoint);
    if (known === undefined) return;
    this.#byEndpoint.delete(endpoint);
    if (!known.isFinal) this.#passing -= 1;
  }

  /** Those that were refused behind the others, and who was the longest ago first: whoever makes way for others leaves none out for ever. */
  last<E extends Versioned>(endpoints: readonly E[]): readonly E[] {
    if (endpoints.length < 2) return endpoints;
    const turns = new Map([...this.#byEndpoint.keys()].map((id, turn) => [id, turn]));
    return endpoints.toSorted((a, b) => (turns.get(a.id) ?? -1) - (turns.get(b.id) ?? -1));
  }
}

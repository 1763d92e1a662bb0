import type { Database } from '../store/database.ts';
import type { Resource, ResourceStore } from '../store/resources.ts';
import { forgetEndpoints, loadKeptVersions } from './load-endpoint.ts';
import { OrphanReaders } from './orphan-readers.ts';

type Endpoint = Resource<'endpoint'>;

/** Some endpoints as they were at one moment; undefined: deleted. */
export type Snapshot = ReadonlyMap<string, Endpoint | undefined>;

interface KnownEndpointsParts {
  readonly store: Pick<ResourceStore, 'byId' | 'get'>;
  readonly database: Database;
  /** Gives up the name of a reader that is not connected; its usage stays. */
  readonly forgetReader: (reader: string) => Promise<void>;
  /** It was deleted, and what it left in the store is forgotten. */
  readonly onForgotten: (endpoint: string) => void;
}

/** Endpoints that are forgotten together. */
const forgottenAtOnce = 64;

/** The endpoints there are and were, as far as something in the store reminds of them. */
export class KnownEndpoints {
  readonly #parts: KnownEndpointsParts;
  /** The version an endpoint was last opened at, in an earlier run too, or first found at: a later one is somebody's word to begin again. */
  readonly #versions = new Map<string, number>();
  readonly #orphans: OrphanReaders;
  #isRecalled = false;

  constructor(parts: KnownEndpointsParts) {
    this.#parts = parts;
    this.#orphans = new OrphanReaders({ ...parts, sinceOf: (subscription, name) => this.#sinceOf(subscription, name) });
  }

  ids(): Iterable<string> {
    return this.#versions.keys();
  }

  /** What an earlier run knew: it may have ended between somebody's word and what follows from it. */
  async recall(): Promise<void> {
    if (this.#isRecalled) return;
    for (const [id, version] of await loadKeptVersions(this.#parts.database)) this.#versions.set(id, version);
    this.#isRecalled = true;
  }

  found({ id, version }: Endpoint): void {
    if (!this.#versions.has(id)) this.#versions.set(id, version);
  }

  /** It is open from now on. True: as another version than before. */
  opened({ id, version }: Endpoint): boolean {
    const before = this.#versions.get(id);
    this.#versions.set(id, version);
    return before !== version;
  }

  deleted(endpoint: Endpoint): void {
    this.#orphans.left(endpoint);
  }

  /** Forgets what those of them have left that are deleted; nobody delivers to them any more. True: there is more to forget. */
  async forgetDeleted(now: Snapshot): Promise<boolean> {
    const gone = [...now].filter(([id, endpoint]) => endpoint === undefined && this.#versions.has(id)).map(([id]) => id);
    for (let next = 0; next < gone.length; next += forgottenAtOnce) {
      const some = gone.slice(next, next + forgottenAtOnce);
      await forgetEndpoints(this.#parts.database, some);
      for (const id of some) {
        this.#parts.onForgotten(id);
        // Last: what could not be forgotten is tried again.
        this.#versions.delete(id);
      }
    }
    return await this.#orphans.forget();
  }

  #sinceOf(subscription: string, name: string): number | undefined {
    const { store } = this.#parts;
    const owner = store.byId('subscription', subscription);
    const endpoint = owner && store.get('endpoint', name, owner.spec.application, owner.tenant);
    return endpoint?.spec.subscription === subscription ? endpoint.createdAt : undefined;
  }
}

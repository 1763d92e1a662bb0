import { createHmac, randomBytes } from 'node:crypto';
import type { Resource, ResourceStore } from '../../store/resources.ts';
import { OpenedSource } from './opened-source.ts';

/** Finds sources by what stands in their URL, and keeps each one open for as long as it does not change. */
export class OpenSources {
  readonly #store: Pick<ResourceStore, 'get'>;
  readonly #open: (sealed: string) => string;
  readonly #opened = new WeakMap<Resource<'source'>, OpenedSource>();
  readonly #nobodysKey = randomBytes(32);

  constructor(store: Pick<ResourceStore, 'get'>, open: (sealed: string) => string) {
    this.#store = store;
    this.#open = open;
  }

  /** Undefined where the application has none of this name at the API. */
  find(api: Pick<Resource<'api'>, 'name' | 'tenant'>, application: string, name: string): OpenedSource | undefined {
    const resource = this.#store.get('source', name, application, api.tenant);
    const subscription = resource && this.#store.get('subscription', resource.spec.subscription, '', api.tenant);
    if (resource === undefined || subscription?.spec.api !== api.name) return undefined;
    let opened = this.#opened.get(resource);
    if (opened === undefined) this.#opened.set(resource, (opened = new OpenedSource(resource, this.#open)));
    return opened;
  }

  /** Takes as long with a body as verifying it would, so that time does not tell which sources there are. */
  pretend(body: Uint8Array): void {
    createHmac('sha256', this.#nobodysKey).update(body).digest();
  }
}

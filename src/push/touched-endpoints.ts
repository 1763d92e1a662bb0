import type { Resource, ResourceChange, ResourceStore } from '../store/resources.ts';

/** Ids of endpoints that are to be looked at, or all there are. */
export type Touched = Iterable<string> | 'all';

/** Ids that are kept apart: with more all endpoints are looked at, which costs about as much. */
const mostApart = 10_000;

/** Whose changes are those of endpoints only as far as a subscription's state says so. */
const notRead = new Set(['endpoint', 'source', 'credential', 'application']);

/** The endpoints whose deliveries hang on what has changed; undefined: anything may have. */
export function touchedBy(changes: readonly ResourceChange[] | undefined, store: Pick<ResourceStore, 'children'>): Touched {
  const others = changes?.filter(({ resource }) => !notRead.has(resource.kind));
  if (others === undefined || others.some(({ resource }) => resource.kind !== 'subscription')) return 'all';
  return others.flatMap(({ resource }) => {
    const { id, tenant, spec } = resource as Resource<'subscription'>;
    const siblings = store.children('endpoint', spec.application, tenant);
    return siblings.filter((endpoint) => endpoint.spec.subscription === id).map((endpoint) => endpoint.id);
  });
}

/** Which endpoints may have to be delivered to in another way than they are; at first that is not known of any. */
export class TouchedEndpoints {
  #ids = new Set<string>();
  #areAll = true;

  add(touched: Touched): void {
    if (touched === 'all') this.#areAll = true;
    else for (const id of touched) this.#ids.add(id);
    if (this.#ids.size > mostApart) this.#areAll = true;
    if (this.#areAll) this.#ids.clear();
  }

  /** Those touched since it was last asked. */
  take(): Touched {
    const touched = this.#areAll ? 'all' : this.#ids;
    this.#ids = new Set();
    this.#areAll = false;
    return touched;
  }
}

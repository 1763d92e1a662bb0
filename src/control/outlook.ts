import type { Resource, ResourceKind, ResourceStore } from '../store/resources.ts';
import { defaultTenant } from './draft.ts';
import type { Draft } from './draft.ts';

/** Resources to look at: as they are, or as they would be. */
export type Resources = Pick<ResourceStore, 'list' | 'get'>;

/** The resources as they would be once some drafts are written: what cross-checks look at. */
export class Outlook implements Resources {
  readonly #now: Resources;
  readonly #drafts = new Map<string, Draft>();
  readonly #added: Resource[] = [];

  constructor(now: Resources, drafts: readonly Draft[]) {
    this.#now = now;
    for (const draft of drafts) {
      this.#drafts.set(keyOf(draft.resource), draft);
      if (draft.op === 'put' && draft.expect === 0) this.#added.push(draft.resource);
    }
  }

  list<K extends ResourceKind>(kind: K, tenant = defaultTenant): readonly Resource<K>[] {
    const kept: Resource<K>[] = [];
    for (const resource of this.#now.list(kind, tenant)) {
      const draft = this.#drafts.get(keyOf(resource));
      if (draft === undefined) kept.push(resource);
      else if (draft.op === 'put') kept.push(draft.resource as Resource<K>);
    }
    for (const resource of this.#added) if (resource.kind === kind && resource.tenant === tenant) kept.push(resource as Resource<K>);
    return kept;
  }

  get<K extends ResourceKind>(kind: K, name: string, parent = '', tenant = defaultTenant): Resource<K> | undefined {
    const draft = this.#drafts.get(keyOf({ tenant, kind, name, parent }));
    if (draft !== undefined) return draft.op === 'put' ? (draft.resource as Resource<K>) : undefined;
    return this.#now.get(kind, name, parent, tenant);
  }
}

function keyOf({ tenant, kind, name, parent }: Pick<Resource, 'tenant' | 'kind' | 'name' | 'parent'>): string {
  return `${tenant}/${kind}/${parent}/${name}`;
}

import type { Resource, ResourceChange, ResourceKind } from '../resources.ts';

/** All resources in memory, by id and by name; lists are kept until something of their kind changes. */
export class ResourceIndex {
  readonly #byId = new Map<string, Resource>();
  readonly #byName = new Map<string, Resource>();
  readonly #lists = new Map<string, readonly Resource[]>();

  byId(kind: ResourceKind, id: string): Resource | undefined {
    return this.#byId.get(`${kind} ${id}`);
  }

  byName(tenant: string, kind: ResourceKind, parent: string, name: string): Resource | undefined {
    return this.#byName.get(nameKey(tenant, kind, parent, name));
  }

  /** Sorted by parent and name. */
  list(kind: ResourceKind, tenant: string | undefined): readonly Resource[] {
    const key = JSON.stringify([kind, tenant]);
    let list = this.#lists.get(key);
    if (list === undefined) {
      list = [...this.#byId.values()]
        .filter((resource) => resource.kind === kind && (tenant === undefined || resource.tenant === tenant))
        .sort((a, b) => order(a.parent, b.parent) || order(a.name, b.name));
      this.#lists.set(key, Object.freeze(list));
    }
    return list;
  }

  apply({ op, resource }: ResourceChange): void {
    const key = `${resource.kind} ${resource.id}`;
    const before = this.#byId.get(key);
    if (before !== undefined) this.#byName.delete(keyOf(before));
    this.#byId.delete(key);
    if (op === 'put') {
      this.#byId.set(key, resource);
      this.#byName.set(keyOf(resource), resource);
    }
    this.#lists.clear();
  }
}

function keyOf({ tenant, kind, parent, name }: Resource): string {
  return nameKey(tenant, kind, parent, name);
}

function nameKey(tenant: string, kind: ResourceKind, parent: string, name: string): string {
  return JSON.stringify([tenant, kind, parent, name]);
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

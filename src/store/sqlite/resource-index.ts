import type { Resource, ResourceChange, ResourceKind } from '../resources.ts';

/** A list as it was given out last, and what changed of it since. */
interface KeptList {
  readonly kind: ResourceKind;
  readonly tenant: string | undefined;
  items: readonly Resource[];
  /** What left it, and what came. */
  late: { readonly before: Resource | undefined; readonly after: Resource | undefined }[];
}

/** Changes that are put into a list one by one; with more it is made anew when somebody asks for it. */
const mostLate = 64;

/** All resources in memory, by id and by name; a list costs its making once, and a copy after a change. */
export class ResourceIndex {
  readonly #byId = new Map<string, Resource>();
  readonly #byName = new Map<string, Resource>();
  readonly #lists = new Map<string, KeptList>();

  byId(kind: ResourceKind, id: string): Resource | undefined {
    return this.#byId.get(`${kind} ${id}`);
  }

  byName(tenant: string, kind: ResourceKind, parent: string, name: string): Resource | undefined {
    return this.#byName.get(nameKey(tenant, kind, parent, name));
  }

  /** Sorted by parent and name; the same array until something of the kind changes. */
  list(kind: ResourceKind, tenant: string | undefined): readonly Resource[] {
    const key = JSON.stringify([kind, tenant]);
    let list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, (list = { kind, tenant, items: this.#sorted(kind, tenant), late: [] }));
    else if (list.late.length > 0) bringUpToDate(list);
    return list.items;
  }

  /** Those of one parent, sorted by name. */
  children(kind: ResourceKind, tenant: string, parent: string): readonly Resource[] {
    const list = this.list(kind, tenant);
    const first = firstIn(list, (one) => one.parent >= parent);
    return list.slice(
      first,
      firstIn(list, (one) => one.parent > parent),
    );
  }

  apply({ op, resource }: ResourceChange): void {
    const key = `${resource.kind} ${resource.id}`;
    const before = this.#byId.get(key);
    const after = op === 'put' ? resource : undefined;
    if (before !== undefined) this.#byName.delete(keyOf(before));
    this.#byId.delete(key);
    if (after !== undefined) {
      this.#byId.set(key, after);
      this.#byName.set(keyOf(after), after);
    }
    for (const [name, list] of this.#lists) {
      if (list.kind !== resource.kind) continue;
      if (list.late.length === mostLate) this.#lists.delete(name);
      else list.late.push({ before: ofTenant(before, list), after: ofTenant(after, list) });
    }
  }

  #sorted(kind: ResourceKind, tenant: string | undefined): readonly Resource[] {
    const all = [...this.#byId.values()].filter((one) => one.kind === kind && (tenant === undefined || one.tenant === tenant));
    return Object.freeze(all.sort(order));
  }
}

function bringUpToDate(list: KeptList): void {
  const items = [...list.items];
  for (const { before, after } of list.late) {
    if (before !== undefined) items.splice(placeOf(before, items), 1);
    if (after !== undefined) items.splice(placeOf(after, items), 0, after);
  }
  list.late = [];
  list.items = Object.freeze(items);
}

function ofTenant(resource: Resource | undefined, { tenant }: KeptList): Resource | undefined {
  return tenant === undefined || resource?.tenant === tenant ? resource : undefined;
}

/** Where it is, or would be. */
function placeOf(resource: Resource, items: readonly Resource[]): number {
  return firstIn(items, (one) => order(one, resource) >= 0);
}

/** The first place from which on all are so. */
function firstIn(items: readonly Resource[], isSo: (item: Resource) => boolean): number {
  let [from, to] = [0, items.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (isSo(items[middle]!)) to = middle;
    else from = middle + 1;
  }
  return from;
}

function keyOf({ tenant, kind, parent, name }: Resource): string {
  return nameKey(tenant, kind, parent, name);
}

function nameKey(tenant: string, kind: ResourceKind, parent: string, name: string): string {
  return JSON.stringify([tenant, kind, parent, name]);
}

/** By parent and name; ids keep those of several tenants apart. */
function order(a: Resource, b: Resource): number {
  return orderOf(a.parent, b.parent) || orderOf(a.name, b.name) || orderOf(a.id, b.id);
}

function orderOf(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

import type { Resource, ResourceChange, ResourceKind, SpecOf } from '../store/resources.ts';
import { newId } from './ids.ts';

/** The only tenant there is so far. */
export const defaultTenant = 'default';

/** A change that is not written yet, with the word the audit has for it. */
export type Draft = ResourceChange & { readonly action: string };

interface NewResource<K extends ResourceKind> {
  /** Left out: the same as the id. */
  readonly name?: string;
  readonly parent?: string;
  readonly spec: SpecOf[K];
}

/** A new resource at version 1. */
export function creation<K extends ResourceKind>(
  kind: K,
  { name, parent = '', spec }: NewResource<K>,
  now: number,
): Draft & { readonly resource: Resource<K> } {
  const id = newId(kind);
  const resource: Resource<K> = {
    tenant: defaultTenant,
    kind,
    id,
    name: name ?? id,
    parent,
    version: 1,
    createdAt: now,
    updatedAt: now,
    spec: compact(spec),
  };
  return { op: 'put', resource, expect: 0, action: `${kind}.create` };
}

/** The next version of a resource. */
export function revision<K extends ResourceKind>(
  current: Resource<K>,
  spec: SpecOf[K],
  now: number,
  verb = 'update',
): Draft & { readonly resource: Resource<K> } {
  const resource: Resource<K> = { ...current, version: current.version + 1, updatedAt: now, spec: compact(spec) };
  return { op: 'put', resource, expect: current.version, action: `${current.kind}.${verb}` };
}

export function deletion(current: Resource): Draft {
  return { op: 'delete', resource: current, expect: current.version, action: `${current.kind}.delete` };
}

/** A spec as the store gives it back: plain JSON, absent members left out. */
export function compact<T>(spec: T): T {
  return JSON.parse(JSON.stringify(spec)) as T;
}

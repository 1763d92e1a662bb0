import type { Resource, ResourceStore } from '../store/resources.ts';
import { isOpen } from './lifecycle.ts';

/** An application that asks with its own key; undefined: an administrator, who sees everything. */
export type Asking = Resource<'application'> | undefined;

/** No name or id is this one: what belongs to others is looked for under it, and found as little as what never was. */
export const nobody = '-';

/** Whether the caller may see a subscription; one that an earlier application of the same name left behind is not its own. */
export function mayRead(asking: Asking, { spec, createdAt }: Resource<'subscription'>): boolean {
  if (asking === undefined) return true;
  return spec.application === asking.name && (isOpen(spec.state) || createdAt >= asking.createdAt);
}

/** Whether the caller may see what happened under the subscription of this id: a reader, say. */
export function mayReadOf(asking: Asking, subscription: string, store: ResourceStore): boolean {
  const found = store.byId('subscription', subscription);
  return asking === undefined || (found !== undefined && found.tenant === asking.tenant && mayRead(asking, found));
}

/** The application that a question is about: its own for one that asks for nothing or for itself, nobody's for one that asks for another. */
export function applicationAsked(asking: Asking, application: string | undefined): string | undefined {
  if (asking === undefined || application === asking.name) return application;
  return application === undefined ? asking.name : nobody;
}

/** Beginning of the time the caller may ask about: an earlier application of the same name is another. */
export function sinceAsked(asking: Asking, from: number | undefined): number | undefined {
  return asking === undefined ? from : Math.max(from ?? 0, asking.createdAt);
}

import type { PushTarget } from '../push/push-target.ts';
import type { EndpointSpec, Resource } from '../store/resources.ts';

/** An endpoint as new, with its id for a name, that gets an address of a subscription. */
export function plainEndpoint(id: string, subscription: string, address: string): Resource<'endpoint'> {
  const spec = { subscription, address, headers: {}, secrets: [], state: 'started' } as object as EndpointSpec;
  return { tenant: 'default', kind: 'endpoint', id, name: id, parent: 'shop', version: 0, createdAt: 0, updatedAt: 0, spec };
}

/** Where its events would go, at a port where nobody listens. */
export function plainTarget({ id, tenant }: Resource<'endpoint'>): PushTarget {
  return {
    id,
    tenant,
    url: `http://127.0.0.1/${id}`,
    wants: () => true,
    headers: [],
    secrets: () => [],
    content: 'binary',
    timeout: 1000,
    schedule: { delays: [1] },
    perSecond: undefined,
    concurrency: 4,
    order: 'none',
  };
}

import type { Resource } from '../../store/resources.ts';
import { text } from '../config/scalars.ts';
import { required } from '../config/shape.ts';
import { defaultTenant } from '../draft.ts';
import type { Asking } from '../own.ts';
import { mayReadOf } from '../own.ts';
import { notFound } from '../router.ts';
import type { Services } from '../services.ts';

export const endpointParam = { endpoint: required(text({ min: 1, max: 40 }), 'Id of the endpoint.') } as const;

/** The endpoint of this id, where the caller may see it; throws NOT_FOUND. */
export function endpointOf(services: Pick<Services, 'store'>, id: string, asking?: Asking): Resource<'endpoint'> {
  const endpoint = services.store.byId('endpoint', id);
  if (endpoint === undefined || endpoint.tenant !== defaultTenant || !mayReadOf(asking, endpoint.spec.subscription, services.store))
    throw notFound('endpoint', id);
  return endpoint;
}

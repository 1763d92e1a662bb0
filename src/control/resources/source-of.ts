import type { Resource } from '../../store/resources.ts';
import { text } from '../config/scalars.ts';
import { required } from '../config/shape.ts';
import { defaultTenant } from '../draft.ts';
import type { Asking } from '../own.ts';
import { mayReadOf } from '../own.ts';
import { notFound } from '../router.ts';
import type { Services } from '../services.ts';

export const sourceParam = { source: required(text({ min: 1, max: 40 }), 'Id of the source.') } as const;

/** The source of this id, where the caller may see it; throws NOT_FOUND. */
export function sourceOf(services: Pick<Services, 'store'>, id: string, asking?: Asking): Resource<'source'> {
  const source = services.store.byId('source', id);
  if (source === undefined || source.tenant !== defaultTenant || !mayReadOf(asking, source.spec.subscription, services.store))
    throw notFound('source', id);
  return source;
}

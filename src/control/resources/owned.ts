import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../../core/errors.ts';
import type { Resource, ResourceStore, SpecOf } from '../../store/resources.ts';
import { compact, defaultTenant, revision } from '../draft.ts';
import { mayRead, type Asking } from '../own.ts';
import { checkPrecondition } from '../precondition.ts';
import type { Answer } from '../router.ts';
import type { Services } from '../services.ts';
import { shown } from './answers.ts';

interface WrittenOwner {
  /** Id of a subscription. */
  readonly subscription: string;
  readonly application?: string | undefined;
}

/** The subscription that something new is to belong to; throws NOT_FOUND when there is none, or none of the caller's. */
export function subscriptionFor(
  store: ResourceStore,
  { subscription: id, application }: WrittenOwner,
  asking: Asking,
): Resource<'subscription'> {
  const found = store.get('subscription', id, '', defaultTenant);
  if (found !== undefined && mayRead(asking, found) && (application ?? found.spec.application) === found.spec.application) return found;
  throw new GatewayError(
    'NOT_FOUND',
    application === undefined ? `There is no subscription ${id}.` : `The application ${application} has no subscription ${id}.`,
  );
}

export interface ChangeTerms {
  readonly ifMatch: string | undefined;
  readonly need: 'required' | 'optional';
  readonly actor: string;
  readonly application: Asking;
  readonly verb: string;
  /** Makes a new version even when nothing differs. */
  readonly always?: boolean;
}

/** Changes what belongs to a subscription, and answers it as it is then; `find` throws when the caller may not see it. */
export async function changeOwned<K extends 'endpoint' | 'source'>(
  { administration }: Pick<Services, 'administration'>,
  find: () => Resource<K>,
  terms: ChangeTerms,
  next: (resource: Resource<K>) => SpecOf[K],
): Promise<Answer> {
  const changed = await administration.changeOne<K>(terms.actor, async () => {
    const resource = find();
    checkPrecondition(resource, terms.ifMatch, terms.need);
    const spec = compact(next(resource));
    if (terms.always !== true && isDeepStrictEqual(spec, resource.spec)) return { drafts: [], result: resource };
    const draft = revision(resource, spec, administration.now(), terms.verb);
    return { drafts: [draft], result: draft.resource };
  });
  return shown(changed);
}

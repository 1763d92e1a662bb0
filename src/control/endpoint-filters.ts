import { GatewayError } from '../core/errors.ts';
import type { ResourceStore } from '../store/resources.ts';
import type { Administration } from './administration.ts';
import type { PlacedProblem } from './config/place.ts';
import { pointerTo } from './config/place.ts';
import type { Desired } from './desired.ts';

/** What is wrong with the filters of endpoints in a configuration; one that is stored as it is written was looked at before. */
export function filterProblems(desired: Desired, administration: Administration, store: ResourceStore): readonly PlacedProblem[] {
  return [...desired.applications].flatMap(([application, { subscriptions }]) =>
    subscriptions
      .flatMap(({ endpoints }) => endpoints)
      .flatMap(({ name, path, settings: { filter } }) => {
        if (filter === undefined || filter === store.get('endpoint', name, application)?.spec.filter) return [];
        const sentence = faultOf(administration, filter);
        return sentence === undefined ? [] : [{ path: pointerTo(path, 'filter'), sentence }];
      }),
  );
}

function faultOf(administration: Administration, filter: string): string | undefined {
  try {
    administration.checkFilter(filter);
    return undefined;
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'INVALID_FILTER') return error.message;
    throw error;
  }
}

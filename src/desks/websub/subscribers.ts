import { takesEndpoints } from '../../control/endpoint-rules.ts';
import type { DeskRequest } from '../../core/desk.ts';
import { GatewayError } from '../../core/errors.ts';
import type { ApiRuntime, BoundSubscription, Catalogue } from '../../gateway/catalogue.ts';
import type { ResourceStore } from '../../store/resources.ts';
import type { Visitors } from '../visitors.ts';

interface SubscribersParts {
  readonly visitors: Visitors;
  readonly catalogue: Pick<Catalogue, 'subscriptions'>;
  readonly store: ResourceStore;
}

/** Finds the push subscription under which somebody subscribes: that of the application whose key was sent, or the one meant for everybody. */
export class Subscribers {
  readonly #parts: SubscribersParts;

  constructor(parts: SubscribersParts) {
    this.#parts = parts;
  }

  /** Its id. Throws UNAUTHENTICATED without a key where one is needed, FORBIDDEN without a subscription under a plan of the mode push. */
  subscriptionOf(request: DeskRequest, api: ApiRuntime): string {
    const { visitors, catalogue, store } = this.#parts;
    const { anonymous } = api.resource.spec.websub ?? {};
    const hasKey = request.headers['authorization'] !== undefined || request.headers['x-api-key'] !== undefined;
    const found: readonly BoundSubscription[] =
      hasKey || anonymous === undefined
        ? visitors.subscriberOf(request, api).subscriptions
        : catalogue.subscriptions(anonymous, api.resource.name).filter(({ resource }) => resource.spec.state === 'accepted');
    const push = found.find(({ resource }) => takesEndpoints(store, resource.spec));
    if (push !== undefined) return push.resource.id;
    if (!hasKey) throw new GatewayError('UNAUTHENTICATED', 'Nobody may subscribe here without a key; send an API key as X-API-Key.');
    throw new GatewayError('FORBIDDEN', `This application has no subscription to ${api.resource.name} under a plan of the mode push.`);
  }
}

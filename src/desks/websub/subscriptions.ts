import type { Administration } from '../../control/administration.ts';
import { creation, deletion, revision } from '../../control/draft.ts';
import { takesEndpoints } from '../../control/endpoint-rules.ts';
import { isOpen } from '../../control/lifecycle.ts';
import { GatewayError } from '../../core/errors.ts';
import { standardSchedule } from '../../push/retry-schedule.ts';
import type { EndpointSpec, Resource, ResourceChange, WebSubSubscriptionSpec } from '../../store/resources.ts';
import type { HubCounts } from './hub-counts.ts';
import { subjectOf, type Wish } from './wish.ts';

type Endpoint = Resource<'endpoint'>;

interface SubscriptionsParts {
  readonly administration: Administration;
  /** One was made or has other terms. */
  readonly onPut: (subscription: Endpoint) => void;
  /** One was ended, and not by the hub. */
  readonly onEndedByOthers: (subscription: Endpoint) => void;
  readonly counts?: Pick<HubCounts, 'expired'> | undefined;
}

/** WebSub subscriptions of one push subscription. */
const maxSubscribers = 10_000;
/** Whom the audit names. */
const actor = 'websub';

/** The subscriptions that hold. Each is an endpoint, so that it is delivered to, accounted for and shown like any other. */
export class Subscriptions {
  readonly #parts: SubscriptionsParts;
  readonly #bySubject = new Map<string, Endpoint>();
  readonly #ending = new Set<string>();
  readonly #stopWatching: () => void;

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts;
    const { store } = parts.administration;
    for (const endpoint of store.list('endpoint')) this.#index(endpoint);
    this.#stopWatching = store.watch((changes) => this.#follow(changes));
  }

  find(wish: Pick<Wish, 'subscription' | 'self' | 'callback'>): Endpoint | undefined {
    return this.#bySubject.get(subjectOf(wish));
  }

  all(): Iterable<Endpoint> {
    return this.#bySubject.values();
  }

  /** A subscriber has confirmed: it gets what it asked for, anew or instead of what it had. Rejects with CONFLICT when it cannot have it. */
  async confirm(wish: Wish, websub: WebSubSubscriptionSpec): Promise<void> {
    const { administration } = this.#parts;
    await administration.change(actor, async () => {
      const known = this.find(wish);
      const now = administration.now();
      const draft =
        known === undefined
          ? creation('endpoint', { name: `websub-${wish.request.id}`, parent: this.#applicationOf(wish), spec: specOf(wish, websub) }, now)
          : revision(known, { ...known.spec, websub }, now, 'renew');
      return { drafts: [draft], result: undefined };
    });
  }

  /** Ends one, if it is there. */
  async end(id: string): Promise<void> {
    await this.#endThose([id], () => true);
  }

  /** Ends one whose callback answered 410, unless it was confirmed anew meanwhile: what was delivered before says nothing of what holds now. */
  async gone({ id, spec: before }: Endpoint): Promise<void> {
    await this.#endThose([id], ({ spec }) => spec.websub?.request === before.websub?.request);
  }

  /** Ends those of them whose lease is over at this wall time in milliseconds by the time it comes to that: not those renewed meanwhile. */
  async expire(ids: readonly string[], now: number): Promise<void> {
    const ended = await this.#endThose(ids, ({ spec }) => (spec.websub?.leaseUntil ?? Infinity) <= now);
    this.#parts.counts?.expired(ended);
  }

  async #endThose(ids: readonly string[], isToEnd: (subscription: Endpoint) => boolean): Promise<readonly Endpoint[]> {
    const { administration } = this.#parts;
    for (const id of ids) this.#ending.add(id);
    try {
      return await administration.change(actor, async () => {
        const over = ids.flatMap((id) => administration.store.byId('endpoint', id) ?? []).filter(isToEnd);
        return { drafts: over.map(deletion), result: over };
      });
    } finally {
      for (const id of ids) this.#ending.delete(id);
    }
  }

  close(): void {
    this.#stopWatching();
  }

  #applicationOf({ subscription: id }: Wish): string {
    const { store } = this.#parts.administration;
    const subscription = store.byId('subscription', id);
    if (subscription === undefined || !isOpen(subscription.spec.state) || !takesEndpoints(store, subscription.spec))
      throw new GatewayError('CONFLICT', 'The subscription under which this would be is no longer there.');
    let count = 0;
    for (const { spec } of this.#bySubject.values()) if (spec.subscription === id) count += 1;
    if (count >= maxSubscribers) throw new GatewayError('CONFLICT', `There are ${maxSubscribers} subscribers already, which is the most.`);
    return subscription.spec.application;
  }

  #follow(changes: readonly ResourceChange[]): void {
    for (const { op, resource } of changes) {
      if (resource.kind !== 'endpoint') continue;
      const endpoint = resource as Endpoint;
      if (endpoint.spec.websub === undefined) continue;
      if (op === 'put') {
        this.#index(endpoint);
        this.#parts.onPut(endpoint);
      } else {
        this.#bySubject.delete(subjectOfEndpoint(endpoint.spec, endpoint.spec.websub));
        if (!this.#ending.has(endpoint.id)) this.#parts.onEndedByOthers(endpoint);
      }
    }
  }

  #index(endpoint: Endpoint): void {
    const { websub } = endpoint.spec;
    if (websub !== undefined) this.#bySubject.set(subjectOfEndpoint(endpoint.spec, websub), endpoint);
  }
}

function subjectOfEndpoint({ subscription, url }: EndpointSpec, { self }: WebSubSubscriptionSpec): string {
  return subjectOf({ subscription, self, callback: url });
}

/** One delivery at a time, so that contents come in order as long as none fails; what fails is tried again and holds up nothing. */
function specOf({ subscription, address, callback }: Wish, websub: WebSubSubscriptionSpec): EndpointSpec {
  return {
    subscription,
    address,
    url: callback,
    types: [],
    headers: {},
    secrets: [],
    content: 'data',
    timeout: 15_000,
    retry: standardSchedule.delays,
    concurrency: 1,
    order: 'none',
    metadata: {},
    websub,
    state: 'started',
  };
}

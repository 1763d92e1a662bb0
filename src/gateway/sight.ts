import type { Sight } from '../core/sight.ts';
import type { ApiRuntime, BoundSubscription, Catalogue } from './catalogue.ts';
import type { Places } from './horizon.ts';
import { readableAddresses, type ReadableAddresses } from './readable-addresses.ts';

interface SightRequest {
  /** Id of the subscription. */
  readonly subscription: string;
  readonly address: string;
  readonly protocol?: 'webhook' | 'websub' | undefined;
}

type Found = Pick<Catalogue, 'api' | 'subscription'>;
type Served = Pick<ApiRuntime, 'log'>;

/** Whether what is wanted is whatever there is of an API: then a part is as good as all. The content of a topic has no parts. */
export function isWholeApi({ address, protocol }: Pick<SightRequest, 'address' | 'protocol'>): boolean {
  return address === '*' && protocol !== 'websub';
}

/** Asked anew for each event of the API's log, so that what changes counts at once. Who reads an address of its own may read all of it or nothing. */
export function sightOf(catalogue: Found, request: SightRequest, api: Served): Sight {
  if (!isWholeApi(request)) return () => 'shown';
  return (event) => {
    const now = find(catalogue, request);
    if (now === undefined || now.readable.api.log !== api.log || now.readable.isNothing) return 'held';
    const { horizon } = now.subscription;
    const isBehind = horizon?.address === event.address && event.acceptedAt < horizon.since;
    return now.readable.has(event.address) && !isBehind ? 'shown' : 'hidden';
  };
}

/** Whether somebody may read an address as things are, be it not now; of an address of its own that is not asked here. */
export function mayShow(catalogue: Found, request: SightRequest, address: string): boolean {
  if (!isWholeApi(request)) return true;
  const readable = find(catalogue, request)?.readable;
  return readable === undefined || readable.isNothing || readable.has(address);
}

/** Places of the API's log that have no more than the sight shows: other events are neither read nor counted. */
export function withinSight(
  places: Places,
  catalogue: Found,
  { request, api }: { readonly request: SightRequest; readonly api: Served },
): Places {
  if (!isWholeApi(request)) return places;
  const sight = sightOf(catalogue, request, api);
  return {
    locate: (channel, from) => places.locate(channel, from),
    compare: (a, b) => places.compare(a, b),
    lag: (channel, position) => {
      const readable = find(catalogue, request)?.readable;
      // To count all there are costs much less.
      if (readable?.isEverything === true) return places.lag(channel, position);
      return places.lag(channel, position, (address) => readable?.has(address) === true);
    },
    read: async (wanted) => {
      const { events, position } = await places.read(wanted);
      return { events: events.filter((event) => sight(event) === 'shown'), position };
    },
  };
}

interface Now {
  readonly subscription: BoundSubscription;
  readonly readable: ReadableAddresses;
}

/** Undefined: the subscription is gone, or its API is not served. */
function find(catalogue: Found, { subscription: id }: SightRequest): Now | undefined {
  const subscription = catalogue.subscription(id);
  const api = subscription && catalogue.api(subscription.context.api);
  return subscription && api && { subscription, readable: readableAddresses(subscription, api) };
}

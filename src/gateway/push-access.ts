import type { Backbone } from '../core/backbone.ts';
import type { Sight } from '../core/sight.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { Feed } from '../core/feed.ts';
import type { Governor } from '../core/group.ts';
import type { ReaderAccount } from '../core/meter.ts';
import type { StartFrom } from '../core/position.ts';
import type { ApiRuntime, BoundSubscription, Catalogue } from './catalogue.ts';
import { openAccount, takenOver } from './open-account.ts';
import { inactive, readableBy, served } from './permission.ts';
import { readableAddresses } from './readable-addresses.ts';
import { scopeRefusal } from './scope.ts';
import type { SessionServices } from './session.ts';
import { isWholeApi, sightOf } from './sight.ts';

/** What a push reader is to read, by the endpoint's own word: nobody knocks. */
export interface PushRequest {
  /** Id of the subscription. */
  readonly subscription: string;
  readonly address: string;
  /** How it is pushed: a WebSub subscription needs an API that offers it. Default: as webhooks. */
  readonly protocol?: 'webhook' | 'websub' | undefined;
  /** Name of the durable reader. */
  readonly reader: string;
  /** Where it begins when it has no cursor. */
  readonly from: StartFrom;
  /** A connection has taken over the reader; what was read here is that connection's from now on. */
  readonly onTaken: () => void;
}

/** A push reader's place and books, until it is released. */
export interface PushReader {
  readonly feed: Feed;
  readonly backbone: Backbone;
  readonly account: ReaderAccount;
  /** The deliver stage of the subscription, as it is now. */
  readonly governor: () => Governor;
  /** What of it may be given out, which may be less than all there is. */
  readonly sight: Sight;
  /** Why it may not go on reading; undefined when it may. */
  readonly refusal: () => GatewayError | undefined;
  /** Gives the feed back; the account is whoever's it was given to. */
  readonly release: () => void;
}

type Services = Pick<SessionServices, 'catalogue' | 'feeds' | 'views' | 'lost' | 'meter'>;

/** Opens a push reader under its subscription; rejects with what the gateway would tell a client. POSITION_LOST is said once, then `from` counts. */
export async function openPushReader(services: Services, request: PushRequest): Promise<PushReader> {
  const { api, subscription } = allowedInPart(services, request);
  const { address, reader, from, protocol = 'webhook' } = request;
  const { feeds, views, lost, meter, catalogue } = services;
  const { feed, release } = await feeds.borrow(api.backbone, { log: api.log, address });
  try {
    let isTaken = false;
    const onTaken = (): void => {
      isTaken = true;
      request.onTaken();
    };
    const options = { address, from, name: reader };
    const account = await openAccount(
      { meter, lost, api, feed, subscription, protocol, view: views.of({ filter: undefined }), options, defers: true },
      onTaken,
    );
    if (isTaken) {
      account.close();
      throw takenOver(reader);
    }
    return {
      feed,
      backbone: api.backbone,
      account,
      governor: () => (catalogue.subscription(request.subscription) ?? subscription).stages,
      sight: sightOf(catalogue, request, api),
      refusal: () => refusalNow(services, request, api),
      release,
    };
  } catch (error) {
    release();
    throw toGatewayError(error);
  }
}

interface Allowed {
  readonly api: ApiRuntime;
  readonly subscription: BoundSubscription;
}

type Access = { readonly catalogue: Pick<Catalogue, 'api' | 'subscription'> };
type Wish = Pick<PushRequest, 'subscription' | 'address' | 'protocol'>;

/** Whoever may have all of this address pushed under this subscription now; throws what the gateway would tell a client. */
export function allowed(services: Access, request: Wish): Allowed {
  const { api, subscription: bound } = offered(services, request);
  const { address, protocol = 'webhook' } = request;
  const outside = scopeRefusal([bound], ['read'], address);
  if (outside !== undefined) throw outside;
  const subscription = readableBy([bound], api, address);
  const refusal = subscription.stages.read({ protocol, subscription: subscription.context, stream: true, connectedAt: 0 }, address);
  if (refusal !== undefined) throw refusal;
  return { api, subscription };
}

/** As `allowed`; but of a whole API an endpoint may have a part, of which it then gets what its sight shows. */
export function allowedInPart(services: Access, request: Wish): Allowed {
  if (!isWholeApi(request)) return allowed(services, request);
  const found = offered(services, request);
  return readableAddresses(found.subscription, found.api).isNothing ? allowed(services, request) : found;
}

function offered({ catalogue }: Access, { subscription, protocol = 'webhook' }: Wish): Allowed {
  const bound = catalogue.subscription(subscription);
  if (bound?.resource.spec.state !== 'accepted') throw inactive(bound);
  const api = catalogue.api(bound.context.api);
  if (api === undefined) throw new GatewayError('NOT_FOUND', `The API ${bound.context.api} is not served.`);
  served(api);
  if (protocol === 'websub' && !api.resource.spec.entrypoints.includes(protocol))
    throw new GatewayError('NOT_ACCEPTABLE', `The API ${api.resource.name} does not offer ${protocol}.`);
  return { api, subscription: bound };
}

function refusalNow(services: Services, request: PushRequest, before: ApiRuntime): GatewayError | undefined {
  try {
    const { api } = allowedInPart(services, request);
    return api.log === before.log ? undefined : new GatewayError('NOT_FOUND', 'The API is served from another log now.');
  } catch (error) {
    return toGatewayError(error);
  }
}

import { randomBytes } from 'node:crypto';
import { plainWebSub } from '../control/config/websub-shape.ts';
import type { Administration } from '../control/administration.ts';
import { systemClock } from '../core/clock.ts';
import { toGatewayError, type GatewayError } from '../core/errors.ts';
import { CallbackPace } from '../desks/websub/callback-pace.ts';
import { HubCounts } from '../desks/websub/hub-counts.ts';
import { HubDesk } from '../desks/websub/hub-desk.ts';
import { Hub } from '../desks/websub/hub.ts';
import { LeaseWatch } from '../desks/websub/lease-watch.ts';
import { Subscribers } from '../desks/websub/subscribers.ts';
import { Subscriptions } from '../desks/websub/subscriptions.ts';
import { TopicFetcher } from '../desks/websub/topic-fetcher.ts';
import { TopicTable } from '../desks/websub/topic-table.ts';
import type { Wish } from '../desks/websub/wish.ts';
import { WishTable } from '../desks/websub/wish-table.ts';
import { Visitors } from '../desks/visitors.ts';
import { allowed } from '../gateway/push-access.ts';
import type { Log } from '../observe/log.ts';
import { stoppedEndpoints } from '../push/stopped-endpoints.ts';
import type { Push } from './wire-push.ts';
import type { Foundation, GatewayParts } from './wire.ts';

interface HubParts {
  readonly foundation: Foundation;
  readonly parts: GatewayParts;
  readonly push: Push;
  readonly administration: Administration;
  readonly log: Log;
}

/** The hub of every channel, as clients ask it; `close` ends what it does by itself. */
export interface WebSub {
  readonly desk: HubDesk;
  readonly close: () => Promise<void>;
}

/** The WebSub hub, which goes on where it was; resolves when leases that are over have ended. */
export async function openHub(all: HubParts): Promise<WebSub> {
  const { foundation, parts, push, administration, log } = all;
  const { database, store, sealer, metrics } = foundation;
  const { catalogue, schedule, onBug } = parts;
  const { send, rules } = push;
  const counts = new HubCounts(metrics, (subscription) => store.byId('subscription', subscription)?.spec.api ?? '');
  const common = { clock: systemClock, schedule, send, onBug, counts };
  const refusalOf = ({ subscription, address }: Place): GatewayError | undefined => refusalAt(catalogue, { subscription, address });
  const subscriptions = new Subscriptions({
    administration,
    onPut: ({ spec }) => leases.lasts(spec.websub?.leaseUntil ?? Infinity),
    onEndedByOthers: (endpoint) => hub.ended(endpoint),
    counts,
  });
  const leases: LeaseWatch = new LeaseWatch({
    ...common,
    all: () => subscriptions.all(),
    end: (ids, now) => subscriptions.expire(ids, now),
  });
  const hub: Hub = new Hub({
    ...common,
    table: new WishTable(database),
    subscriptions,
    leases,
    pace: new CallbackPace(common),
    randomBytes,
    refusalOf,
    methodOf: (wish) => {
      const api = catalogue.subscription(wish.subscription)?.context.api;
      return (catalogue.api(api ?? '')?.resource.spec.websub ?? plainWebSub).signature;
    },
    log,
    stopped: () => stoppedEndpoints(database),
  });
  push.onStopped((endpoint) => {
    if (endpoint.spec.websub !== undefined) hub.gone(endpoint);
  });
  const fetcher = new TopicFetcher({ ...common, table: new TopicTable(database), apis: () => catalogue.apis(), log });
  counts.show(hub);
  const subscribers = new Subscribers({ visitors: new Visitors(parts), catalogue, store });
  await hub.start();
  await fetcher.start();
  const desk = new HubDesk({
    hub,
    subscribers,
    fetcher,
    rules,
    refusalOf,
    seal: (text) => sealer.seal(text),
    now: () => systemClock.now(),
    counts,
  });
  const close = async (): Promise<void> => {
    await fetcher.close();
    await hub.close();
  };
  return { desk, close };
}

type Place = Pick<Wish, 'subscription' | 'address'>;

/** Why a subscriber may not read there; undefined when it may. */
function refusalAt(catalogue: GatewayParts['catalogue'], place: Place): GatewayError | undefined {
  try {
    allowed({ catalogue }, { ...place, protocol: 'websub' });
    return undefined;
  } catch (error) {
    return toGatewayError(error);
  }
}

import type { Deliveries } from '../control/services.ts';
import { systemClock } from '../core/clock.ts';
import { withinHorizon } from '../gateway/horizon.ts';
import { allowedInPart } from '../gateway/push-access.ts';
import { mayShow, withinSight } from '../gateway/sight.ts';
import type { Log } from '../observe/log.ts';
import { DeadLetterReplays } from '../push/dead-letter-replays.ts';
import { DeadLetterRetention, deadLettersKeptFor } from '../push/dead-letter-retention.ts';
import { DeliveryLog } from '../push/delivery-log.ts';
import { countedUnder, type AttemptCounts, type PushCounts } from '../push/push-counts.ts';
import type { PushService } from '../push/push-service.ts';
import { Redrive } from '../push/redrive.ts';
import { ReplayLog } from '../push/replay-log.ts';
import { Replays } from '../push/replays.ts';
import type { Verifications } from '../push/verification/verifications.ts';
import type { Resource } from '../store/resources.ts';
import type { Foundation, GatewayParts } from './wire.ts';

interface RetentionParts {
  readonly foundation: Foundation;
  readonly parts: GatewayParts;
  /** Milliseconds; undefined: as long as is usual. */
  readonly keepDeadLetters: number | undefined;
  readonly counts: PushCounts;
  readonly log: Log;
}

interface DeliveriesParts extends RetentionParts {
  readonly service: PushService;
  readonly verifications: Verifications;
}

/** What people see of deliveries and can do about them; dead letters are sent again where that is wanted, and dropped in their time, until `close`. */
export function openDeliveries({ foundation, parts, service, verifications, keepDeadLetters, counts, log }: DeliveriesParts): {
  readonly deliveries: Deliveries;
  /** An endpoint may have room for dead letters again. */
  readonly hasRoom: (endpoint: string) => void;
  readonly close: () => Promise<void>;
} {
  const { database, store, ledger, pushBook: book } = foundation;
  const { catalogue, schedule, onBug } = parts;
  const redrive = new Redrive({
    service,
    database,
    book,
    now: () => systemClock.now(),
    flush: () => ledger.commit(),
    mayRead: (endpoint, address) => {
      const spec = store.byId('endpoint', endpoint)?.spec;
      return spec === undefined || mayShow(catalogue, spec, address);
    },
  });
  const replays = new ReplayLog(database);
  const deadLetters = new DeadLetterReplays({ replays, redrive, clock: systemClock, schedule, onBug });
  deadLetters.wake();
  const isStopped = (endpoint: string): boolean => service.courier(endpoint)?.isSentTo === false;
  const retention = openRetention({ foundation, parts, keepDeadLetters, counts, log }, isStopped);
  const deliveries: Deliveries = {
    log: new DeliveryLog(database),
    redrive,
    replays: new Replays({
      replays,
      clock: systemClock,
      channelOf: ({ spec }) => {
        const { api, subscription } = allowedInPart({ catalogue }, spec);
        const { address } = spec;
        const places = withinHorizon(api.backbone, subscription.horizon, address);
        return { backbone: withinSight(places, catalogue, { request: spec, api }), channel: { log: api.log, address } };
      },
      countDead: (endpoint, before) => redrive.countDead(endpoint, before),
      onChange: async () => {
        deadLetters.wake();
        service.replaysChanged();
        await service.settled();
      },
    }),
    verifications,
    skip: (endpoint, to) => service.skip(endpoint, to),
    courier: (endpoint) => service.courier(endpoint),
    refusal: (endpoint) => service.refusal(endpoint),
    keptFor: (endpoint) => deadLettersKeptFor(endpoint, keepDeadLetters),
  };
  const close = async (): Promise<void> => {
    await retention.close();
    await deadLetters.close();
  };
  return { deliveries, hasRoom: (endpoint) => deadLetters.hasRoom(endpoint), close };
}

/** Drops dead letters in their time until it is closed; `isStopped`: it was stopped by its receiver, or for failing. */
function openRetention(
  { foundation, parts, keepDeadLetters, counts, log }: RetentionParts,
  isStopped: (endpoint: string) => boolean,
): DeadLetterRetention {
  const { database, store, embedded } = foundation;
  const { schedule, onBug } = parts;
  const countsOf = (endpoint: Resource<'endpoint'>): AttemptCounts => counts.of(...countedUnder(endpoint, store));
  // Counted from 0 before any are dropped, of paused endpoints too: without a 0 the first ones are no increase.
  const endpoints = (): readonly Resource<'endpoint'>[] => {
    const all = store.list('endpoint');
    all.forEach(countsOf);
    return all;
  };
  endpoints();
  return new DeadLetterRetention({
    database,
    clock: systemClock,
    schedule,
    onBug,
    endpoints,
    compare: (a, b) => embedded.compare(a, b),
    keptFor: keepDeadLetters,
    isHeld: ({ id, spec }) => spec.state === 'paused' || isStopped(id),
    onDropped: (endpoint, letters) => {
      const { id, name, parent } = endpoint;
      countsOf(endpoint).dropped(letters);
      log.info({ endpoint: id, name, application: parent, letters }, 'dead letters were kept long enough and are gone');
    },
  });
}

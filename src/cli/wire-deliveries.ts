import type { Deliveries } from '../control/services.ts';
import { systemClock } from '../core/clock.ts';
import { allowed } from '../gateway/push-access.ts';
import { DeadLetterReplays } from '../push/dead-letter-replays.ts';
import { DeliveryLog } from '../push/delivery-log.ts';
import type { PushService } from '../push/push-service.ts';
import { Redrive } from '../push/redrive.ts';
import { ReplayLog } from '../push/replay-log.ts';
import { Replays } from '../push/replays.ts';
import type { Verifications } from '../push/verification/verifications.ts';
import type { Foundation, GatewayParts } from './wire.ts';

interface DeliveriesParts {
  readonly foundation: Foundation;
  readonly parts: GatewayParts;
  readonly service: PushService;
  readonly verifications: Verifications;
}

/** What people see of deliveries and can do about them; dead letters that are to be sent again go on until `close`. */
export function openDeliveries({ foundation, parts, service, verifications }: DeliveriesParts): {
  readonly deliveries: Deliveries;
  readonly close: () => Promise<void>;
} {
  const { database, ledger, pushBook: book } = foundation;
  const { catalogue, schedule, onBug } = parts;
  const log = new DeliveryLog(database);
  const redrive = new Redrive({ service, database, book, now: () => systemClock.now(), flush: () => ledger.commit() });
  const replays = new ReplayLog(database);
  const deadLetters = new DeadLetterReplays({ replays, redrive, clock: systemClock, schedule, onBug });
  deadLetters.wake();
  const deliveries: Deliveries = {
    log,
    redrive,
    replays: new Replays({
      replays,
      clock: systemClock,
      channelOf: ({ spec }) => {
        const { api } = allowed({ catalogue }, spec);
        return { backbone: api.backbone, channel: { log: api.log, address: spec.address } };
      },
      countDead: (endpoint, before) => redrive.countDead(endpoint, before),
      onChange: async () => {
        deadLetters.wake();
        service.changed();
        await service.settled();
      },
    }),
    verifications,
    skip: (endpoint, to) => service.skip(endpoint, to),
    courier: (endpoint) => service.courier(endpoint),
    refusal: (endpoint) => service.refusal(endpoint),
  };
  return { deliveries, close: () => deadLetters.close() };
}

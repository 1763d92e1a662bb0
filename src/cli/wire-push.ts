import type { Deliveries } from '../control/services.ts';
import { systemClock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import { compileFilter } from '../gateway/filter.ts';
import type { Log } from '../observe/log.ts';
import { HostsFile } from '../outgoing/hosts-file.ts';
import { HttpSender, type OutgoingRequest } from '../outgoing/http-sender.ts';
import { NameResolver } from '../outgoing/name-resolver.ts';
import { openedNetworks } from '../outgoing/opened-networks.ts';
import type { Outcome } from '../outgoing/outcome.ts';
import type { UrlRules } from '../outgoing/outgoing-url.ts';
import { DeadLetterCount } from '../push/dead-letter-count.ts';
import { PushCounts } from '../push/push-counts.ts';
import { exportPush } from '../push/push-gauges.ts';
import { PushService, type PushServiceParts } from '../push/push-service.ts';
import type { PushTarget } from '../push/push-target.ts';
import { targetOf } from '../push/target-of.ts';
import { touchedBy } from '../push/touched-endpoints.ts';
import type { Verifications } from '../push/verification/verifications.ts';
import type { Resource } from '../store/resources.ts';
import { openDeliveries } from './wire-deliveries.ts';
import { openNotices } from './wire-notices.ts';
import { heldByVerification, openVerifications } from './wire-verifications.ts';
import type { Foundation, GatewayParts } from './wire.ts';

interface PushParts {
  readonly foundation: Foundation;
  readonly parts: GatewayParts;
  /** What may be called. */
  readonly rules: UrlRules;
  /** Where receivers know Sluice to be. */
  readonly publicUrl: string | undefined;
  /** Milliseconds for which dead letters are kept; undefined: as long as is usual. */
  readonly keepDeadLetters: number | undefined;
  readonly log: Log;
}

const hostsFile = '/etc/hosts';

/** Everything that calls others, and what delivers to endpoints; `close` ends both. */
export interface Push {
  readonly service: PushService;
  readonly deliveries: Deliveries;
  readonly verifications: Verifications;
  /** The guarded door through which everything is sent. */
  readonly send: (request: OutgoingRequest) => Promise<Outcome>;
  /** What may be called: by these rules a URL can be judged before it is kept. */
  readonly rules: UrlRules;
  /** From now on this is told of endpoints that were stopped. */
  onStopped(listener: (endpoint: Resource<'endpoint'>) => void): void;
  close(): Promise<void>;
}

export async function openPush({ foundation, parts, rules, publicUrl, keepDeadLetters, log }: PushParts): Promise<Push> {
  const { database, store, ledger, pushBook, sealer, metrics } = foundation;
  const { gateway, catalogue, schedule, onBug } = parts;
  const resolver = new NameResolver({ guard: rules.guard, clock: systemClock, hostsFile: new HostsFile(hostsFile, systemClock) });
  const sender = new HttpSender({ ...rules, resolver });
  const send: Push['send'] = (request) => sender.send(request);
  let onStopped: (endpoint: Resource<'endpoint'>) => void = () => undefined;
  const notices = openNotices({ foundation, parts, healthOf: (endpoint) => service.courier(endpoint)?.health });
  const target = (endpoint: Resource<'endpoint'>): PushTarget =>
    targetOf(endpoint, { open: (sealed) => sealer.open(sealed), compile: compileFilter });
  const onChange = (endpoint: string): void => service.changed([endpoint]);
  const counts = new PushCounts(metrics);
  const verifications = await openVerifications({ foundation, parts, publicUrl, send, targetOf: target, onChange });
  const service: PushService = new PushService({
    store,
    database,
    book: pushBook,
    clock: systemClock,
    random: Math.random,
    schedule,
    flush: () => ledger.commit(),
    ...readingsIn(gateway, verifications),
    forgetReader: async (reader) => void (await ledger.forget('default', reader)),
    targetOf: (endpoint) => verifications.consented(endpoint, target(endpoint)),
    send,
    counts,
    listener: {
      moved: (endpoint, transition) => {
        notices.moved(endpoint, transition);
        if (transition.to === 'stopped') onStopped(endpoint);
        log.warn({ ...named(endpoint), ...transition }, 'an endpoint changed its state');
      },
      refused: (endpoint, error) => {
        notices.refused(endpoint, error);
        log.warn({ ...named(endpoint), code: error.code }, `nothing is pushed to an endpoint: ${error.message}`);
      },
      hasRoom: (endpoint) => hasRoom(endpoint),
      bug: onBug,
    },
  });
  const letters = showPush(foundation, parts, service);
  catalogue.onChange((changes) => service.changed(touchedBy(changes, store)));
  const {
    deliveries,
    hasRoom,
    close: closeDeliveries,
  } = openDeliveries({ foundation, parts, service, verifications, keepDeadLetters, counts, log });
  verifications.start();
  const close = async (): Promise<void> => {
    await letters.close();
    await closeDeliveries();
    await verifications.close();
    await service.close();
    await notices.close();
    sender.close();
    resolver.close();
  };
  return { service, deliveries, verifications, send, rules, onStopped: (listener) => (onStopped = listener), close };
}

/** Shows on the page of metrics how endpoints stand; what counts their dead letters is to be closed. */
function showPush({ database, store, metrics }: Foundation, { schedule, onBug }: GatewayParts, service: PushService): DeadLetterCount {
  const endpoints = (): readonly string[] => store.list('endpoint').map(({ id }) => id);
  const letters = new DeadLetterCount({ database, clock: systemClock, schedule, onBug, endpoints });
  exportPush(metrics, { store, service, deadLettersOf: (endpoint) => letters.of(endpoint), now: () => systemClock.now() });
  return letters;
}

/** How the log is read for endpoints. */
function readingsIn(gateway: GatewayParts['gateway'], verifications: Verifications): Pick<PushServiceParts, 'openReading' | 'openReplay'> {
  return {
    openReading: async (endpoint, onTaken) => {
      const { name, createdAt, spec } = endpoint;
      const reading = await gateway.openPushReader({
        subscription: spec.subscription,
        address: spec.address,
        protocol: spec.websub === undefined ? 'webhook' : 'websub',
        reader: name,
        // Not the place where the log is by now: what was published since the endpoint was made is for it.
        from: { at: 'time', time: createdAt },
        onTaken,
      });
      return heldByVerification(reading, verifications, endpoint);
    },
    openReplay: ({ spec }, { id, after }) =>
      gateway.openPushReader({
        subscription: spec.subscription,
        address: spec.address,
        // No client can have a name like this.
        reader: `replay:${id}`,
        from: { at: 'position', position: after },
        onTaken: () => undefined,
      }),
  };
}

function named({ id, name, parent }: Resource<'endpoint'>): object {
  return { endpoint: id, name, application: parent };
}

/** What may be called, by what the operator opens: ranges of addresses and names of private networks. Throws INVALID_CONFIGURATION when one cannot be opened. */
export function outgoingRules(opened: readonly string[] = []): UrlRules {
  try {
    return openedNetworks(opened);
  } catch (cause) {
    throw new GatewayError('INVALID_CONFIGURATION', `--open-outgoing: ${(cause as Error).message}`, { cause });
  }
}

import type { Administration } from '../control/administration.ts';
import type { AdminToken } from '../control/admin-token.ts';
import { createControl } from '../control/server.ts';
import type { Backbone } from '../core/backbone.ts';
import { systemClock } from '../core/clock.ts';
import { allowed } from '../gateway/push-access.ts';
import { FilterPreview } from '../gateway/filter-preview.ts';
import { backboneKinds, entrypointNames } from '../gateway/registry.ts';
import type { HealthTimeline } from '../metering/health-timeline.ts';
import { LedgerInsights } from '../metering/ledger-insights.ts';
import { countByLag } from '../metering/log-count.ts';
import type { Log } from '../observe/log.ts';
import { DeadLetters } from '../push/dead-letters.ts';
import { wantedTypes } from '../push/wanted-types.ts';
import type { WorkerPool } from '../workers/worker-pool.ts';
import type { Inbound } from './wire-inbound.ts';
import type { Push } from './wire-push.ts';
import type { Foundation, GatewayParts } from './wire.ts';

interface ControlParts {
  readonly version: string;
  readonly log: Log;
  readonly foundation: Foundation;
  readonly parts: GatewayParts;
  readonly health: HealthTimeline;
  readonly push: Push;
  readonly inbound: Pick<Inbound, 'topicStatus'>;
  readonly administration: Administration;
  readonly admin: AdminToken;
  readonly gatewayUrl: string;
  readonly workers: WorkerPool | undefined;
  readonly startedAt: number;
}

/** The management API of a Sluice; it does not listen yet. */
export function controlOf(all: ControlParts): ReturnType<typeof createControl> {
  const { version, log, foundation, parts, health, administration, admin } = all;
  const { database, store, embedded, ledger, metrics, contracts } = foundation;
  const { gateway, tickets, catalogue } = parts;
  const previews = new FilterPreview({ catalogue, clock: systemClock });
  const lagOf = async (log: string, address: string, position: Parameters<Backbone['lag']>[1]) => {
    const { events, oldest } = await embedded.lag({ log, address }, position);
    return { events, age: oldest === undefined ? 0 : systemClock.now() - oldest };
  };
  const insights = new LedgerInsights({
    ledger,
    database,
    clock: systemClock,
    compare: (_log, a, b) => embedded.compare(a, b),
    lagOf,
    countOf: countByLag(async (log, address, position) => (await embedded.lag({ log, address }, position)).events),
    health,
  });
  let isLost = false;
  void database.lost.then(() => (isLost = true));
  return createControl({
    store,
    insights,
    deliveries: all.push.deliveries,
    deadLetters: new DeadLetters({
      service: all.push.service,
      database,
      book: foundation.pushBook,
      compare: (a, b) => embedded.compare(a, b),
      flush: () => ledger.commit(),
    }),
    checkReads: ({ spec }, address) => void allowed({ catalogue }, { ...spec, address }),
    topicStatus: (source) => all.inbound.topicStatus(source),
    previewFilter: ({ types, ...wish }) => previews.preview({ ...wish, wantsType: wantedTypes(types) }),
    clock: systemClock,
    adminToken: admin.token,
    checkContract: (source) => administration.contractProblems(source),
    describeContract: async (source) => ({ ...(await contracts.open(source)).contract }),
    knownEntrypoints: entrypointNames,
    knownBackbones: backboneKinds,
    issueTicket: (_tenant, credential, api) => tickets.issue({ credential, api }),
    status: async () => statusOf(all),
    metrics: () => metrics.scrape(),
    healthy: () => !isLost,
    ready: () => !gateway.draining && !isLost,
    log,
    administration,
    version,
  });
}

/** What the status page shows. */
function statusOf({ version, startedAt, gatewayUrl, workers, foundation, parts, health }: ControlParts): object {
  const { catalogue, gateway } = parts;
  const { database, ledger } = foundation;
  return {
    version,
    startedAt,
    uptime: systemClock.now() - startedAt,
    gateway: {
      url: gatewayUrl,
      connections: gateway.connections(),
      waiting: gateway.waiting,
      draining: gateway.draining,
      ...(workers && { workers: workers.status }),
    },
    backbones: health.report(),
    apis: catalogue.apis().map(({ resource }) => ({
      name: resource.name,
      path: resource.spec.path,
      lifecycle: resource.spec.lifecycle,
      connections: gateway.connections(resource.name),
    })),
    store: database.stats(),
    ledger: { failing: ledger.failure ?? null },
  };
}

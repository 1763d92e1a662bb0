import type { EmbeddedBackbone } from '../backbones/embedded/embedded-backbone.ts';
import { embeddedMigrations } from '../backbones/embedded/migrations.ts';
import { openEmbedded } from '../backbones/embedded/open-embedded.ts';
import { ContractError } from '../contracts/problem.ts';
import { Administration, type ContractProblem } from '../control/administration.ts';
import { loadAdminToken, type AdminToken } from '../control/admin-token.ts';
import { applyConfig, type ConfigChange } from '../control/configuration.ts';
import { checkListenAddress } from '../control/listen-address.ts';
import { noticeHorizon, noticeSource } from '../control/notice-access.ts';
import { NoticeKeeper } from '../control/notice-keeper.ts';
import { loadSealer } from '../control/secret-key.ts';
import { systemClock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import { inboundMigrations } from '../desks/inbound/migrations.ts';
import { websubMigrations } from '../desks/websub/migrations.ts';
import { Catalogue } from '../gateway/catalogue.ts';
import { ContractCache } from '../gateway/contract-cache.ts';
import { compileFilter } from '../gateway/filter.ts';
import { EventGateway } from '../gateway/gateway.ts';
import { planBinder } from '../gateway/plan-stages.ts';
import { openFront } from '../gateway/front.ts';
import { backboneKinds, entrypointNames, policies, wireFormats } from '../gateway/registry.ts';
import { Tickets } from '../gateway/tickets.ts';
import { TimingWheel } from '../gateway/timing-wheel.ts';
import type { KeyPair } from '../listeners/key-pair.ts';
import { CountingDatabase } from '../metering/counting-database.ts';
import { HealthTimeline } from '../metering/health-timeline.ts';
import { openLedger, type Ledger } from '../metering/ledger.ts';
import type { ComparePositions } from '../metering/lineage.ts';
import { meteringMigrations } from '../metering/migrations.ts';
import { createLog, type Log } from '../observe/log.ts';
import { Metrics } from '../observe/metrics.ts';
import type { UrlRules } from '../outgoing/outgoing-url.ts';
import { pushMigrations } from '../push/migrations.ts';
import { noticeMigrations } from '../push/notices/migrations.ts';
import { NoticeBook } from '../push/notices/notice-book.ts';
import { PushBook } from '../push/push-book.ts';
import { verificationMigrations } from '../push/verification/migrations.ts';
import type { Database } from '../store/database.ts';
import { storeMigrations } from '../store/migrations.ts';
import type { ContractSource, ResourceStore } from '../store/resources.ts';
import type { Sealer } from '../store/sealed.ts';
import { openDatabase } from '../store/sqlite/open-database.ts';
import { openResourceStore } from '../store/sqlite/resource-store.ts';
import { WorkerPool } from '../workers/worker-pool.ts';
import { controlOf } from './wire-control.ts';
import { openDesks } from './wire-desks.ts';
import { outgoingRules, type Push } from './wire-push.ts';
import { openServices } from './wire-services.ts';

export interface SluiceOptions {
  /** Applied before it serves: plain JSON as `readConfigFile` gives it. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  /** Who the audit says applied it. */
  readonly actor?: string | undefined;
  /** Data folder; made when it is missing. */
  readonly data: string;
  /** 0: any free port. */
  readonly port: number;
  readonly controlPort: number;
  /** Address the gateway listens on; default 127.0.0.1. */
  readonly host?: string | undefined;
  readonly controlHost?: string | undefined;
  /** Threads that own the clients' sockets; default: none, this one does. */
  readonly workers?: number | undefined;
  /** Most connections that wait to be let in when many come at once; past it they are told to come back. */
  readonly mostWaiting?: number | undefined;
  /** Ranges of addresses besides the public ones that endpoints may have, such as `10.0.0.0/8`, and names of private networks; default: none. */
  readonly openOutgoing?: readonly string[] | undefined;
  /** Milliseconds for which dead letters are kept, where an endpoint does not say less; default: 30 days. */
  readonly keepDeadLetters?: number | undefined;
  /** Base URL of the gateway as its clients see it, where something stands before it; default: the host each request names. */
  readonly publicUrl?: string | undefined;
  /** Serve https on the gateway's port instead of http. */
  readonly tls?: KeyPair | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly version?: string | undefined;
  /** Default: warnings on stderr. */
  readonly log?: Log | undefined;
}

/** A whole Sluice in this process. */
export interface Sluice {
  readonly gatewayUrl: string;
  readonly controlUrl: string;
  readonly adminToken: string;
  /** The threads that own the sockets, when there are any. */
  readonly workers: WorkerPool | undefined;
  /** New connections are shown this certificate from now on; only where it was started with one. */
  renewCertificate(pair: KeyPair): void;
  /** Applies a configuration to what runs; nothing is deleted. */
  apply(config: Readonly<Record<string, unknown>>, actor: string): Promise<readonly ConfigChange[]>;
  /** Resolves with the reason when it cannot go on and has to be started anew; it is still to be stopped. */
  readonly failed: Promise<Error>;
  /** Tells clients to come back later, finishes what was begun, closes. `grace` bounds it all, in milliseconds. */
  stop(options?: { readonly grace?: number }): Promise<void>;
}

/** Milliseconds over which a restart tells clients to come back, and at most takes in all. */
const drainWindow = 2000;
const defaultGrace = 10_000;

/** What everything else stands on: the store, the embedded log and the books. */
export interface Foundation {
  readonly database: Database & { stats(): object; readonly lost: Promise<Error> };
  readonly store: ResourceStore;
  readonly embedded: EmbeddedBackbone;
  readonly ledger: Ledger;
  readonly metrics: Metrics;
  readonly contracts: ContractCache;
  /** What push readers leave behind, one of the ledger's books. */
  readonly pushBook: PushBook;
  /** What owners of endpoints are to be told, another one. */
  readonly noticeBook: NoticeBook;
  /** Seals what must not be readable at rest. */
  readonly sealer: Sealer;
}

async function openFoundation(
  { data, env, log, contracts }: { data: string; env: Readonly<Record<string, string | undefined>>; log: Log; contracts: ContractCache },
  closers: (() => unknown)[],
): Promise<Foundation> {
  const metrics = new Metrics({ process: true });
  const onWarning = (sentence: string, cause?: unknown): void => log.warn({ error: cause }, sentence);
  const database = await openDatabase({
    folder: data,
    migrations: [
      ...storeMigrations,
      ...embeddedMigrations,
      ...meteringMigrations,
      ...pushMigrations,
      ...noticeMigrations,
      ...verificationMigrations,
      ...inboundMigrations,
      ...websubMigrations,
    ],
    onWarning,
  });
  closers.push(() => database.close());
  const store = await openResourceStore(database, systemClock);
  let books: Ledger | undefined;
  const counting = new CountingDatabase(database, () => books?.takeUrgentCounts());
  const embedded = await openEmbedded({ database: counting, clock: systemClock, onWarning });
  closers.push(() => embedded.close());
  const pushBook = new PushBook();
  const noticeBook = new NoticeBook();
  const compare: ComparePositions = (_log, a, b) => embedded.compare(a, b);
  const ledger = await openLedger({ database, clock: systemClock, compare, log, metrics, before: [pushBook, noticeBook] });
  books = ledger;
  closers.push(() => ledger.close());
  return { database, store, embedded, ledger, metrics, contracts, pushBook, noticeBook, sealer: await loadSealer(data, env) };
}

/** Puts the gateway's parts together on a foundation; it does not listen yet. */
function buildGateway({ store, embedded, ledger, contracts }: Foundation, log: Log, { mostWaiting, publicUrl }: SluiceOptions) {
  const wheel = new TimingWheel({ clock: systemClock });
  const schedule = (at: number, callback: () => void): (() => void) => {
    const handle = wheel.schedule(at, callback);
    return () => wheel.cancel(handle);
  };
  const catalogue = new Catalogue({
    store,
    tenant: 'default',
    openContract: async ({ name, spec }) => {
      const contract = await contracts.open(spec.contract);
      for (const message of contract.notChecked)
        log.warn({ api: name, ...message }, 'messages of this schema language are passed through unchecked');
      return contract;
    },
    backboneOf: (name) => (store.get('backbone', name)?.spec.kind === 'embedded' ? embedded : undefined),
    policiesOf: planBinder(policies, { clock: systemClock, counters: ledger }),
    horizonOf: (subscription) => noticeHorizon(subscription, store),
    onProblem: (api, error) => log.error({ api, error }, 'this API cannot be served as it is configured'),
  });
  const tickets = new Tickets(systemClock);
  const onBug = (error: unknown): void => log.error({ error }, 'a request failed for a reason of our own');
  const gateway = new EventGateway({
    catalogue,
    meter: ledger,
    tickets,
    clock: systemClock,
    random: Math.random,
    mostWaiting,
    publicUrl,
    schedule,
    onUsed: (credential) => ledger.touchCredential(credential),
    onBug,
  });
  return { wheel, schedule, catalogue, tickets, gateway, onBug };
}

/** The gateway with what it stands on in this process. */
export type GatewayParts = ReturnType<typeof buildGateway>;

/** Where clients connect: a listener of this thread, or one in each worker. */
interface Front {
  listen(port: number, host: string): Promise<string>;
  renew(pair: KeyPair): void;
  close(): Promise<void>;
  closeNow(): unknown;
}

function buildWorkers(
  { gateway, catalogue, onBug }: GatewayParts,
  { log, metrics, workers, tls, publicUrl }: { log: Log; metrics: Metrics; workers: number } & Pick<SluiceOptions, 'tls' | 'publicUrl'>,
) {
  const pool = new WorkerPool({
    workers,
    tls,
    gateway,
    formats: new Map(wireFormats.map((format) => [format.name, format])),
    onBug,
    routes: () =>
      catalogue.apis().map(({ resource: { spec } }) => ({
        path: spec.path,
        cors: spec.cors,
        entrypoints: spec.entrypoints,
        maxEventBytes: spec.maxEventBytes,
        publicUrl,
      })),
    onLost: (worker, error) => log.error({ worker, error }, 'a worker has ended; its clients come back to the others and to its successor'),
  });
  let served = catalogue.apis();
  catalogue.onChange(() => {
    const apis = catalogue.apis();
    if (apis.length === served.length && apis.every((api, index) => api === served[index])) return;
    served = apis;
    pool.changed();
  });
  pool.exportTo(metrics);
  return pool;
}

/** Starts a Sluice and resolves once it serves; rejects with StoreError, GatewayError or the system's error, and leaves nothing behind. */
export async function startSluice(options: SluiceOptions): Promise<Sluice> {
  const closers: (() => unknown)[] = [];
  const closeAll = async (): Promise<void> => {
    const failures: Error[] = [];
    for (const close of closers.splice(0).toReversed()) {
      try {
        await close();
      } catch (error) {
        failures.push(error as Error);
      }
    }
    if (failures[0] !== undefined) throw failures[0];
  };
  try {
    return await start(options, closers, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function start(options: SluiceOptions, closers: (() => unknown)[], closeAll: () => Promise<void>): Promise<Sluice> {
  const { data, env = process.env, controlHost = '127.0.0.1' } = options;
  const log = options.log ?? createLog({ level: 'warn', destination: process.stderr, json: false });
  const startedAt = systemClock.now();
  const admin = await loadAdminToken(data, env);
  checkControlAddress(controlHost, admin, log);
  const rules = outgoingRules(options.openOutgoing);
  const contracts = new ContractCache();
  readAhead(contracts, options.config);
  const foundation = await openFoundation({ data, env, log, contracts }, closers);
  const parts = buildGateway(foundation, log, options);
  const { wheel, catalogue, gateway } = parts;
  closers.push(() => {
    catalogue.close();
    wheel.close();
  });
  const health = watchBackbones(foundation);
  closers.push(() => health.close());
  const administration = administrationOf(foundation, rules);
  await settle({ administration, options, onBug: parts.onBug }, closers);
  await Promise.all([catalogue.settled(), health.check()]);
  health.start();
  const { push, inbound, hub } = await openServices({ foundation, parts, administration, options, rules, log }, closers);
  const { tls, version = '0', publicUrl } = options;
  const workers =
    options.workers === undefined
      ? undefined
      : buildWorkers(parts, { log, metrics: foundation.metrics, workers: options.workers, tls, publicUrl });
  const front: Front = workers ?? openFront({ ...parts, tls });
  closers.push(() => front.closeNow());
  const gatewayUrl = await front.listen(options.port, options.host ?? '127.0.0.1');
  const shown = { foundation, parts, health, push, inbound, administration, workers };
  const control = controlOf({ version, log, ...shown, admin, gatewayUrl, startedAt });
  openDesks({
    foundation,
    parts,
    inbound: inbound.desk,
    hub: hub.desk,
    manage: (request) => control.inject(request),
    verifications: push.verifications,
    publicUrl,
  });
  const controlUrl = await control.listen({ port: options.controlPort, host: controlHost });
  closers.push(() => control.close());
  push.service.changed();
  await inbound.start(publicUrl ?? gatewayUrl);
  return {
    gatewayUrl,
    controlUrl,
    adminToken: admin.token,
    workers,
    failed: foundation.database.lost,
    renewCertificate: (pair) => front.renew(pair),
    apply: (config, actor) => applyConfig(administration, config, { prune: false, actor }),
    stop: async ({ grace = defaultGrace } = {}) => {
      await endGently({ front, push, gateway }, grace);
      await closeAll();
    },
  };
}

/** Makes the resources what the configuration, and whatever goes with it, wants them to be. */
async function settle(
  { administration, options, onBug }: { administration: Administration; options: SluiceOptions; onBug: (error: unknown) => void },
  closers: (() => unknown)[],
): Promise<void> {
  if (options.config !== undefined) await applyConfig(administration, options.config, { prune: false, actor: options.actor ?? 'config' });
  const keeper = new NoticeKeeper({ administration, onFailure: onBug });
  closers.push(() => keeper.close());
  await keeper.settled();
}

async function endGently({ front, push, gateway }: { front: Front; push: Push; gateway: EventGateway }, grace: number): Promise<void> {
  const signal = AbortSignal.timeout(grace);
  const closed = front.close();
  await push.close();
  await gateway.drain(Math.min(drainWindow, grace / 2), signal);
  await Promise.race([closed, aborted(signal)]);
}

/** Begins to compile the contracts of a configuration while the store is opened; what is wrong with one is said when it is applied. */
function readAhead(contracts: ContractCache, config: SluiceOptions['config']): void {
  const apis = config?.['apis'];
  if (typeof apis !== 'object' || apis === null) return;
  for (const { contract, plans } of Object.values(apis) as { contract?: ContractSource; plans?: object | null }[]) {
    if (typeof contract?.text === 'string') contracts.open(contract).catch(() => undefined);
    const modes = Object.values(plans ?? {}).map((plan: { readonly mode?: unknown } | null) => plan?.mode);
    if (modes.includes('push')) contracts.open(noticeSource).catch(() => undefined);
  }
}

function checkControlAddress(host: string, admin: AdminToken, log: Log): void {
  const { refusal, warning } = checkListenAddress(host, admin.explicit);
  if (refusal !== undefined) throw new GatewayError('INVALID_CONFIGURATION', refusal);
  if (warning !== undefined) log.warn(warning);
}

function administrationOf({ store, contracts, sealer }: Foundation, urlRules: UrlRules): Administration {
  return new Administration({
    store,
    sealer,
    clock: systemClock,
    checkContract: (source) => contracts.open(source).then(() => [], problemsOf),
    checkFilter: compileFilter,
    urlRules,
    knownEntrypoints: entrypointNames,
    knownBackbones: backboneKinds,
  });
}

function problemsOf(error: unknown): readonly ContractProblem[] {
  if (error instanceof ContractError) return error.problems;
  throw error;
}

function watchBackbones({ store, embedded, metrics }: Foundation): HealthTimeline {
  const probe = async () => {
    const health = await embedded.check(AbortSignal.timeout(5000));
    return store.list('backbone', 'default').map(({ name, spec }) => ({ name, kind: spec.kind, health }));
  };
  const timeline = new HealthTimeline(probe, systemClock);
  timeline.exportTo(metrics);
  metrics.beforeScrape(() => {
    for (const { name, spec } of store.list('backbone', 'default')) {
      if (spec.kind === 'embedded') metrics.counter('backendRead', name).value = embedded.eventsRead;
    }
  });
  return timeline;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

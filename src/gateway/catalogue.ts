import type { Backbone } from '../core/backbone.ts';
import type { Stages, SubscriptionContext } from '../core/policy.ts';
import { isDeepStrictEqual } from 'node:util';
import type { PlanSpec, Resource, ResourceChange, ResourceKind, ResourceStore } from '../store/resources.ts';
import { combineStages, type CompiledStages } from './compile.ts';
import type { ContractRuntime } from './contract-runtime.ts';
import type { Horizon } from './horizon.ts';
import { PathTable } from './path-table.ts';

/** An API as the gateway serves it. */
export interface ApiRuntime {
  readonly resource: Resource<'api'>;
  /** The API's log on its backbone. */
  readonly log: string;
  readonly backbone: Backbone;
  readonly contract: ContractRuntime;
}

/** A subscription with the stages of its plan bound to it; a new object when anything about it changed. */
export interface BoundSubscription {
  readonly resource: Resource<'subscription'>;
  readonly context: SubscriptionContext;
  readonly stages: CompiledStages;
  /** What it may see of an address less than all of; undefined: there is no such address. */
  readonly horizon: Horizon | undefined;
}

export interface CatalogueParts {
  readonly store: ResourceStore;
  readonly tenant: string;
  readonly openContract: (api: Resource<'api'>) => Promise<ContractRuntime>;
  readonly backboneOf: (name: string) => Backbone | undefined;
  /** The stages of a plan, as functions that bind them to one subscription; a provider may have no plan. */
  readonly policiesOf: (plan: PlanSpec | undefined) => readonly ((subscription: SubscriptionContext) => Stages)[];
  /** What is hidden from a subscription though it may read there; default: nothing. */
  readonly horizonOf?: (subscription: Resource<'subscription'>) => Horizon | undefined;
  /** An API that cannot be served as it is configured: for the operator's log. */
  readonly onProblem: (api: string, error: unknown) => void;
}

/** What of the resources has changed; undefined: APIs are served in another way than before. */
type CatalogueChange = readonly ResourceChange[] | undefined;

/** There may be many of these, and what is served does not depend on them. */
const notServed: ReadonlySet<ResourceKind> = new Set(['endpoint', 'source']);

/** There may be many of these as well: a change of one is followed without a look at the others. */
const followed: ReadonlySet<ResourceKind> = new Set(['application', 'credential', 'subscription', ...notServed]);

interface PlanBinding {
  readonly spec: PlanSpec | undefined;
  readonly bind: readonly ((subscription: SubscriptionContext) => Stages)[];
}

/**
 * What the gateway serves from: the control plane's resources, indexed for lookups and kept up with its changes.
 * Looking up never waits; only a changed contract takes time, and until it is compiled the previous one serves.
 */
export class Catalogue {
  readonly #parts: CatalogueParts;
  #byPath = new PathTable<ApiRuntime>([], pathOf);
  #runtimes = new Map<string, ApiRuntime>();
  /** By hash, and the hash each had by its id. */
  #credentials = new Map<string, Resource<'credential'>>();
  #hashes = new Map<string, string>();
  #subscriptions = new Map<string, BoundSubscription>();
  #byApplication = new Map<string, BoundSubscription[]>();
  readonly #plans = new Map<string, PlanBinding>();
  readonly #listeners = new Set<(change: CatalogueChange) => void>();
  readonly #stopWatching: () => void;
  #loading: Promise<void> = Promise.resolve();

  constructor(parts: CatalogueParts) {
    this.#parts = parts;
    this.#stopWatching = parts.store.watch((changes) => this.#follow(changes));
    this.#index();
    this.#loading = this.#loadApis();
  }

  /** Resolves when every contract that changed so far is compiled and serves. */
  async settled(): Promise<void> {
    let seen: Promise<void> | undefined;
    while (seen !== this.#loading) {
      seen = this.#loading;
      await seen;
    }
  }

  /** The API whose path is the longest prefix of a URL path, and the segments behind it. */
  route(path: string): { readonly api: ApiRuntime; readonly rest: readonly string[] } | undefined {
    const found = this.#byPath.find(path);
    return found && { api: found.entry, rest: found.rest };
  }

  api(name: string): ApiRuntime | undefined {
    return this.#runtimes.get(name);
  }

  apis(): readonly ApiRuntime[] {
    return [...this.#runtimes.values()];
  }

  credentialByHash(hash: string): Resource<'credential'> | undefined {
    return this.#credentials.get(hash);
  }

  credential(id: string): Resource<'credential'> | undefined {
    return this.#parts.store.byId('credential', id);
  }

  /** All of an application's subscriptions to an API, whatever their state. */
  subscriptions(application: string, api: string): readonly BoundSubscription[] {
    return this.#byApplication.get(`${application}/${api}`) ?? [];
  }

  subscription(id: string): BoundSubscription | undefined {
    return this.#subscriptions.get(id);
  }

  /** Called after each change of what is served has taken effect here. */
  onChange(listener: (change: CatalogueChange) => void): void {
    this.#listeners.add(listener);
  }

  close(): void {
    this.#stopWatching();
    this.#listeners.clear();
  }

  #follow(changes: readonly ResourceChange[]): void {
    if (changes.every(({ resource }) => notServed.has(resource.kind))) return;
    if (changes.every(({ resource }) => followed.has(resource.kind))) for (const change of changes) this.#followOne(change);
    else this.#index();
    if (changes.some(({ resource }) => resource.kind === 'api' || resource.kind === 'backbone')) {
      const gone = this.#withdraw();
      this.#loading = this.#loading.then(() => forgetLogs(gone)).then(() => this.#loadApis());
    }
    // What needs no contract compiled, such as a key that was revoked with the same change, takes effect now.
    this.#tell(changes);
  }

  #index(): void {
    const { store, tenant } = this.#parts;
    const credentials = store.list('credential', tenant);
    this.#credentials = new Map(credentials.map((credential) => [credential.spec.hash, credential]));
    this.#hashes = new Map(credentials.map(({ id, spec }) => [id, spec.hash]));
    const previous = this.#subscriptions;
    this.#subscriptions = new Map();
    this.#byApplication = new Map();
    for (const resource of store.list('subscription', tenant)) {
      const bound = this.#bind(resource, previous.get(resource.id));
      this.#subscriptions.set(resource.id, bound);
      const siblings = this.#byApplication.get(ownerOf(bound));
      if (siblings === undefined) this.#byApplication.set(ownerOf(bound), [bound]);
      else siblings.push(bound);
    }
  }

  #followOne({ op, resource }: ResourceChange): void {
    const { store, tenant } = this.#parts;
    if (resource.tenant !== tenant) return;
    if (resource.kind === 'credential') this.#followCredential(op, resource as Resource<'credential'>);
    else if (resource.kind === 'subscription') this.#followSubscription(op, resource as Resource<'subscription'>);
    else if (resource.kind === 'application')
      for (const api of store.list('api', tenant))
        for (const bound of this.subscriptions(resource.name, api.name)) this.#followSubscription('put', bound.resource);
  }

  #followCredential(op: ResourceChange['op'], credential: Resource<'credential'>): void {
    const { id, spec } = credential;
    const before = this.#hashes.get(id);
    if (before !== undefined && this.#credentials.get(before)?.id === id) this.#credentials.delete(before);
    this.#hashes.delete(id);
    if (op === 'delete') return;
    this.#credentials.set(spec.hash, credential);
    this.#hashes.set(id, spec.hash);
  }

  #followSubscription(op: ResourceChange['op'], resource: Resource<'subscription'>): void {
    const previous = this.#subscriptions.get(resource.id);
    if (previous !== undefined) {
      const others = this.#siblings(previous).filter((one) => one !== previous);
      if (others.length === 0) this.#byApplication.delete(ownerOf(previous));
      else this.#byApplication.set(ownerOf(previous), others);
    }
    this.#subscriptions.delete(resource.id);
    if (op === 'delete') return;
    const bound = this.#bind(resource, previous);
    this.#subscriptions.set(resource.id, bound);
    const siblings = [...this.#siblings(bound), bound];
    this.#byApplication.set(
      ownerOf(bound),
      siblings.sort((a, b) => (a.resource.name < b.resource.name ? -1 : 1)),
    );
  }

  #siblings(bound: BoundSubscription): readonly BoundSubscription[] {
    return this.#byApplication.get(ownerOf(bound)) ?? [];
  }

  #bind(resource: Resource<'subscription'>, previous: BoundSubscription | undefined): BoundSubscription {
    const { spec } = resource;
    const plan = this.#plan(spec.api, spec.plan);
    const horizon = this.#parts.horizonOf?.(resource);
    const isSame = previous !== undefined && previous.resource === resource && isDeepStrictEqual(previous.horizon, horizon);
    if (isSame && this.#bound.get(previous) === plan) return previous;
    const { application, api, as, allow } = spec;
    const context: SubscriptionContext = { tenant: resource.tenant, id: resource.id, application, api, plan: spec.plan, as, allow };
    const bound: BoundSubscription = { resource, context, stages: combineStages(plan.bind.map((bind) => bind(context))), horizon };
    this.#bound.set(bound, plan);
    return bound;
  }

  readonly #bound = new WeakMap<BoundSubscription, PlanBinding>();

  /** Prepared once per version of a plan, so that equal plans keep their identity. */
  #plan(api: string, name: string | undefined): PlanBinding {
    const key = name === undefined ? '' : `${api}/${name}`;
    const spec = name === undefined ? undefined : this.#parts.store.get('plan', name, api, this.#parts.tenant)?.spec;
    const known = this.#plans.get(key);
    if (known !== undefined && isDeepStrictEqual(known.spec, spec)) return known;
    const binding: PlanBinding = { spec, bind: this.#parts.policiesOf(spec) };
    this.#plans.set(key, binding);
    return binding;
  }

  async #loadApis(): Promise<void> {
    const runtimes = new Map<string, ApiRuntime>();
    const { store, tenant, onProblem } = this.#parts;
    for (const resource of store.list('api', tenant)) {
      const known = this.#runtimes.get(resource.name);
      try {
        runtimes.set(resource.name, await this.#loadApi(resource, known));
      } catch (error) {
        onProblem(resource.name, error);
        if (known !== undefined) runtimes.set(resource.name, known);
      }
    }
    this.#serve(runtimes);
    this.#tell(undefined);
  }

  #serve(runtimes: Map<string, ApiRuntime>): void {
    this.#runtimes = runtimes;
    this.#byPath = new PathTable(runtimes.values(), pathOf);
  }

  /** Stops serving APIs that are no more, and answers them. */
  #withdraw(): readonly ApiRuntime[] {
    const kept = new Set(this.#parts.store.list('api', this.#parts.tenant).map(({ id }) => id));
    const all = [...this.#runtimes.values()];
    const gone = all.filter(({ resource }) => !kept.has(resource.id));
    if (gone.length > 0) this.#serve(new Map(all.filter((api) => !gone.includes(api)).map((api) => [api.resource.name, api])));
    return gone;
  }

  async #loadApi(resource: Resource<'api'>, known: ApiRuntime | undefined): Promise<ApiRuntime> {
    if (known?.resource === resource) return known;
    const { spec } = resource;
    const backbone = this.#parts.backboneOf(spec.backbone);
    if (backbone === undefined) throw new Error(`The backbone ${spec.backbone} is not configured.`);
    const isSame = known !== undefined && isDeepStrictEqual(known.resource.spec.contract, spec.contract);
    const contract = isSame ? known.contract : await this.#parts.openContract(resource);
    const log = `${resource.tenant}/${resource.id}`;
    await backbone.prepare(log, { retainAge: spec.retention.age, retainBytes: spec.retention.bytes, dedupWindow: spec.dedup.window });
    return { resource, log, backbone, contract };
  }

  #tell(change: CatalogueChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function ownerOf({ resource: { spec } }: BoundSubscription): string {
  return `${spec.application}/${spec.api}`;
}

function pathOf({ resource }: ApiRuntime): string {
  return resource.spec.path;
}

/** Events of an API that is gone are not kept: the log is left to retention. */
async function forgetLogs(gone: readonly ApiRuntime[]): Promise<void> {
  for (const { backbone, log } of gone) await backbone.prepare(log, { retainAge: 0, dedupWindow: 0 }).catch(() => undefined);
}

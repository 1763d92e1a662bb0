import type { Overflow, WindowUnit } from '../core/policy.ts';

/** What the control plane writes and the gateway serves from. Names are unique per tenant, kind and parent. */
export type Lifecycle = 'created' | 'pre-released' | 'published' | 'blocked' | 'deprecated' | 'retired';
export type PlanState = 'staging' | 'published' | 'deprecated' | 'closed';
export type SubscriptionState = 'pending' | 'accepted' | 'rejected' | 'paused' | 'closed';

export interface BackboneSpec {
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface ContractSource {
  /** Name of the file as the operator wrote it, for messages with a place. */
  readonly name: string;
  readonly text: string;
  /** Files beside the document that the operator named, by relative path. */
  readonly files: Readonly<Record<string, string>>;
}

/** How an API is a WebSub hub, where `entrypoints` has `websub`. */
export interface WebSubSpec {
  /** Name of the application under whose push subscription those subscribe who show no key. */
  readonly anonymous?: string;
  /** Milliseconds, whole seconds. */
  readonly lease: { readonly default: number; readonly min: number; readonly max: number };
  /** Of the deliveries to subscribers that gave a secret. */
  readonly signature: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  /** Addresses of channels by the URLs of topics of others, whose content is published there. */
  readonly topics: Readonly<Record<string, string>>;
}

export interface ApiSpec {
  readonly kind: 'event';
  readonly description?: string;
  readonly contract: ContractSource;
  /** Starts with `/`; where it stands on the gateway; unique per tenant. */
  readonly path: string;
  readonly backbone: string;
  readonly entrypoints: readonly string[];
  readonly lifecycle: Lifecycle;
  /** Milliseconds and bytes. */
  readonly retention: { readonly age?: number; readonly bytes?: number };
  readonly dedup: { readonly window: number };
  readonly cors?: { readonly origins: readonly string[]; readonly maxAge: number };
  /** Largest event in bytes. */
  readonly maxEventBytes: number;
  readonly websub?: WebSubSpec;
}

export interface LimitsSpec {
  readonly eventCount?: readonly {
    readonly limit: number;
    readonly per: WindowUnit;
    readonly counts: 'publish' | 'deliver' | 'both';
    readonly onLimit?: 'disconnect' | 'pause';
  }[];
  readonly connectionCount?: { readonly limit: number };
  /** `limit` in milliseconds for `per: connection` or a window; `until` an RFC 3339 date. */
  readonly duration?: readonly { readonly limit?: number; readonly per?: 'connection' | WindowUnit; readonly until?: string }[];
  /** Bytes as a number, or events. */
  readonly backpressure?: { readonly maxBuffered?: number; readonly maxEvents?: number; readonly overflow: Overflow };
}

export interface FlushSpec {
  /** Milliseconds. */
  readonly maxDelay?: number;
  readonly maxBytes?: number;
  readonly maxEvents?: number;
}

export interface PlanSpec {
  readonly description?: string;
  readonly state: PlanState;
  readonly security: readonly string[];
  readonly approval: 'auto' | 'manual';
  /** `push`: its subscriptions may have endpoints, to which events are delivered. Absent: standard, where clients come and read. */
  readonly mode?: 'standard' | 'push';
  /** A named set of limits that `limits` refines: gold, silver, bronze, unlimited. */
  readonly preset?: string;
  readonly limits: LimitsSpec;
  readonly flush?: FlushSpec;
}

export interface ApplicationSpec {
  readonly description?: string;
  readonly owner?: string;
}

export interface CredentialSpec {
  readonly kind: 'api-key';
  /** SHA-256 of the key, hex: the key itself is never kept. */
  readonly hash: string;
  /** First characters of the key, so that people can tell keys apart. */
  readonly prefix: string;
  /** `config` when it came from a configuration file. */
  readonly origin: 'api' | 'config';
  /** Wall time in milliseconds after which it is refused; set on rotation and revocation. */
  readonly expiresAt?: number;
  readonly revokedAt?: number;
}

export interface SubscriptionSpec {
  readonly application: string;
  readonly api: string;
  /** Undefined only for a provider. */
  readonly plan?: string;
  readonly as: 'client' | 'provider';
  readonly allow: { readonly publish: readonly string[]; readonly read: readonly string[] };
  readonly state: SubscriptionState;
  /** Why it was rejected, paused or closed. */
  readonly reason?: string;
}

/** A text that `Sealer` has sealed. */
export interface Sealed {
  readonly sealed: string;
}

/** How Sluice shows an endpoint that it is us. */
export type AuthenticationSpec =
  | { readonly kind: 'basic'; readonly user: string; readonly password: Sealed }
  /** A header with a value that only we know. */
  | { readonly kind: 'key'; readonly header: string; readonly value: Sealed }
  /** RFC 6749, section 4.4; `style` says where the client's secret stands (section 2.3.1). */
  | {
      readonly kind: 'oauth2-client-credentials';
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly clientSecret: Sealed;
      readonly scope?: string;
      readonly audience?: string;
      readonly style: 'basic' | 'post';
    }
  /** PEM; `ca` are the authorities trusted in place of the well-known ones. */
  | { readonly kind: 'mtls'; readonly certificate: string; readonly key: Sealed; readonly ca?: string };

/** A verified WebSub subscription: the endpoint's URL is the callback, as it was given. */
export interface WebSubSubscriptionSpec {
  /** As the subscriber wrote it. */
  readonly topic: string;
  /** The hub's URL as the subscriber used it. */
  readonly hub: string;
  /** The topic's canonical URL: with the callback it names the subscription. */
  readonly self: string;
  readonly secret?: Sealed;
  readonly method: WebSubSpec['signature'];
  /** Wall time in milliseconds. */
  readonly leaseUntil: number;
  /** Id of the request that made it what it is. */
  readonly request: string;
}

/** Where a push subscription delivers to; its parent is the application, its name that of its durable reader. */
export interface EndpointSpec {
  readonly description?: string;
  /** Id of a subscription of that application under a plan of the mode `push`. */
  readonly subscription: string;
  /** Address or pattern in the API. */
  readonly address: string;
  readonly url: string;
  /** Event types, all when there are none; a `.*` at the end takes every type below. */
  readonly types: readonly string[];
  /** CEL over attributes and data. */
  readonly filter?: string;
  /** Sent with every attempt. */
  readonly headers: Readonly<Record<string, string>>;
  readonly authentication?: AuthenticationSpec;
  /** Newest first; all that have not expired sign. `expiresAt` is wall time in milliseconds. */
  readonly secrets: readonly { readonly sealed: string; readonly expiresAt?: number }[];
  /** How its receiver is asked whether it wants deliveries, before the first; absent: it is not. */
  readonly verification?: 'challenge' | 'cloudevents' | 'signed-ping';
  /** The format of the signature, and another name for the header it stands in. Absent: Standard Webhooks. */
  readonly signature?: { readonly style: 'github' | 'github-sha1' | 'stripe'; readonly header?: string };
  /** CloudEvents in structured or binary mode, or the data alone. */
  readonly content: 'structured' | 'binary' | 'data';
  /** Milliseconds one attempt may take. */
  readonly timeout: number;
  /** Milliseconds from each attempt to the next, after the first. */
  readonly retry: readonly number[];
  readonly rateLimit?: { readonly limit: number; readonly per: 'second' | 'minute' };
  /** Most attempts under way at once. */
  readonly concurrency: number;
  /** What waits for what: nothing, events of one subject, or every event for the one before. */
  readonly order: 'none' | 'per-key' | 'strict';
  /** Several events in one attempt: so many, or bytes of all together, or milliseconds the first has waited, whatever comes first. */
  readonly batch?: { readonly events: number; readonly bytes: number; readonly wait: number };
  /** Milliseconds for which dead letters are kept, where that is less than the operator keeps any. */
  readonly keepDeadLetters?: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** A subscriber asked the hub for it, and ends or renews it there. */
  readonly websub?: WebSubSubscriptionSpec;
  /** What its owner wants. */
  readonly state: 'started' | 'paused';
}

/** Where the webhooks of another provider come in; its parent is the application. */
export interface SourceSpec {
  readonly description?: string;
  /** Id of a subscription of that application, under which its events are published. */
  readonly subscription: string;
  /** How the provider signs and what its events are called: the name of a preset, or `hmac`. */
  readonly preset: string;
  /** One address of the API, no pattern. */
  readonly address: string;
  /** Newest first; each that has not expired is believed. `expiresAt` is wall time in milliseconds. */
  readonly secrets: readonly { readonly sealed: string; readonly expiresAt?: number }[];
  /** Milliseconds that the time of a signature may lie from now, either way. */
  readonly tolerance: number;
  /** With the preset `hmac`: how it signs, and where it says what an event is. */
  readonly hmac?: SourceHmac;
  /** Other names for types: by that of the preset, or with `.*` at the end of both for every type below. */
  readonly types: Readonly<Record<string, string>>;
  /** CloudEvents source of its events. Absent: as the provider says. */
  readonly eventSource?: string;
  /** What makes a request a repetition: that the content which was signed came before, or only that its id did. */
  readonly replay: 'content' | 'id';
  /** With a preset of WebSub: what it subscribes to, and for how many milliseconds at a time. */
  readonly topic?: { readonly url: string; readonly lease: number };
  readonly state: 'started' | 'paused';
}

/** How a provider signs with an HMAC in a header. */
export interface SourceHmac {
  readonly header: string;
  readonly prefix?: string;
  readonly algorithm: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  readonly encoding: 'hex' | 'base64';
  readonly secretEncoding?: 'utf8' | 'hex' | 'base64';
  readonly timestampHeader?: string;
  readonly timestampUnit?: 's' | 'ms';
  readonly idHeader?: string;
  readonly template?: string;
  readonly type: string;
  readonly typeHeader?: string;
}

export interface SpecOf {
  backbone: BackboneSpec;
  api: ApiSpec;
  plan: PlanSpec;
  application: ApplicationSpec;
  credential: CredentialSpec;
  subscription: SubscriptionSpec;
  endpoint: EndpointSpec;
  source: SourceSpec;
}

export type ResourceKind = keyof SpecOf;

/** One remembered thing. `id` is given once and never reused; `version` grows by one with each change and is the ETag. */
export interface Resource<K extends ResourceKind = ResourceKind> {
  readonly tenant: string;
  readonly kind: K;
  readonly id: string;
  /** Unique among its siblings: the key in the configuration file. For a credential and a subscription the same as `id`. */
  readonly name: string;
  /** Name of the API of a plan, of the application of a credential, endpoint or source; empty for the rest. */
  readonly parent: string;
  readonly version: number;
  /** Wall time in milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly spec: SpecOf[K];
}

/** A change to one resource; `expect` is the version it was read at, 0 for one that must not exist yet. */
export type ResourceChange =
  | { readonly op: 'put'; readonly resource: Resource; readonly expect: number }
  | { readonly op: 'delete'; readonly resource: Resource; readonly expect: number };

export interface AuditEntry {
  readonly seq: number;
  readonly at: number;
  readonly tenant: string;
  /** `admin`, `config:sluice.yaml`, `application:<name>`, … */
  readonly actor: string;
  /** `api.create`, `subscription.pause`, … */
  readonly action: string;
  readonly kind: ResourceKind;
  readonly name: string;
  readonly parent: string;
  /** The spec before and after, without secrets; null when there was or is none. */
  readonly before: unknown;
  readonly after: unknown;
}

/** Everything the control plane remembers, kept in memory and written through. */
export interface ResourceStore {
  /** All resources as they are now; the objects are immutable and replaced, so identity tells what changed. */
  list<K extends ResourceKind>(kind: K, tenant?: string): readonly Resource<K>[];
  /** Those of one parent, found without a look at the others. */
  children<K extends ResourceKind>(kind: K, parent: string, tenant?: string): readonly Resource<K>[];
  get<K extends ResourceKind>(kind: K, name: string, parent?: string, tenant?: string): Resource<K> | undefined;
  byId<K extends ResourceKind>(kind: K, id: string): Resource<K> | undefined;
  /** Atomic with its audit rows; rejects with StoreError CHANGED when a version differs. Watchers are told before it resolves. */
  write(changes: readonly (ResourceChange & { readonly action: string })[], actor: string): Promise<void>;
  /** An audit row about a resource that stays as it is: somebody was shown its secret, say. */
  note(resource: Resource, action: string, actor: string): Promise<void>;
  /** Called after each committed write with what changed; returns how to stop. */
  watch(listener: (changes: readonly ResourceChange[]) => void): () => void;
  audit(query: {
    readonly tenant: string;
    readonly before?: number;
    readonly limit: number;
    readonly kind?: ResourceKind;
    readonly name?: string;
  }): Promise<readonly AuditEntry[]>;
  /** Earlier specs of an API, newest first: revision n is the spec at version n. */
  revisions(
    api: string,
    tenant?: string,
  ): Promise<readonly { readonly revision: number; readonly at: number; readonly actor: string; readonly spec: ApiSpec }[]>;
}

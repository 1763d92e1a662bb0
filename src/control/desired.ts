import { apiKeyPrefix, hashApiKey } from '../store/api-key.ts';
import type {
  ApiSpec,
  ApplicationSpec,
  BackboneSpec,
  ContractSource,
  CredentialSpec,
  EndpointSpec,
  PlanSpec,
  SourceSpec,
  SubscriptionSpec,
} from '../store/resources.ts';
import type { Config, ConfigApi, ConfigApplication, ConfigSubscription } from './config/config-shape.ts';
import type { WrittenAuthentication } from './config/authentication-shape.ts';
import { endpointSettings } from './config/endpoint-shape.ts';
import { pointerTo } from './config/place.ts';
import type { WrittenSecret } from './config/signing-secret-shape.ts';
import { sourceSettings } from './config/source-shape.ts';

export interface DesiredApi {
  readonly spec: ApiSpec;
  readonly plans: ReadonlyMap<string, PlanSpec>;
}

export interface DesiredSubscription {
  /** Without a state: accepted when it is new, else as it is. */
  readonly spec: Omit<SubscriptionSpec, 'state'> & { readonly state: SubscriptionSpec['state'] | undefined };
  /** JSON pointer into the configuration. */
  readonly path: string;
  readonly endpoints: readonly DesiredEndpoint[];
  readonly sources: readonly DesiredSource[];
}

export interface DesiredEndpoint {
  readonly name: string;
  readonly path: string;
  readonly settings: ReturnType<typeof endpointSettings>;
  readonly authentication: WrittenAuthentication | undefined;
  /** Undefined: started when it is new, else as it is. */
  readonly state: EndpointSpec['state'] | undefined;
  /** Newest first; undefined: those it has, and a new one when it is new. */
  readonly secrets: readonly WrittenSecret[] | undefined;
}

export interface DesiredSource {
  readonly name: string;
  readonly path: string;
  readonly settings: ReturnType<typeof sourceSettings>;
  /** Undefined: started when it is new, else as it is. */
  readonly state: SourceSpec['state'] | undefined;
  /** Newest first; undefined: those it has, and a new one when it is new. */
  readonly secrets: readonly WrittenSecret[] | undefined;
}

export interface DesiredCredential {
  readonly spec: CredentialSpec;
  readonly path: string;
}

export interface DesiredApplication {
  readonly spec: ApplicationSpec;
  readonly credentials: readonly DesiredCredential[];
  readonly subscriptions: readonly DesiredSubscription[];
}

/** The resources a configuration asks for, in the form in which they are stored. */
export interface Desired {
  readonly backbones: ReadonlyMap<string, BackboneSpec>;
  readonly apis: ReadonlyMap<string, DesiredApi>;
  readonly applications: ReadonlyMap<string, DesiredApplication>;
}

const embedded: BackboneSpec = { kind: 'embedded', options: {} };

export function desiredOf(config: Config, knownEntrypoints: readonly string[]): Desired {
  return {
    backbones: config.backbones.size === 0 ? new Map([['main', embedded]]) : config.backbones,
    apis: new Map([...config.apis].map(([name, api]) => [name, { spec: apiSpec(name, api, knownEntrypoints), plans: api.plans }])),
    applications: new Map([...config.applications].map(([name, application]) => [name, desiredApplication(name, application)])),
  };
}

/** What is stored of an API as written; its contract must be a document, not a path. */
export function apiSpec(name: string, api: Omit<ConfigApi, 'plans'>, knownEntrypoints: readonly string[]): ApiSpec {
  return {
    kind: 'event',
    description: api.description,
    contract: api.contract as ContractSource,
    path: api.path ?? `/${name}`,
    backbone: api.backbone,
    entrypoints: api.entrypoints ?? knownEntrypoints,
    lifecycle: api.lifecycle,
    retention: api.retention,
    dedup: api.dedup,
    cors: api.cors,
    maxEventBytes: api.maxEventBytes,
    ...(api.websub === undefined ? {} : { websub: api.websub }),
  };
}

function desiredApplication(name: string, application: ConfigApplication): DesiredApplication {
  const path = pointerTo('/applications', name);
  return {
    spec: { description: application.description, owner: application.owner },
    credentials: application.credentials.map((credential, index) => ({
      path: `${path}/credentials/${index}`,
      spec: {
        kind: credential.kind,
        hash: credential.value === undefined ? credential.hash!.slice('sha256:'.length) : hashApiKey(credential.value),
        prefix: credential.value === undefined ? (credential.prefix ?? '') : apiKeyPrefix(credential.value),
        origin: 'config',
        expiresAt: credential.expiresAt,
      },
    })),
    subscriptions: application.subscriptions.map((subscription, index) => ({
      path: `${path}/subscriptions/${index}`,
      spec: {
        application: name,
        api: subscription.api,
        plan: subscription.plan,
        as: subscription.as,
        allow: subscription.allow,
        state: subscription.state,
      },
      endpoints: desiredEndpoints(`${path}/subscriptions/${index}/endpoints`, subscription),
      sources: desiredSources(`${path}/subscriptions/${index}/sources`, subscription),
    })),
  };
}

function desiredEndpoints(path: string, { endpoints }: ConfigSubscription): readonly DesiredEndpoint[] {
  return [...endpoints].map(([name, endpoint]) => ({
    name,
    path: pointerTo(path, name),
    settings: endpointSettings(endpoint),
    authentication: endpoint.authentication,
    state: endpoint.state,
    secrets: endpoint.secret === undefined ? endpoint.secrets : [{ value: endpoint.secret, expiresAt: undefined }],
  }));
}

function desiredSources(path: string, { sources }: ConfigSubscription): readonly DesiredSource[] {
  return [...sources].map(([name, source]) => ({
    name,
    path: pointerTo(path, name),
    settings: sourceSettings(source),
    state: source.state,
    secrets: source.secret === undefined ? source.secrets : [{ value: source.secret, expiresAt: undefined }],
  }));
}

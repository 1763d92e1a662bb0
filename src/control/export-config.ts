import type { ApiSpec, CredentialSpec, FlushSpec, LimitsSpec, PlanSpec, Resource } from '../store/resources.ts';
import { formatDuration, formatSize } from './config/quantities.ts';
import { writtenWebSub } from './config/websub-shape.ts';
import { endpointsBySubscription, ownersEndpoints } from './endpoint-rules.ts';
import { writtenEndpoint } from './export-endpoint.ts';
import { isOpen } from './lifecycle.ts';
import { isBuiltIn, isOwnNotices } from './notice-access.ts';
import type { Resources } from './outlook.ts';
import { withoutSecrets } from './secret-options.ts';
import { writtenSource } from './export-source.ts';
import { sourcesBySubscription } from './source-rules.ts';

type Written = Readonly<Record<string, unknown>>;

/**
 * The configuration that gives these resources: applying it changes nothing. Keys are written as their hashes, secrets of
 * backbones, endpoints and sources as `${env:…}`. What is over (closed subscriptions, revoked keys, keys past `now`) is left out, as is
 * what Sluice makes itself: the API of notices, and who reads its own there.
 */
export function exportConfig(resources: Resources, now: number): Written {
  const endpoints = endpointsBySubscription(resources);
  const sources = sourcesBySubscription(resources);
  return {
    backbones: named(
      resources.list('backbone').map(({ name, spec }) => [name, { kind: spec.kind, ...withoutSecrets(name, spec.options) }]),
    ),
    apis: named(
      resources
        .list('api')
        .filter((api) => !isBuiltIn(api))
        .map(({ name, spec }) => [name, writtenApi(name, spec, resources)]),
    ),
    applications: named(
      resources.list('application').map(({ name, spec }) => [
        name,
        {
          ...spec,
          ...unlessEmpty(
            'credentials',
            resources
              .list('credential')
              .filter((credential) => credential.parent === name && isValid(credential.spec, now))
              .map(({ spec }) => writtenCredential(spec)),
          ),
          ...unlessEmpty(
            'subscriptions',
            resources
              .list('subscription')
              .filter(({ spec }) => spec.application === name && isOpen(spec.state))
              .filter(({ id, spec }) => endpoints.has(id) || !isOwnNotices(spec, resources))
              .map((one) =>
                writtenSubscription(one, { endpoints: ownersEndpoints(endpoints.get(one.id)), sources: sources.get(one.id) ?? [] }, now),
              ),
          ),
        },
      ]),
    ),
  };
}

function named(entries: readonly (readonly [string, unknown])[]): Written {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function unlessEmpty(key: string, list: readonly unknown[]): Written {
  return list.length === 0 ? {} : { [key]: list };
}

function writtenApi(name: string, spec: ApiSpec, resources: Resources): Written {
  const { retention, cors } = spec;
  const plans = resources.list('plan').filter((plan) => plan.parent === name);
  return defined({
    description: spec.description,
    contract: spec.contract,
    path: spec.path,
    backbone: spec.backbone,
    entrypoints: spec.entrypoints,
    lifecycle: spec.lifecycle,
    retention:
      Object.keys(retention).length === 0
        ? undefined
        : defined({ age: retention.age === undefined ? undefined : formatDuration(retention.age), bytes: retention.bytes }),
    dedup: { window: formatDuration(spec.dedup.window) },
    cors: cors && { origins: cors.origins, maxAge: formatDuration(cors.maxAge) },
    maxEventBytes: formatSize(spec.maxEventBytes),
    websub: spec.websub && writtenWebSub(spec.websub),
    plans: plans.length === 0 ? undefined : named(plans.map((plan) => [plan.name, writtenPlan(plan.spec)])),
  });
}

function writtenPlan(spec: PlanSpec): Written {
  const { limits, flush, ...rest } = spec;
  return {
    ...rest,
    ...(Object.keys(limits).length === 0 ? {} : { limits: writtenLimits(limits) }),
    ...(flush === undefined ? {} : { flush: writtenFlush(flush) }),
  };
}

function writtenFlush({ maxDelay, maxBytes, maxEvents }: FlushSpec): Written {
  return defined({
    maxDelay: maxDelay === undefined ? undefined : formatDuration(maxDelay),
    maxBytes: maxBytes === undefined ? undefined : formatSize(maxBytes),
    maxEvents,
  });
}

function writtenLimits(limits: LimitsSpec): Written {
  return defined({
    eventCount: limits.eventCount,
    connectionCount: limits.connectionCount,
    duration: limits.duration?.map(({ limit, per, until }) =>
      defined({ limit: limit === undefined ? undefined : formatDuration(limit), per, until }),
    ),
    backpressure: limits.backpressure && {
      ...defined({
        maxBuffered: limits.backpressure.maxBuffered === undefined ? undefined : formatSize(limits.backpressure.maxBuffered),
        maxEvents: limits.backpressure.maxEvents,
      }),
      overflow: limits.backpressure.overflow,
    },
  });
}

function isValid(credential: CredentialSpec, now: number): boolean {
  return credential.revokedAt === undefined && (credential.expiresAt ?? Infinity) > now;
}

function writtenCredential({ kind, hash, prefix, expiresAt }: CredentialSpec): Written {
  return defined({
    kind,
    hash: `sha256:${hash}`,
    prefix: prefix === '' ? undefined : prefix,
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt).toISOString(),
  });
}

interface Attached {
  readonly endpoints: readonly Resource<'endpoint'>[];
  readonly sources: readonly Resource<'source'>[];
}

function writtenSubscription({ spec }: Resource<'subscription'>, { endpoints, sources }: Attached, now: number): Written {
  const { api, plan, as, allow, state } = spec;
  return defined({
    api,
    plan,
    as,
    allow,
    state: state === 'accepted' ? undefined : state,
    endpoints: endpoints.length === 0 ? undefined : named(endpoints.map((one) => [one.name, defined(writtenEndpoint(one, now))])),
    sources: sources.length === 0 ? undefined : named(sources.map((one) => [one.name, defined(writtenSource(one, now))])),
  });
}

function defined(members: Written): Written {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

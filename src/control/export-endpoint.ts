import type { Resource } from '../store/resources.ts';
import { formatDuration, formatSize } from './config/quantities.ts';
import { shownAuthentication } from './endpoint-authentication.ts';
import { exportedSecrets, shownHeaders } from './endpoint-secrets.ts';

/** An endpoint as a configuration names it, members it does not have as undefined. */
export function writtenEndpoint(endpoint: Resource<'endpoint'>, now: number): Readonly<Record<string, unknown>> {
  const { spec } = endpoint;
  return {
    description: spec.description,
    address: spec.address,
    url: spec.url,
    events: spec.types,
    filter: spec.filter,
    headers: shownHeaders(endpoint, spec.headers),
    authentication: spec.authentication && shownAuthentication(endpoint, spec.authentication),
    secrets: exportedSecrets(endpoint, now).map(({ value, expiresAt }) =>
      expiresAt === undefined ? value : { value, expiresAt: new Date(expiresAt).toISOString() },
    ),
    verification: spec.verification,
    signature: spec.signature?.header === undefined ? spec.signature?.style : spec.signature,
    content: spec.content,
    timeout: formatDuration(spec.timeout),
    retry: spec.retry.map(formatDuration),
    rateLimit: spec.rateLimit,
    concurrency: spec.concurrency,
    order: spec.order,
    batch: spec.batch && { events: spec.batch.events, bytes: formatSize(spec.batch.bytes), wait: formatDuration(spec.batch.wait) },
    keepDeadLetters: spec.keepDeadLetters === undefined ? undefined : formatDuration(spec.keepDeadLetters),
    metadata: spec.metadata,
    state: spec.state === 'started' ? undefined : spec.state,
  };
}

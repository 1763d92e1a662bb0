import type { Resource } from '../store/resources.ts';
import { formatDuration } from './config/quantities.ts';
import { exportedSourceSecrets } from './source-secrets.ts';

/** A source as a configuration names it, members it does not have as undefined. */
export function writtenSource(source: Resource<'source'>, now: number): Readonly<Record<string, unknown>> {
  const { spec } = source;
  return {
    description: spec.description,
    preset: spec.preset,
    address: spec.address,
    tolerance: formatDuration(spec.tolerance),
    hmac: spec.hmac,
    types: Object.keys(spec.types).length === 0 ? undefined : spec.types,
    eventSource: spec.eventSource,
    replay: spec.replay,
    topic: spec.topic && { url: spec.topic.url, lease: formatDuration(spec.topic.lease) },
    secrets: exportedSourceSecrets(source, now).map(({ value, expiresAt }) =>
      expiresAt === undefined ? value : { value, expiresAt: new Date(expiresAt).toISOString() },
    ),
    state: spec.state === 'started' ? undefined : spec.state,
  };
}

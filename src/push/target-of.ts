import type { Event } from '../core/event.ts';
import { parseSecret } from '../protocols/standard-webhooks/secret.ts';
import type { EndpointSpec, Resource } from '../store/resources.ts';
import { openAuthentication } from './authentication/authentication.ts';
import { providerSignature } from './provider-signature.ts';
import type { PushTarget } from './push-target.ts';
import { wantedTypes } from './wanted-types.ts';

interface Opening {
  /** Opens what is sealed at rest. */
  readonly open: (sealed: string) => string;
  /** Compiles a CEL expression; throws INVALID_FILTER. */
  readonly compile: (expression: string) => { test(event: Event): boolean };
}

/** What a courier needs to know of an endpoint. Throws GatewayError when its filter or a secret cannot be used. */
export function targetOf({ id, tenant, spec }: Resource<'endpoint'>, { open, compile }: Opening): PushTarget {
  const filter = spec.filter === undefined ? undefined : compile(spec.filter);
  const wantsType = wantedTypes(spec.types);
  const { rateLimit, websub } = spec;
  const isTopic = websub !== undefined;
  return {
    id,
    tenant,
    url: spec.url,
    wants: (event) => wantsType(event.type) && (!isTopic || hasContent(event)) && (filter === undefined || filter.test(event)),
    headers: Object.entries(spec.headers),
    authentication: spec.authentication && openAuthentication(spec.authentication, open),
    ...signerOf(spec, open),
    websub: websub && { ...websub, secret: websub.secret && open(websub.secret.sealed) },
    content: spec.content,
    timeout: spec.timeout,
    schedule: { delays: spec.retry },
    perSecond: rateLimit === undefined ? undefined : rateLimit.limit / (rateLimit.per === 'second' ? 1 : 60),
    concurrency: spec.concurrency,
    order: spec.order,
    batch: spec.batch,
  };
}

function signerOf({ secrets, signature }: EndpointSpec, open: Opening['open']): Pick<PushTarget, 'secrets' | 'signAs'> {
  const opened = secrets.map(({ sealed, expiresAt = Infinity }) => ({ text: open(sealed), expiresAt }));
  if (signature !== undefined) {
    const live = (now: number): readonly string[] => opened.filter(({ expiresAt }) => expiresAt > now).map(({ text }) => text);
    return { secrets: () => [], signAs: providerSignature(signature, live) };
  }
  const parsed = opened.map(({ text, expiresAt }) => ({ secret: parseSecret(text), expiresAt }));
  const signing = parsed.flatMap(({ secret, expiresAt }) => (secret.kind === 'verification' ? [] : [{ secret, expiresAt }]));
  return { secrets: (now) => signing.filter(({ expiresAt }) => expiresAt > now).map(({ secret }) => secret) };
}

/** What has no data is no content of a topic. */
function hasContent({ bytes }: Event): boolean {
  return bytes > 0;
}

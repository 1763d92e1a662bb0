import { publicKeySet, type PublicKeySet } from '../protocols/standard-webhooks/public-keys.ts';
import { parseSecret } from '../protocols/standard-webhooks/secret.ts';
import type { Resource } from '../store/resources.ts';

interface Opening {
  /** Opens what is sealed at rest. */
  readonly open: (sealed: string) => string;
  /** Wall time in milliseconds. */
  readonly now: number;
}

/** The public halves of the keys that sign an endpoint's deliveries (`v1a`) and have not expired; none where it has shared secrets only. */
export function endpointKeys({ spec }: Resource<'endpoint'>, { open, now }: Opening): PublicKeySet {
  if (spec.signature !== undefined) return { keys: [] };
  const live = spec.secrets.filter(({ expiresAt = Infinity }) => expiresAt > now);
  return publicKeySet(live.map(({ sealed }) => parseSecret(open(sealed))));
}

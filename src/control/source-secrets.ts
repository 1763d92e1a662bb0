import { randomBytes } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import { generateSharedSecret } from '../protocols/standard-webhooks/secret.ts';
import type { Resource, SourceSpec } from '../store/resources.ts';
import type { Sealer } from '../store/sealed.ts';
import type { WrittenSecret } from './config/signing-secret-shape.ts';
import { sourceSecretFault } from './config/source-shape.ts';
import { referenceTo } from './secret-options.ts';

type Secrets = SourceSpec['secrets'];
type Named = Pick<Resource<'source'>, 'parent' | 'name'>;
type Settings = Parameters<typeof sourceSecretFault>[0];

/** Presets whose users choose the secret; all others show one that their provider made. */
const ownSecret = new Set(['cloudevents', 'github', 'github-sha1', 'hmac', 'standard', 'websub', 'websub-sha1']);

/** A new secret for a source; undefined where only the provider can make one. */
export function mintSourceSecret({ preset, hmac }: Settings): string | undefined {
  if (!ownSecret.has(preset)) return undefined;
  if (preset === 'standard') return generateSharedSecret(randomBytes);
  return randomBytes(32).toString(hmac?.secretEncoding === 'hex' ? 'hex' : hmac?.secretEncoding === 'base64' ? 'base64' : 'base64url');
}

/** The secret that is given, or a new one; throws BAD_REQUEST when it cannot be one, or has to come from the provider. */
export function takenSecret(settings: Settings, given: string | undefined): string {
  const secret = given ?? mintSourceSecret(settings);
  if (secret === undefined)
    throw new GatewayError(
      'BAD_REQUEST',
      `/secret: is missing; with the preset ${settings.preset} it is the provider that makes it, so copy it from there.`,
    );
  const fault = sourceSecretFault(settings, secret);
  if (fault !== undefined) throw new GatewayError('BAD_REQUEST', `/secret: ${fault}`);
  return secret;
}

/** Secrets of a configuration, sealed; a reference under which a stored one was exported is that one. Undefined for any that stands for nothing. */
export function sealedSourceSecrets(
  written: readonly WrittenSecret[],
  { source, stored, sealer }: { readonly source: Named; readonly stored: Secrets; readonly sealer: Sealer },
): readonly (Secrets[number] | undefined)[] {
  return written.map(({ value, expiresAt }) => {
    const index = stored.findIndex((_, position) => secretReference(source, position) === value);
    const sealed = value.startsWith('${') ? stored[index]?.sealed : sealer.seal(value);
    return sealed === undefined ? undefined : { sealed, ...(expiresAt === undefined ? {} : { expiresAt }) };
  });
}

/** The secrets that are still believed, as references that a configuration takes back. */
export function exportedSourceSecrets(
  source: Resource<'source'>,
  now: number,
): readonly { readonly value: string; readonly expiresAt?: number }[] {
  return source.spec.secrets
    .filter(({ expiresAt = Infinity }) => expiresAt > now)
    .map(({ expiresAt }, index) => ({ value: secretReference(source, index), ...(expiresAt === undefined ? {} : { expiresAt }) }));
}

/** Told apart from those of endpoints, which may have the same names. */
function secretReference({ parent, name }: Named, index: number): string {
  return referenceTo([parent, 'source', name, 'secret', ...(index === 0 ? [] : [String(index)])]);
}

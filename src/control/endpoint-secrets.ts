import { randomBytes } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import { generateSharedSecret, generateSigningKey } from '../protocols/standard-webhooks/secret.ts';
import type { EndpointSpec, Resource } from '../store/resources.ts';
import type { Sealer } from '../store/sealed.ts';
import { isSecretName } from '../store/sqlite/without-secrets.ts';
import type { WrittenSecret } from './config/signing-secret-shape.ts';
import { maxSecrets, secretFault } from './config/signing-secret-shape.ts';
import { referenceTo } from './secret-options.ts';

type Secrets = EndpointSpec['secrets'];
type Headers = EndpointSpec['headers'];
type Named = Pick<Resource<'endpoint'>, 'parent' | 'name'>;

/** A new secret of the kind of another one; a shared one (`whsec_`) when there is none. */
export function mintSecret(like?: string): string {
  return like?.startsWith('whsk_') === true ? generateSigningKey(randomBytes) : generateSharedSecret(randomBytes);
}

/** The secrets once a new one signs and the others sign along until a moment; throws CONFLICT when it is no new one, or one too many. */
export function rotated(secrets: Secrets, sealed: string, { now, until }: { readonly now: number; readonly until: number }): Secrets {
  if (secrets.some((one) => one.sealed === sealed))
    throw new GatewayError('CONFLICT', 'This is a secret that is in use, or was; rotation needs a new one.');
  const older = secrets
    .map((one) => ({ ...one, expiresAt: Math.min(one.expiresAt ?? Infinity, until) }))
    .filter(({ expiresAt }) => expiresAt > now);
  if (older.length >= maxSecrets)
    throw new GatewayError(
      'CONFLICT',
      `${maxSecrets} secrets count already, which is the most; wait until one of them expires, or leave no overlap.`,
    );
  return inOrder([{ sealed }, ...older]);
}

/** Why an endpoint cannot change to another format of signatures, as a sentence; undefined when all its live secrets can sign in it. */
export function changeOfStyleFault(
  before: Pick<EndpointSpec, 'signature'>,
  { signature, secrets }: Pick<EndpointSpec, 'signature' | 'secrets'>,
  { sealer, now }: { readonly sealer: Sealer; readonly now: number },
): string | undefined {
  const style = signature?.style ?? 'standard';
  if (style === (before.signature?.style ?? 'standard')) return undefined;
  const isUnfit = secrets.some(
    ({ sealed, expiresAt = Infinity }) => expiresAt > now && secretFault(style, sealer.open(sealed)) !== undefined,
  );
  return isUnfit
    ? `has a secret that cannot sign in the format ${style}; rotate it to one that can, and change the format then`
    : undefined;
}

/**
 * The secrets once a configuration has named the wanted ones. Those that are running out stay until they have, and while the
 * configuration names only secrets that a rotation has replaced, the rotation stands.
 */
export function agreedSecrets(wanted: Secrets, stored: Secrets): Secrets {
  const known = new Map(stored.map((one) => [one.sealed, one]));
  const isKnown = wanted.every(({ sealed }) => known.has(sealed));
  const isReplaced = wanted.some(({ sealed, expiresAt }) => expiresAt === undefined && known.get(sealed)?.expiresAt !== undefined);
  if (isKnown && isReplaced) return stored;
  const named = new Set(wanted.map(({ sealed }) => sealed));
  const ending = stored.filter(({ sealed, expiresAt }) => expiresAt !== undefined && !named.has(sealed));
  return inOrder([...wanted, ...ending]).slice(0, maxSecrets);
}

/** Secrets of a configuration, sealed; a reference under which a stored one was exported is that one. Undefined for any that stands for nothing. */
export function sealedAs(
  written: readonly WrittenSecret[],
  endpoint: Named,
  stored: Secrets,
  sealer: Sealer,
): readonly (Secrets[number] | undefined)[] {
  return written.map(({ value, expiresAt }) => {
    const index = stored.findIndex((_, position) => secretReference(endpoint, position) === value);
    const sealed = value.startsWith('${') ? stored[index]?.sealed : sealer.seal(value);
    return sealed === undefined ? undefined : { sealed, ...(expiresAt === undefined ? {} : { expiresAt }) };
  });
}

/** The secrets that still sign, as references that a configuration takes back; the same positions as in the store, where the expired are last. */
export function exportedSecrets(
  endpoint: Resource<'endpoint'>,
  now: number,
): readonly { readonly value: string; readonly expiresAt?: number }[] {
  return endpoint.spec.secrets
    .filter(({ expiresAt = Infinity }) => expiresAt > now)
    .map(({ expiresAt }, index) => ({ value: secretReference(endpoint, index), ...(expiresAt === undefined ? {} : { expiresAt }) }));
}

/** Headers as they may be shown: what is secret by its name as a reference. */
export function shownHeaders(endpoint: Named, headers: Headers): Headers {
  return mapped(headers, (name, value) => (isSecretName(name) ? headerReference(endpoint, name) : value));
}

/** Headers that came back as they were shown get their secrets from the stored ones. */
export function keptHeaders(endpoint: Named, headers: Headers, stored: Headers): Headers {
  return mapped(headers, (name, value) => {
    const isShown = value === headerReference(endpoint, name) && Object.hasOwn(stored, name);
    return isShown ? stored[name]! : value;
  });
}

/** Those without an end first, then those that sign longest. */
function inOrder(secrets: Secrets): Secrets {
  return secrets.toSorted((a, b) => {
    const [first, second] = [a.expiresAt ?? Infinity, b.expiresAt ?? Infinity];
    return first === second ? 0 : second - first;
  });
}

function secretReference({ parent, name }: Named, index: number): string {
  return referenceTo([parent, name, 'secret', ...(index === 0 ? [] : [String(index)])]);
}

function headerReference({ parent, name }: Named, header: string): string {
  return referenceTo([parent, name, 'header', header]);
}

function mapped(headers: Headers, map: (name: string, value: string) => string): Headers {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, map(name, value)]));
}

import { createHash } from 'node:crypto';
import type { ApiSpec, ContractSource, CredentialSpec, EndpointSpec, Resource, Sealed, SourceSpec } from '../resources.ts';
import { fingerprintOf } from '../sealed.ts';

const SECRET_NAME = /pass|secret|token|key|credential|auth|cookie/i;
const URL_SECRET = /(:\/\/)[^/@\s]*@/g;

/**
 * A resource's spec as people may read it in the audit: no hashes of credentials, no passwords of backbones or secrets of
 * endpoints and sources, and a contract's documents by their SHA-256, since an API's revisions hold the text.
 */
export function withoutSecrets(resource: Resource | undefined): unknown {
  if (resource === undefined) return null;
  if (resource.kind === 'credential') {
    const { hash: _, ...shown } = resource.spec as CredentialSpec;
    return shown;
  }
  if (resource.kind === 'api') {
    const spec = resource.spec as ApiSpec;
    return { ...spec, contract: digests(spec.contract) };
  }
  if (resource.kind === 'endpoint') {
    const spec = resource.spec as EndpointSpec;
    const { authentication, websub } = spec;
    return {
      ...spec,
      headers: redact(spec.headers),
      ...(authentication && { authentication: withoutSeals(authentication) }),
      ...(websub && { websub: withoutSeals(websub) }),
      secrets: spec.secrets.map(withoutSeal),
    };
  }
  if (resource.kind === 'source') {
    const spec = resource.spec as SourceSpec;
    return { ...spec, secrets: spec.secrets.map(withoutSeal) };
  }
  return resource.kind === 'backbone' ? redact(resource.spec) : resource.spec;
}

/** Whether a header or option of this name holds what nobody should read. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** One of the secrets of an endpoint or source as it may be shown: told from others by a fingerprint, and when it ends. */
export function withoutSeal({ sealed, expiresAt }: EndpointSpec['secrets'][number]): {
  readonly fingerprint: string;
  readonly expiresAt?: number;
} {
  return { fingerprint: fingerprintOf(sealed), ...(expiresAt === undefined ? {} : { expiresAt }) };
}

/** An object's members, with those that are sealed as they may be shown. */
export function withoutSeals(members: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(members).map(([name, member]: [string, unknown]) => [name, isSealed(member) ? withoutSeal(member) : member]),
  );
}

function isSealed(member: unknown): member is Sealed {
  return typeof member === 'object' && member !== null && 'sealed' in member;
}

function digests({ name, text, files }: ContractSource): unknown {
  return { name, sha256: sha256(text), files: Object.fromEntries(Object.entries(files).map(([path, content]) => [path, sha256(content)])) };
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function redact(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(URL_SECRET, '$1***@');
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, isSecretName(name) && typeof member !== 'object' ? '***' : redact(member)]),
  );
}

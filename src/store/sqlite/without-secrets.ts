import { createHash } from 'node:crypto';
import type { ApiSpec, ContractSource, CredentialSpec, Resource } from '../resources.ts';

const SECRET_NAME = /pass|secret|token|key|credential|auth/i;
const URL_SECRET = /(:\/\/)[^/@\s]*@/g;

/**
 * A resource's spec as people may read it in the audit: no hashes of credentials, no passwords of backbones, and a contract's
 * documents by their SHA-256, since an API's revisions hold the text.
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
  return resource.kind === 'backbone' ? redact(resource.spec) : resource.spec;
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
    Object.entries(value).map(([name, member]) => [name, SECRET_NAME.test(name) && typeof member !== 'object' ? '***' : redact(member)]),
  );
}

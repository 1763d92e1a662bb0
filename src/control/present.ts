import type { Resource, ResourceKind, SpecOf } from '../store/resources.ts';
import { withoutSeal, withoutSeals } from '../store/sqlite/without-secrets.ts';
import { shownAuthentication } from './endpoint-authentication.ts';
import { shownHeaders } from './endpoint-secrets.ts';
import { withoutSecrets } from './secret-options.ts';

export type View = Readonly<Record<string, unknown>>;

/** A resource as the management API shows it: its spec with id, name and version beside. Never a hash or a secret. */
export function viewOf(resource: Resource): View {
  const { id, name, version, createdAt, updatedAt } = resource;
  return { id, name, ...(resource.parent === '' ? {} : parentOf(resource)), ...shownSpec(resource), version, createdAt, updatedAt };
}

/** The same for lists: contracts by name and size only. */
export function listViewOf(resource: Resource): View {
  return withContractSize(viewOf(resource));
}

/** A spec as it may stand in a difference: short and without secrets. */
export function diffView(resource: Resource): View {
  return withContractSize(shownSpec(resource));
}

function parentOf(resource: Resource): View {
  return resource.kind === 'plan' ? { api: resource.parent } : { application: resource.parent };
}

function shownSpec(resource: Resource): View {
  if (isKind(resource, 'credential')) {
    const { hash: _, ...shown } = resource.spec;
    return shown;
  }
  if (isKind(resource, 'backbone')) return { kind: resource.spec.kind, options: withoutSecrets(resource.name, resource.spec.options) };
  if (isKind(resource, 'endpoint')) {
    const { types, secrets, headers, authentication, websub, ...rest } = resource.spec;
    return {
      ...rest,
      events: types,
      headers: shownHeaders(resource, headers),
      ...(authentication && { authentication: shownAuthentication(resource, authentication) }),
      secrets: secrets.map(withoutSeal),
      ...(websub && { websub: withoutSeals(websub) }),
    };
  }
  if (isKind(resource, 'source')) return { ...resource.spec, secrets: resource.spec.secrets.map(withoutSeal) };
  return { ...resource.spec };
}

function withContractSize(view: View): View {
  const contract = view['contract'] as SpecOf['api']['contract'] | undefined;
  if (contract === undefined) return view;
  return { ...view, contract: { name: contract.name, bytes: Buffer.byteLength(contract.text), files: Object.keys(contract.files).length } };
}

function isKind<K extends ResourceKind>(resource: Resource, kind: K): resource is Resource<K> {
  return resource.kind === kind;
}

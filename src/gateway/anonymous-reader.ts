import type { Hello } from '../core/entrypoint.ts';
import type { Resource } from '../store/resources.ts';

/**
 * What stands for the credential of somebody who shows none and asks for a WebSub topic, where the API lets anybody subscribe: that of the
 * application whose subscription is meant for it. It is good for one request and kept nowhere.
 */
export function anonymousReader({ protocol, credential }: Hello, api: Resource<'api'>): Resource<'credential'> | undefined {
  const application = api.spec.websub?.anonymous;
  if (protocol !== 'websub' || credential !== undefined || application === undefined) return undefined;
  return {
    tenant: api.tenant,
    kind: 'credential',
    id: 'anonymous',
    name: 'anonymous',
    parent: application,
    version: 1,
    createdAt: 0,
    updatedAt: 0,
    spec: { kind: 'api-key', hash: '', prefix: '', origin: 'config' },
  };
}

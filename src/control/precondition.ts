import { GatewayError } from '../core/errors.ts';
import type { Resource } from '../store/resources.ts';

export function etagOf(resource: Pick<Resource, 'version'>): string {
  return `"${resource.version}"`;
}

/** Throws PRECONDITION_REQUIRED without `If-Match` where one is needed, PRECONDITION_FAILED when the resource has another version. */
export function checkPrecondition(resource: Resource, ifMatch: string | undefined, need: 'required' | 'optional'): void {
  const etag = etagOf(resource);
  if (ifMatch === undefined) {
    if (need === 'optional') return;
    throw new GatewayError('PRECONDITION_REQUIRED', `Say which version you mean: If-Match: ${etag} is the one that stands, * is any.`);
  }
  const wanted = ifMatch.split(',', 100).map((tag) => tag.trim());
  if (wanted.includes('*') || wanted.includes(etag)) return;
  throw new GatewayError(
    'PRECONDITION_FAILED',
    `This was changed meanwhile: it has the ETag ${etag} now. Read it again and repeat your change.`,
  );
}

/**
 * Addresses of channels: segments separated by `/`. A pattern may have `*` for exactly one segment;
 * as a whole pattern, `*` alone stands for every address.
 */

/** Whether a concrete address lies under a pattern. */
export function matchesAddress(pattern: string, address: string): boolean {
  if (pattern === address || pattern === '*') return true;
  if (!pattern.includes('*')) return false;
  const wanted = pattern.split('/');
  const given = address.split('/');
  return wanted.length === given.length && wanted.every((segment, index) => segment === '*' || segment === given[index]);
}

/** Whether every address under `inner` also lies under `outer`: what a permission check of a wildcard read asks. */
export function coversAddress(outer: string, inner: string): boolean {
  if (outer === inner || outer === '*') return true;
  const wanted = outer.split('/');
  const given = inner.split('/');
  return wanted.length === given.length && wanted.every((segment, index) => segment === '*' || segment === given[index]);
}

export function isPattern(address: string): boolean {
  return address === '*' || address.split('/').includes('*');
}
